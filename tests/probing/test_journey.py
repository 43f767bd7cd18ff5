"""Journeys against a real shop: log in, order, check, cancel. Each run is a customer of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest

from checks.check import Check, HttpQuestion
from checks.journey import Question
from checks.result import Outcome, Reason
from checks.steps import Step, Take
from checks.way import Way
from monitor.clock import SteadyClock
from monitor.probing.asking import Asked, ask, requests_of
from monitor.probing.engine import Engine

JSON = (("Content-Type", "application/json"),)
HOSTILE = 'a"},{"admin":true,"b":"\\c\r\nX-Evil: 1\r\n\r\n../../..?&=#%2e\u2028é'


class Shop(ThreadingHTTPServer):
    """
    Attributes:
        token: What a customer who logs in is given; by default a number for each.
        heard: Method, path, headers and body of each request, in order.
        orders: Those that are open.
        spoils: Path of what is answered with 500.
        hangs: Paths that are answered when `release` is set.
    """

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Counter)
        self.token: object = None
        self.numbers = count(1)
        self.heard: list[tuple[str, str, dict[str, str], bytes]] = []
        self.orders: dict[str, Any] = {}
        self.spoils: set[str] = set()
        self.hangs: set[str] = set()
        self.release = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of who hung up before the answer, which is what is asked of them."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def paths(self) -> list[str]:
        return [f"{method} {path}" for method, path, _, _ in self.heard]


class _Counter(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.heard.append((self.command, self.path, dict(self.headers), body))
        if self.path in self.server.hangs:
            self.server.release.wait(60)
        if self.path in self.server.spoils:
            said = self.headers.get("Authorization", "").removeprefix("Bearer ")
            self.say(500, {"error": f"no more of {said} for {self.path}"})
        elif self.path == "/login":
            self.log_in(body)
        elif self.path.startswith("/orders"):
            self.serve(body)
        else:
            self.say(404, {})

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_in(self, body: bytes) -> None:
        if json.loads(body).get("password") != "hunter2":
            self.say(401, {"error": "wrong password"})
            return
        number = next(self.server.numbers)
        token = self.server.token if self.server.token is not None else f"token-{number}"
        self.say(200, {"access_token": token}, ("Set-Cookie", f"session=s-{number}; Path=/; HttpOnly"))

    def serve(self, body: bytes) -> None:
        session = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        if session is None:
            self.say(403, {"error": "no session"})
        elif self.command == "POST":
            number = f"{session.value}-{next(self.server.numbers)}"
            self.server.orders[number] = json.loads(body)
            self.say(201, {"id": number, "state": "open"}, ("Location", f"/orders/{number}"))
        else:
            number = self.path.rpartition("/")[2]
            order = self.server.orders.get(number)
            if self.command == "DELETE":
                self.server.orders.pop(number, None)
            self.say(404 if order is None else 200, {"id": number, "order": order})

    def say(self, status: int, document: object, *headers: tuple[str, str]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own parameter
        pass


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


def step(
    shop: Shop, name: str, path: str, *take: Take, always: bool = False, timeout: float | None = None, **of: Any
) -> Step:
    question = HttpQuestion(url=shop.url + path, way=Way(cookies=True), **of)
    return Step(name=name, question=question, take=take, always=always, timeout=timeout)


def login(shop: Shop, password: str = "hunter2", **of: Any) -> Step:
    body = json.dumps({"user": "probe", "password": password})
    token = Take(name="token", of="[BODY].access_token")
    return step(shop, "login", "/login", token, method="POST", headers=JSON, body=body, **of)


def order(shop: Shop, body: str = '{"item": "a-1", "by": "{{login.token}}"}', **of: Any) -> Step:
    number = Take(name="id", of="[HEADERS].location", regex="/orders/([^/]+)$")
    bearer = ("Authorization", "Bearer {{login.token}}")
    given = {"headers": (*JSON, bearer), "body": body, "expected_status": ((201, 201),), **of}
    return step(shop, "order", "/orders", number, method="POST", **given)


def check(shop: Shop, **of: Any) -> Step:
    return step(shop, "check", "/orders/{{order.id}}", **{"expect": ("[BODY].id == {{order.id}}",), **of})


def cancel(shop: Shop, **of: Any) -> Step:
    return step(shop, "cancel", "/orders/{{order.id}}", method="DELETE", always=True, **of)


Run = Callable[..., Asked]


@pytest.fixture
def run(engine: Engine, turn_until: Callable[..., None]) -> Callable[..., list[Asked]]:
    """All journeys at once, as an attempt of the prober each."""
    clock = SteadyClock.begin()

    def run(*journeys: tuple[Step, ...], timeout: float = 30.0) -> list[Asked]:
        asked: dict[int, Asked] = {}
        for place, steps in enumerate(journeys):
            question = Question(steps=steps)
            checked = Check(service="shop", name=f"order-{place}", question=question, interval=60, timeout=timeout)

            def done(one: Asked, place: int = place) -> None:
                assert place not in asked
                asked[place] = one

            ask(
                engine, checked, requests_of(checked, timeout), trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
                span_id="00f067aa0ba902b7", previous={}, now=clock.now, done=done,
            )  # fmt: skip
        turn_until(engine, lambda: len(asked) == len(journeys))
        turn_until(engine, lambda: engine.in_flight == 0)
        return [asked[place] for place in range(len(journeys))]

    return run


def test_who_logs_in_can_order_and_finds_the_order(shop: Shop, run: Any) -> None:
    (asked,) = run((login(shop), order(shop), check(shop), cancel(shop)))

    attempt = asked.attempt
    assert (attempt.outcome, attempt.reason, attempt.detail) == (Outcome.OK, None, "")
    assert shop.paths == ["POST /login", "POST /orders", "GET /orders/s-1-2", "DELETE /orders/s-1-2"]
    assert json.loads(shop.heard[1][3]) == {"item": "a-1", "by": "token-1"}
    assert shop.heard[1][2]["Authorization"] == "Bearer token-1"
    assert shop.orders == {}
    assert [(one.name, one.outcome, one.status) for one in attempt.steps] == [
        ("login", Outcome.OK, 200), ("order", Outcome.OK, 201), ("check", Outcome.OK, 200), ("cancel", Outcome.OK, 200),
    ]  # fmt: skip


def test_the_whole_takes_what_its_steps_take_together(shop: Shop, run: Any) -> None:
    (asked,) = run((login(shop), order(shop), cancel(shop)))

    attempt, facts = asked.attempt, asked.finding.facts
    spent = [one.seconds for one in attempt.steps]
    assert all(seconds > 0 for seconds in spent)
    assert attempt.latency == pytest.approx(sum(spent))
    assert [facts[f"{name}_seconds"] for name in ("login", "order", "cancel")] == spent
    begun = [one.after for one in attempt.steps]
    assert begun[0] < begun[1] < begun[2]
    assert all(later >= earlier + took for earlier, took, later in zip(begun, spent, begun[1:], strict=False))


def test_each_step_is_a_span_of_its_own_in_the_trace_of_the_probe(shop: Shop, run: Any) -> None:
    (asked,) = run((login(shop), order(shop), cancel(shop)))

    ids = [one.span_id for one in asked.attempt.steps]
    assert [headers["traceparent"] for _, _, headers, _ in shop.heard] == [
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{span_id}-01" for span_id in ids
    ]
    assert len({*ids, "00f067aa0ba902b7"}) == 4


def test_a_wrong_login_fails_it_and_nothing_else_is_asked(shop: Shop, run: Any) -> None:
    (asked,) = run((login(shop, "guess"), order(shop), check(shop), cancel(shop)))

    attempt = asked.attempt
    assert (attempt.outcome, attempt.reason) == (Outcome.FAILED, Reason.STATUS)
    assert attempt.detail == f"login: {shop.url}/login answered 401 Unauthorized, wanted 200-299"
    assert attempt.body_excerpt == '{"error": "wrong password"}'
    assert shop.paths == ["POST /login"]
    assert [(one.name, one.outcome, one.status) for one in attempt.steps] == [("login", Outcome.FAILED, 401)]


def test_what_was_ordered_is_cancelled_though_a_step_failed(shop: Shop, run: Any) -> None:
    seen = step(shop, "list", "/nowhere")
    (asked,) = run((login(shop), order(shop), seen, check(shop), cancel(shop)))

    assert asked.attempt.detail == f"list: {shop.url}/nowhere answered 404 Not Found, wanted 200-299"
    assert shop.paths == ["POST /login", "POST /orders", "GET /nowhere", "DELETE /orders/s-1-2"]
    assert shop.orders == {}


def test_also_where_the_step_that_ordered_it_is_the_one_that_failed(shop: Shop, run: Any) -> None:
    (asked,) = run((login(shop), order(shop, expect=("[BODY].state == paid",)), check(shop), cancel(shop)))

    assert asked.attempt.detail == "order: [BODY].state (open) == paid"
    assert asked.attempt.reason is Reason.BODY
    assert shop.paths == ["POST /login", "POST /orders", "DELETE /orders/s-1-2"]


def test_cleaning_up_that_fails_too_is_told_beside_it(shop: Shop, run: Any) -> None:
    shop.spoils = {"/orders/s-1-2"}
    (asked,) = run((login(shop), order(shop), check(shop), cancel(shop)))

    hidden = f"{shop.url}/orders/*** answered 500 Internal Server Error, wanted 200-299"
    # The condition is told with it, as with any http check.
    check_failed, cancel_failed = asked.attempt.detail.split("; cancel: ")
    assert check_failed.startswith(f"check: {hidden}; ")
    assert cancel_failed == hidden
    assert [one.outcome for one in asked.attempt.steps] == [Outcome.OK, Outcome.OK, Outcome.FAILED, Outcome.FAILED]


def test_what_succeeds_and_cannot_be_cleaned_up_fails(shop: Shop, run: Any) -> None:
    (asked,) = run((login(shop), order(shop), cancel(shop, expected_status=((204, 204),))))

    assert asked.attempt.outcome is Outcome.FAILED
    assert asked.attempt.detail == f"cancel: {shop.url}/orders/*** answered 200 OK, wanted 204"


class TestTime:
    def test_a_step_that_is_too_slow_fails_it_and_there_is_time_to_clean_up(
        self, shop: Shop, run: Any, patiently: Any
    ) -> None:
        def journey(seconds: float) -> Asked:
            shop.hangs = {"/slow"}
            slow = step(shop, "wait", "/slow", timeout=seconds)
            (asked,) = run((login(shop), order(shop), slow, cancel(shop)), timeout=60.0)
            return asked

        asked = patiently(journey, lambda asked: asked.attempt.steps[-1].name == "cancel")

        assert asked.attempt.reason is Reason.TIMEOUT
        assert asked.attempt.detail.startswith("wait: no answer within ")
        assert [one.name for one in asked.attempt.steps] == ["login", "order", "wait", "cancel"]
        assert asked.attempt.steps[-1].outcome is Outcome.OK
        assert shop.orders == {}

    def test_also_when_the_whole_time_is_up(self, shop: Shop, run: Any, patiently: Any) -> None:
        shop.hangs = {"/slow"}

        def journey(seconds: float) -> Asked:
            steps = (
                login(shop),
                order(shop),
                step(shop, "wait", "/slow"),
                check(shop),
                cancel(shop, timeout=seconds / 2),
            )
            (asked,) = run(steps, timeout=seconds)
            return asked

        asked = patiently(journey, lambda asked: [one.outcome for one in asked.attempt.steps][-1] is Outcome.OK)

        assert asked.attempt.reason is Reason.TIMEOUT
        assert asked.attempt.latency is None
        assert [(one.name, one.outcome) for one in asked.attempt.steps] == [
            ("login", Outcome.OK), ("order", Outcome.OK), ("wait", Outcome.FAILED), ("cancel", Outcome.OK),
        ]  # fmt: skip

    def test_one_that_hangs_harms_only_its_own_result(self, shop: Shop, run: Any) -> None:
        shop.hangs = {"/slow"}
        slow = (login(shop), step(shop, "wait", "/slow", timeout=1.0))

        found = run(slow, *[(login(shop), order(shop), cancel(shop))] * 20)

        assert [one.attempt.outcome for one in found] == [Outcome.FAILED, *[Outcome.OK] * 20]

    def test_three_hundred_at_once_and_no_two_share_anything(self, shop: Shop, run: Any) -> None:
        found = run(*[(login(shop), order(shop), check(shop), cancel(shop))] * 300, timeout=100.0)

        assert [one.attempt.detail for one in found] == [""] * 300
        assert shop.orders == {}
        sessions = [
            (headers["Cookie"], headers.get("Authorization")) for _, path, headers, _ in shop.heard if path == "/orders"
        ]
        assert len(set(sessions)) == 300
        # The cookie and the token of each order are those of one login.
        assert all(
            cookie.removeprefix("session=s-") == str(bearer).removeprefix("Bearer token-")
            for cookie, bearer in sessions
        )
        # And the order that was looked for is the one that was made with that cookie.
        for method, path, headers, _ in shop.heard:
            if method == "GET":
                assert path.startswith(f"/orders/{headers['Cookie'].removeprefix('session=')}-")


def test_two_runs_do_not_share_cookies(shop: Shop, run: Any) -> None:
    run((login(shop),))
    (asked,) = run((step(shop, "order", "/orders", method="POST", headers=JSON, body="{}"),))

    assert asked.attempt.detail == f"order: {shop.url}/orders answered 403 Forbidden, wanted 200-299"
    assert "Cookie" not in shop.heard[-1][2]


def test_a_value_that_is_not_there_fails_the_step_that_was_to_take_it(shop: Shop, run: Any) -> None:
    gone = replace(login(shop), take=(Take(name="token", of="[BODY].token"),))
    (asked,) = run((gone, order(shop), cancel(shop)))

    assert (asked.attempt.outcome, asked.attempt.reason) == (Outcome.FAILED, Reason.BODY)
    assert asked.attempt.detail == "login: no token to take: the body has no token"
    assert asked.attempt.body_excerpt == '{"access_token": "token-1"}'
    assert shop.paths == ["POST /login"]


def test_a_cookie_is_a_value_as_well(shop: Shop, run: Any) -> None:
    token = Take(name="csrf", of="[COOKIES].session")
    (asked,) = run((replace(login(shop), take=(token,)), order(shop, headers=JSON, body='["{{login.csrf}}"]')))

    assert asked.attempt.outcome is Outcome.OK
    assert shop.heard[1][3] == b'["s-1"]'


class TestWhateverAValueHolds:
    def test_it_stays_what_it_is_in_an_address_and_in_a_body(self, shop: Shop, run: Any) -> None:
        shop.token = HOSTILE
        seen = step(shop, "seen", "/orders/{{login.token}}?of={{login.token}}", expected_status=((404, 404),))

        (asked,) = run((login(shop), order(shop, headers=JSON), seen))

        assert asked.attempt.detail == ""
        assert json.loads(shop.heard[1][3]) == {"item": "a-1", "by": HOSTILE}
        path = shop.heard[2][1]
        assert path.count("/") == 2
        assert path.count("?") == path.count("=") == 1

    def test_no_header_is_sent_with_a_line_break_in_it(self, shop: Shop, run: Any) -> None:
        shop.token = HOSTILE

        (asked,) = run((login(shop), order(shop), cancel(shop)))

        assert (asked.attempt.outcome, asked.attempt.reason) == (Outcome.FAILED, Reason.BODY)
        assert asked.attempt.detail == (
            "order: {{login.token}} holds a line break or another control character, which no header can"
        )
        assert shop.paths == ["POST /login"]
        assert asked.attempt.steps[-1].span_id == ""

    def test_a_megabyte_is_passed_on_in_a_body_and_is_too_long_for_a_header(self, shop: Shop, run: Any) -> None:
        shop.token = "0123456789abcdef" * 65_536
        big = login(shop, max_body=2_000_000)

        first, second, third = run(
            (big, order(shop, headers=JSON)), (big, order(shop)), (login(shop), order(shop, headers=JSON))
        )

        assert first.attempt.outcome is Outcome.OK
        assert [json.loads(body)["by"] for _, path, _, body in shop.heard if path == "/orders"] == [shop.token]
        assert second.attempt.detail == (
            "order: {{login.token}} has 1048576 characters, which is too long for an address or a header"
        )
        assert third.attempt.detail == "login: no token to take: the body is longer than max_body, 65536 bytes"

    def test_no_dots_lead_elsewhere(self, shop: Shop, run: Any) -> None:
        shop.token = ".."

        (asked,) = run((login(shop), step(shop, "seen", "/orders/{{login.token}}/login")))

        assert asked.attempt.detail == "seen: {{login.token}} is a dot or two, which no segment of an address can be"
        assert shop.paths == ["POST /login"]


class TestSecrets:
    def spoilt(self, shop: Shop, run: Any, token: str, **take: Any) -> Asked:
        shop.token, shop.spoils = token, {"/orders"}
        first = replace(login(shop), take=(Take(name="token", of="[BODY].access_token", **take),))
        seen = order(shop, expect=("[BODY].error == {{login.token}}", "[BODY].error != pat(*{*)"))
        (asked,) = run((first, seen))
        return asked

    def test_no_value_is_told(self, shop: Shop, run: Any) -> None:
        asked = self.spoilt(shop, run, 's3cret/"token"')

        told = asked.attempt.detail
        assert "order: " in told
        assert "answered 500" in told
        assert "[BODY].error (no more of *** for /orders) == {{login.token}}" in told
        assert asked.attempt.body_excerpt == '{"error": "no more of *** for /orders"}'
        assert "s3cret" not in repr((asked.attempt, asked.finding))

    def test_nor_the_beginning_of_one_that_was_cut_off(self, shop: Shop, run: Any) -> None:
        asked = self.spoilt(shop, run, "0123456789abcdef" * 200)

        assert "[BODY].error (no more of ***...(truncated))" in asked.attempt.detail
        assert "0123456789" not in repr((asked.attempt, asked.finding))

    def test_one_that_is_none_is_told(self, shop: Shop, run: Any) -> None:
        asked = self.spoilt(shop, run, "tenant-7", hidden=False)

        assert asked.attempt.body_excerpt == '{"error": "no more of tenant-7 for /orders"}'


class TestOurOwnTrouble:
    def test_what_could_not_be_asked_is_unknown(self, shop: Shop, run: Any) -> None:
        nonsense = replace(order(shop).question, url="http://[::1]x/{{login.token}}")
        (asked,) = run((login(shop), replace(order(shop), question=nonsense)))

        assert (asked.attempt.outcome, asked.attempt.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
        assert asked.attempt.detail.startswith("order: ")

    def test_a_bug_of_ours_is_unknown_and_holds_nobody(
        self, shop: Shop, turn_until: Callable[..., None], run: Any
    ) -> None:
        bugs: list[BaseException] = []
        engine = Engine(bugs.append)
        # No config lets this pass: nothing takes what it names.
        question = Question(steps=(step(shop, "seen", "/orders/{{login.token}}"),))
        checked = Check(service="shop", name="order", question=question)
        asked: list[Asked] = []
        ask(
            engine, checked, requests_of(checked, 5.0), trace_id="0" * 32, span_id="0" * 16, previous={},
            now=SteadyClock.begin().now, done=asked.append,
        )  # fmt: skip
        turn_until(engine, lambda: bool(asked))
        engine.close()

        assert [type(bug) for bug in bugs] == [KeyError]
        assert asked[0].attempt.outcome is Outcome.UNKNOWN
        assert asked[0].attempt.detail == (
            f"{shop.url}/orders/{{{{login.token}}}} and what follows could not be asked: KeyError in the probe engine"
        )

    def test_a_target_that_is_away_is_told_by_its_step(
        self, shop: Shop, run: Any, free_port: Callable[[], int]
    ) -> None:
        away = replace(order(shop).question, url=f"http://127.0.0.1:{free_port()}/orders")
        (asked,) = run((login(shop), replace(order(shop), question=away)))

        assert (asked.attempt.outcome, asked.attempt.reason) == (Outcome.FAILED, Reason.REFUSED)
        assert asked.attempt.detail.startswith("order: ")
        assert asked.attempt.latency is None
