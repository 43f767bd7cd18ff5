"""From the steps in the file to the question."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from checks.check import HttpQuestion
from checks.family import Family
from checks.journey import Question
from checks.oauth2 import OAuth2
from checks.progress import Progress
from checks.steps import JourneyRequest, Step, Take
from checks.way import Way
from monitor.config import Config
from monitor.config.changes import changes

Reader = Callable[..., Config]
Complainer = Callable[..., str]
DOCS = Path(__file__).parent.parent.parent / "docs" / "configuration.md"
COOKIES = Way(cookies=True)


def steps_of(found: Config) -> tuple[Step, ...]:
    (check,) = found.all_checks()
    assert isinstance(check.question, Question)
    return check.question.steps


def order(*steps: str) -> str:
    listed = "".join(f"          - {step}\n" for step in steps)
    return f"services:\n  shop:\n    checks:\n      order:\n        journey:\n{listed}"


def test_the_example_of_the_documentation_is_good(config: Reader) -> None:
    chapter = DOCS.read_text().split("### Journeys\n")[1].split("\n### ")[0]
    example = re.search(r"(?:^    .*\n)+", chapter, re.MULTILINE)
    assert example is not None

    found = config(dedent(example[0]), {"SHOP_PASSWORD": 'pass"{{word}}'})

    assert found.warnings == ()
    assert found.secrets() == {'pass"{{word}}'}
    (check,) = found.all_checks()
    assert (check.id, check.interval, check.question.url) == ("shop/order", 60.0, "https://shop.example/api/login")
    login, placed, look, cancel = steps_of(found)
    json = (("Content-Type", "application/json"),)
    bearer = (("Authorization", "Bearer {{login.token}}"),)
    assert login == Step(
        name="login",
        question=HttpQuestion(
            url="https://shop.example/api/login",
            method="POST",
            headers=json,
            body='{"user": "probe", "password": "pass"{{{{word}}"}',
            way=COOKIES,
        ),
        take=(Take(name="token", of="[BODY].access_token"),),
    )
    assert placed == Step(
        name="order",
        question=HttpQuestion(
            url="https://shop.example/api/orders",
            method="POST",
            headers=(*json, *bearer),
            body='{"article": "probe-1", "number": 1}',
            expected_status=((201, 201),),
            way=COOKIES,
        ),
        take=(Take(name="id", of="[HEADERS].location", regex="/orders/([^/]+)$"),),
    )
    assert look.question.expect == ("[BODY].id == {{order.id}}", "[BODY].state == open")
    assert look.question.warn == ("[RESPONSE_TIME] < 500ms",)
    assert (cancel.always, cancel.question.url) == (True, "https://shop.example/api/orders/{{order.id}}")


def test_every_key_of_a_step_reaches_the_question(config: Reader, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "token").write_text("{{not.a-value}}\n")
    first, second, third = steps_of(
        config(
            order(
                "{name: a, http: 'https://h/', basic: {user: u, password: p}, tls: {ca: ca.pem}, max_body: 1MB, "
                "compression: true, ip: 4, timeout: 2.5s, take: {x: {of: '[COOKIES].s', secret: false}}}",
                "{name: b, http: 'https://h/{{a.x}}', bearer_file: token, "
                "expect: '[STATUS] == 200 and [BODY] == any(ok, {{a.x}})'}",
                "{name: c, http: 'https://h/', oauth2: {token_url: 'https://id/', client_id: i, client_secret: s}}",
            )
        )
    )

    assert first == Step(
        name="a",
        question=HttpQuestion(
            url="https://h/",
            headers=(("Authorization", "Basic dTpw"),),
            ca_file=str(tmp_path / "ca.pem"),
            max_body=1024 * 1024,
            way=Way(cookies=True, compressed=True, ip=Family(version=4)),
        ),
        take=(Take(name="x", of="[COOKIES].s", hidden=False),),
        timeout=2.5,
    )
    # The conditions say which status is wanted, and what stands in a file is no name of a value.
    assert second.question.expected_status == ()
    assert second.question.headers == (("Authorization", "Bearer {{{{not.a-value}}"),)
    assert third.question.oauth2 == OAuth2(token_url="https://id/", client_id="i", client_secret="s")


def test_what_a_variable_holds_is_never_the_name_of_a_value(config: Reader) -> None:
    environ = {"ODD": "{{login.token}}"}
    steps = steps_of(
        config(
            order(
                "{name: login, http: 'http://h/', take: {token: '[BODY].token'}}",
                "{name: order, http: 'http://h/?a=${ODD}', method: POST, headers: {X: '${ODD}'}, body: '${ODD}', "
                "bearer: '${ODD}'}",
                "{name: other, http: 'http://h/', basic: {user: '${ODD}', password: '${ODD}'}}",
            ),
            environ,
        )
    )

    run = Progress(JourneyRequest(steps=steps[1:], timeout=10.0))
    first = run.next(0.0)
    assert first is not None
    assert first.question.url == "http://h/?a={{login.token}}"
    assert first.question.body == "{{login.token}}"
    assert first.question.headers == (("X", "{{login.token}}"), ("Authorization", "Bearer {{login.token}}"))


def test_secrets_of_a_step_are_known_and_names_of_values_are_none(config: Reader) -> None:
    found = config(
        order(
            "{name: login, http: 'http://h/', headers: {X-Api-Key: key-1}, bearer: token-2, take: {token: '[BODY].t'}}",
            "{name: other, http: 'http://h/', headers: {Authorization: 'Bearer {{login.token}}', X-Who: '${WHO}'}}",
            "{name: last, http: 'http://h/', method: POST, body: '${BODY}', basic: {user: u, password: pass-5}}",
        ),
        {"WHO": "tenant-3", "BODY": "{{body-4"},
    )

    assert found.secrets() == {"key-1", "token-2", "tenant-3", "{{body-4", "pass-5"}
    assert "pass-5" not in repr(found.all_checks())
    assert "token-2" not in repr(found.all_checks())


def test_a_name_in_braces_is_text_in_a_check_without_steps(config: Reader) -> None:
    text = "services: {shop: {checks: {live: {http: 'http://h/{{a.b}}', expect: '[BODY] == {{a.b}}'}}}}\n"
    (check,) = config(text).all_checks()

    assert check.question.url == "http://h/{{a.b}}"


def test_a_step_is_a_request_over_http(problems: Complainer) -> None:
    said = problems(order("{name: login, tcp: 'localhost:22'}"))

    assert "journey[0].http: is missing" in said
    assert "journey[0].tcp: unknown key" in said


def test_authorities_of_a_step_are_looked_at_again(config: Reader, tmp_path: Path) -> None:
    text = order("{name: login, http: 'https://h/', tls: {ca: ca.pem}}")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    before = config(text)
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE----- another\n")
    after = config(text)

    assert changes(before, after).authorities
    assert not changes(before, after).changed


def test_a_step_that_is_changed_asks_anew(config: Reader) -> None:
    before = config(order("{name: login, http: 'https://h/'}"))
    after = config(order("{name: login, http: 'https://h/', take: {token: '[BODY].token'}}"))

    assert changes(before, after).asked_anew == {"shop/order"}
