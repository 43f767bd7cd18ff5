"""One attempt: what is sent with it, and what becomes of its answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from checks.check import Check, CollectorQuestion, HttpQuestion, Question
from checks.exchange import HttpAnswer
from checks.result import Outcome, Reason
from monitor import __version__
from monitor.probing.asking import Asked, ask, excerpt, judged, requests_of
from monitor.probing.engine import Engine

Serve = Callable[..., Any]
T0 = datetime(2026, 3, 1, tzinfo=UTC)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def attempt_of(engine: Engine, turn_until: Callable[..., None]) -> Callable[..., Asked]:
    def attempt(question: Question, **fields: Any) -> Asked:
        asked: list[Asked] = []
        check = Check(service="shop", name="live", question=question, timeout=30.0)
        ask(
            engine,
            check,
            requests_of(check, fields.pop("timeout", check.timeout)),
            **{
                "trace_id": TRACE,
                "span_id": SPAN,
                "previous": {},
                "now": lambda: T0,
                "done": asked.append,
                **fields,
            },
        )
        turn_until(engine, lambda: bool(asked))
        assert len(asked) == 1
        return asked[0]

    return attempt


def test_the_probe_carries_its_trace_and_says_who_asks(
    attempt_of: Callable[..., Asked], serve: Serve, hell: ModuleType
) -> None:
    server = serve(hell.say(hell.HELLO))

    attempt_of(HttpQuestion(url=server.url))

    lines = server.heard[0].split(b"\r\n")
    assert f"traceparent: 00-{TRACE}-{SPAN}-01".encode() in lines
    assert f"User-Agent: watchkeeper/{__version__}".encode() in lines


def test_a_configured_traceparent_gives_way_and_a_configured_user_agent_stays(
    attempt_of: Callable[..., Asked], serve: Serve, hell: ModuleType
) -> None:
    server = serve(hell.say(hell.HELLO))
    headers = (("TraceParent", "00-old-old-01"), ("User-Agent", "curl/8"), ("X-Key", "k"))

    attempt_of(HttpQuestion(url=server.url, headers=headers))

    request = server.heard[0].lower()
    assert request.count(b"traceparent:") == 1
    assert TRACE.encode() in request
    assert request.count(b"user-agent:") == 1
    assert b"user-agent: curl/8\r\n" in request
    assert b"x-key: k\r\n" in request


def test_an_ok_attempt(attempt_of: Callable[..., Asked], serve: Serve, hell: ModuleType) -> None:
    asked = attempt_of(HttpQuestion(url=serve(hell.say(hell.HELLO)).url))

    attempt = asked.attempt
    assert (attempt.outcome, attempt.reason, attempt.detail) == (Outcome.OK, None, "")
    assert (attempt.started_at, attempt.span_id) == (T0, SPAN)
    assert (attempt.status, attempt.address, attempt.redirects, attempt.body_excerpt) == (200, "127.0.0.1", 0, "")
    assert attempt.timings is not None
    assert attempt.latency == attempt.timings.total > 0
    assert asked.finding.outcome is Outcome.OK


def test_a_failed_attempt_keeps_the_beginning_of_the_body(
    attempt_of: Callable[..., Asked], serve: Serve, hell: ModuleType
) -> None:
    body = "Überlastet!\n".encode() + b"x" * 5000
    server = serve(hell.say(b"HTTP/1.1 503 Busy\r\nContent-Length: %d\r\n\r\n" % len(body) + body))

    attempt = attempt_of(HttpQuestion(url=server.url)).attempt

    assert (attempt.outcome, attempt.reason, attempt.status) == (Outcome.FAILED, Reason.STATUS, 503)
    assert attempt.detail == f"{server.url} answered 503 Service Unavailable, wanted 200-299"
    assert attempt.body_excerpt.startswith("Überlastet!\nxxx")
    assert len(attempt.body_excerpt.encode()) == 2048
    assert attempt.latency is not None


def test_no_answer_has_no_latency(attempt_of: Callable[..., Asked], hell: ModuleType) -> None:
    with hell.closed_port() as taken:
        attempt = attempt_of(HttpQuestion(url=f"http://127.0.0.1:{taken.getsockname()[1]}/")).attempt

    assert (attempt.outcome, attempt.reason, attempt.latency) == (Outcome.FAILED, Reason.REFUSED, None)
    assert attempt.timings is not None


def test_the_given_timeout_goes_before_that_of_the_check(
    attempt_of: Callable[..., Asked], serve: Serve, hell: ModuleType
) -> None:
    attempt = attempt_of(HttpQuestion(url=serve(hell.say_and_hold()).url), timeout=0.2).attempt

    assert (attempt.reason, attempt.detail[:24]) == (Reason.TIMEOUT, "no answer within 0.2 s: ")


def test_a_collector_is_asked_both_questions_and_judged_once(
    attempt_of: Callable[..., Asked], serve: Serve, hell: ModuleType
) -> None:
    def answer(body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    health = serve(hell.say(answer(b'{"status":"Server available","uptime":"5s"}')))
    metrics = serve(hell.say(answer(b'otelcol_exporter_send_failed_spans{exporter="otlp"} 7\n')))
    question = CollectorQuestion(url=health.url, metrics=metrics.url)

    asked = attempt_of(question, previous={"exporter_send_failed_spans otlp": 4.0})

    assert asked.attempt.detail == "healthy, but exporter otlp: 3 spans failed to send since the last probe"
    assert asked.finding.facts == {"uptime": 5.0, "exporter_send_failed_spans otlp": 7.0}
    assert TRACE.encode() in health.heard[0]
    assert TRACE.encode() in metrics.heard[0]


def test_a_judgement_that_raises_is_unknown_and_quotes_nothing() -> None:
    class Hunter2(str):
        def __lt__(self, _: object) -> bool:
            raise ValueError("hunter2")

        __gt__ = __le__ = __ge__ = __lt__

    question = HttpQuestion(url="http://127.0.0.1/", expected_status=((Hunter2(), Hunter2()),))

    finding = judged(question, (HttpAnswer(status=200),), {})

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)
    assert finding.detail == "judging the answer raised ValueError"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"plain\ttext\n", "plain\ttext\n"),
        ("grün".encode(), "grün"),
        (b"a\x00b\x1b[31m", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_an_excerpt_is_text(body: bytes, text: str) -> None:
    assert excerpt(HttpAnswer(body=body)) == text


def test_an_excerpt_is_bounded_even_where_each_byte_becomes_three() -> None:
    text = excerpt(HttpAnswer(body=b"\xff" * 10_000))

    assert len(text.encode()) == 2046
    assert set(text) == {"\N{REPLACEMENT CHARACTER}"}


def test_an_encoded_body_is_named_and_not_shown() -> None:
    answer = HttpAnswer(body=b"\x1f\x8b", headers=(("content-encoding", "gzip"),))

    assert excerpt(answer) == "[gzip body, 2 bytes, not decoded]"
    assert excerpt(dataclasses.replace(answer, headers=(("Content-Encoding", "identity"),))) != excerpt(answer)
