"""Requests that need a token first, against a real token endpoint and a real target that wants one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from math import inf
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from checks.check import Finding, HttpQuestion
from checks.exchange import HttpAnswer, HttpRequest
from checks.http import judge, requests
from checks.oauth2 import AuthorizedRequest, OAuth2
from checks.result import Outcome, Reason
from monitor.probing.engine import Engine
from monitor.probing.tokens import Kept


class Endpoint:
    """
    Gives `token-1`, `token-2` and so on, of which the target takes those in `good`.

    Attributes:
        given: How many it gave.
        lasts: Seconds for which it says that a token is good.
        refuses: Answers so instead.
    """

    def __init__(self, server: HTTPServer) -> None:
        self._numbers = count(1)
        self.server = server
        self.given = 0
        self.lasts = 3600
        self.refuses: Response | None = None
        self.good: set[str] | None = None
        self.asked: list[Request] = []
        server.expect_request("/token", method="POST").respond_with_handler(self._give)
        server.expect_request("/").respond_with_handler(self._answer)

    def _give(self, request: Request) -> Response:
        assert request.authorization is not None
        assert (request.authorization.username, request.authorization.password) == ("watch", "hunter2")
        assert request.form.to_dict() == {"grant_type": "client_credentials", "scope": "read"}
        if self.refuses is not None:
            return self.refuses
        self.given += 1
        said: dict[str, object] = {"access_token": f"token-{next(self._numbers)}", "token_type": "Bearer"}
        return Response(json.dumps({**said, "expires_in": self.lasts}), content_type="application/json")

    def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = token.startswith("token-") if self.good is None else token in self.good
        return Response(f"heard {token}", status=200 if allowed else 401, headers={"X-Heard": token})

    @property
    def question(self) -> HttpQuestion:
        whom = OAuth2(
            token_url=self.server.url_for("/token"), client_id="watch", client_secret="hunter2", scopes=("read",)
        )
        return HttpQuestion(url=self.server.url_for("/"), headers=(("X-Tenant", "a"),), oauth2=whom)


@pytest.fixture
def endpoint(httpserver: HTTPServer) -> Endpoint:
    return Endpoint(httpserver)


Ask = Callable[..., list[Finding]]


@pytest.fixture
def ask(engine: Engine, turn_until: Callable[..., None]) -> Ask:
    """All *questions* at the same time."""

    def ask(*questions: HttpQuestion, timeout: float = 30.0) -> list[Finding]:
        answers: dict[int, HttpAnswer] = {}
        for place, question in enumerate(questions):
            (request,) = requests(question, timeout)
            assert isinstance(request, AuthorizedRequest)
            assert request.url == question.url

            def keep(answer: HttpAnswer, place: int = place) -> None:
                assert place not in answers
                answers[place] = answer

            engine.submit(request, keep)
        turn_until(engine, lambda: len(answers) == len(questions))
        turn_until(engine, lambda: engine.in_flight == 0)
        return [judge(question, (answers[place],), {}) for place, question in enumerate(questions)]

    return ask


def test_one_token_is_for_all_that_ask_for_it_alike_and_is_kept(endpoint: Endpoint, ask: Ask) -> None:
    findings = ask(endpoint.question, endpoint.question, endpoint.question)
    findings += ask(endpoint.question)

    assert [finding.outcome for finding in findings] == [Outcome.OK] * 4
    assert endpoint.given == 1
    assert {request.headers["Authorization"] for request in endpoint.asked} == {"Bearer token-1"}
    assert {request.headers["X-Tenant"] for request in endpoint.asked} == {"a"}


def test_who_asks_otherwise_has_another(endpoint: Endpoint, ask: Ask) -> None:
    assert endpoint.question.oauth2 is not None
    other = replace(
        endpoint.question, oauth2=replace(endpoint.question.oauth2, token_url=endpoint.server.url_for("/token?b=1"))
    )

    ask(endpoint.question, other)

    assert endpoint.given == 2


def test_one_that_lasts_no_longer_than_it_takes_is_used_once(endpoint: Endpoint, ask: Ask) -> None:
    endpoint.lasts = 0

    assert [finding.outcome for finding in ask(endpoint.question) + ask(endpoint.question)] == [Outcome.OK] * 2
    assert endpoint.given == 2


def test_one_that_was_taken_back_is_replaced_once_and_the_target_asked_again(endpoint: Endpoint, ask: Ask) -> None:
    ask(endpoint.question)
    endpoint.good = {"token-2"}

    (finding,) = ask(endpoint.question)

    assert finding.outcome is Outcome.OK
    assert endpoint.given == 2
    assert [request.headers["Authorization"] for request in endpoint.asked] == [
        "Bearer token-1",
        "Bearer token-1",
        "Bearer token-2",
    ]


def test_a_target_that_refuses_a_new_token_has_failed(endpoint: Endpoint, ask: Ask) -> None:
    endpoint.good = set()

    (first,) = ask(endpoint.question)
    assert len(endpoint.asked) == 1, "a new token is none that was taken back"
    (second,) = ask(endpoint.question)

    for finding in (first, second):
        assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.STATUS)
        assert finding.detail == f"{endpoint.question.url} answered 401 Unauthorized, wanted 200-299"
    assert len(endpoint.asked) == 3
    assert endpoint.given == 2


def test_an_endpoint_that_refuses_us_is_not_the_targets_failure(endpoint: Endpoint, ask: Ask) -> None:
    endpoint.refuses = Response('{"error": "invalid_client"}', status=401)

    findings = ask(endpoint.question, endpoint.question)

    for finding in findings:
        assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
        assert finding.detail == (
            f"{endpoint.question.url} was not asked, without a token: {endpoint.server.url_for('/token')} answered "
            "401 Unauthorized: invalid_client"
        )
    assert endpoint.asked == []
    endpoint.refuses = None
    assert ask(endpoint.question)[0].outcome is Outcome.OK


def test_one_that_is_away_is_not_either(endpoint: Endpoint, ask: Ask, hell: Any) -> None:
    assert endpoint.question.oauth2 is not None
    with hell.closed_port() as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/token"
        away = replace(endpoint.question, oauth2=replace(endpoint.question.oauth2, token_url=url))
        (finding,) = ask(away)

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert finding.detail.endswith("refused: nothing listens there")


def test_one_that_never_answers_takes_half_of_the_time_at_most(
    endpoint: Endpoint, ask: Ask, serve: Callable[..., Any], hell: Any, patiently: Callable[..., Any]
) -> None:
    assert endpoint.question.oauth2 is not None
    whom = replace(endpoint.question.oauth2, token_url=serve(hell.say_and_hold()).url)

    def told(finding: Finding, seconds: float) -> bool:
        return f"was not asked, without a token: no answer within {seconds / 2:g} s" in finding.detail

    def asked(seconds: float) -> tuple[Finding, float]:
        return ask(replace(endpoint.question, oauth2=whom), timeout=seconds)[0], seconds

    finding, seconds = patiently(asked, lambda found: told(*found))

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert told(finding, seconds)


def test_who_has_less_time_than_the_one_who_asked_for_it_waits_no_longer(
    endpoint: Endpoint, engine: Engine, turn_until: Callable[..., None], serve: Callable[..., Any], hell: Any
) -> None:
    assert endpoint.question.oauth2 is not None
    silent = serve(hell.say_and_hold())
    question = replace(endpoint.question, oauth2=replace(endpoint.question.oauth2, token_url=silent.url))
    answers: list[HttpAnswer] = []
    for timeout in (120.0, 0.3):
        engine.submit(requests(question, timeout)[0], answers.append)

    turn_until(engine, lambda: bool(answers))

    assert len(answers) == 1
    (finding,) = [judge(question, tuple(answers), {})]
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.detail.endswith(f"without a token: no answer within 0.3 s: {silent.url}")


def test_what_the_target_says_again_of_the_token_is_not_shown(endpoint: Endpoint, ask: Ask) -> None:
    (finding,) = ask(replace(endpoint.question, expected_status=((500, 599),), expect=("[BODY] == nothing",)))

    assert isinstance(finding.answer, HttpAnswer)
    assert finding.answer.body == b"heard *******"
    assert dict(finding.answer.headers)["X-Heard"] == "*******"
    assert "token-" not in finding.detail + repr(finding.answer)


@pytest.mark.parametrize(
    ("lasts", "renewed", "ends"),
    [
        (3600.0, 3480.0, 3590.0),
        (600.0, 480.0, 590.0),
        (200.0, 160.0, 190.0),
        (60.0, 48.0, 57.0),
        (0.0, 0.0, 0.0),
        (None, inf, inf),
    ],
)
def test_when_a_token_is_renewed_and_when_it_is_not_used_any_more(
    lasts: float | None, renewed: float, ends: float
) -> None:
    kept = Kept()
    assert kept.ends == -inf

    kept.keep("token", lasts, 1000.0)

    assert (kept.renewed - 1000.0, kept.ends - 1000.0) == (renewed, ends)
    assert "token" not in repr(kept)


def test_probes_go_on_with_a_token_that_is_being_renewed(
    endpoint: Endpoint, ask: Ask, engine: Engine, turn_until: Callable[..., None]
) -> None:
    """Its life is long enough for this test, and it is told to be renewed from the beginning."""
    ask(endpoint.question)
    (kept,) = engine._transports[AuthorizedRequest]._kept.values()  # type: ignore[attr-defined]
    kept.renewed = -inf

    (finding,) = ask(endpoint.question)
    turn_until(engine, lambda: endpoint.given == 2 and kept.value == "token-2")

    assert finding.outcome is Outcome.OK
    assert [request.headers["Authorization"] for request in endpoint.asked] == ["Bearer token-1"] * 2
    ask(endpoint.question)
    assert endpoint.asked[-1].headers["Authorization"] == "Bearer token-2"
    assert endpoint.given == 2


def test_a_secret_that_cannot_be_sent_holds_nobody_else_up(engine: Engine, turn_until: Callable[..., None]) -> None:
    """As from a variable of the environment that is no UTF-8."""
    whom = OAuth2(token_url="http://127.0.0.1:9/token", client_id="watch", client_secret="hunter\udcff")
    wanted = AuthorizedRequest(request=HttpRequest(url="http://127.0.0.1:9/", timeout=30.0), oauth2=whom)
    answers: list[HttpAnswer] = []

    for _ in range(2):
        engine.submit(wanted, answers.append)
        turn_until(engine, lambda: engine.in_flight == 0)

    for answer in answers:
        assert answer.error is not None
        assert answer.error.reason is Reason.INTERNAL
        assert answer.error.detail == (
            "http://127.0.0.1:9/ was not asked, without a token: its request cannot be written: UnicodeEncodeError"
        )
    assert len(answers) == 2
