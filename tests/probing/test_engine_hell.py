"""Answers from hell: whatever comes over the wire, nothing raises, nothing grows, and each answer is judged."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.check import Check, CollectorQuestion, HttpQuestion
from checks.exchange import HttpAnswer, HttpRequest
from checks.result import Outcome, Reason
from monitor.probing.asking import Asked, ask, requests_of
from monitor.probing.engine import Engine

BOTH_ENGINES = True
Script = tuple[tuple[bytes, ...], str]

FRAGMENTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 302 Found\r\n",
        b"HTTP/1.0 500 \r\n",
        b"HTTP/2 200\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Content-Encoding: br\r\n",
        b"Location: /\r\n",
        b"Location: \xff\xfe//\\\r\n",
        b"Location: http://127.0.0.1:1/\r\n",
        b"Set-Cookie: a=b; Domain=.\r\n",
        b"WWW-Authenticate: Negotiate\r\n",
        b"Retry-After: 9999999999\r\n",
        b'Alt-Svc: h3=":1"\r\n',
        b"Strict-Transport-Security: max-age=1\r\n",
        b": \r\n",
        b" folded\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"ffffffffffffffffff\r\n",
        b"hello",
        b'{"status":"StatusOK","healthy":1,"uptime":{},"start_time":[],"components":[]}',
        b'{"status":7,"healthy":false,"uptime":"1h","components":{"a":{"components":null}}}',
        b'otelcol_exporter_send_failed_spans{exporter="a"} NaN\n',
        b"\x1f\x8b\x08",
        b"x" * 100_000,
    ]
)
SCRIPTS = st.tuples(
    st.lists(FRAGMENTS | st.binary(max_size=40), max_size=8).map(tuple),
    st.sampled_from(["close", "close", "close", "reset", "hold"]),
)


def perform(peer: socket.socket, script: Script, hell: Any) -> None:
    parts, end = script
    for part in parts:
        peer.sendall(part)
    if end == "hold":
        hell.over.wait(2)


def check_of(question: HttpQuestion | CollectorQuestion) -> Check:
    return Check(service="s", name="c", question=question, interval=30.0, timeout=0.25)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scripts=st.lists(SCRIPTS, min_size=1, max_size=6))
def test_whatever_comes_over_the_wire_is_judged(
    scripts: list[Script],
    engine: Engine,
    hell: ModuleType,
    asked_as: str,
    turn_until: Callable[..., None],
) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        request = server.read_request(peer)
        number = request.split(b" ")[1].strip(b"/") if request else b""
        script = scripts[int(number)] if number.isdigit() else scripts[0]
        perform(peer, script, server)
        if script[1] == "reset":
            hell.slam(peer)

    server = hell.Hell(talk, host=asked_as)
    asked: list[Asked] = []
    for number in range(len(scripts)):
        url = f"{server.url}{number}"
        for question in (
            HttpQuestion(url=url, max_redirects=3, max_body=5000),
            CollectorQuestion(url=url, metrics=f"{url}"),
        ):
            check = check_of(question)
            ask(
                engine,
                check,
                requests_of(check, check.timeout),
                trace_id="0" * 32,
                span_id="1" * 16,
                previous={"uptime": 1e9, "started": 1e9},
                now=lambda: datetime.now(UTC),
                done=asked.append,
            )
    turn_until(engine, lambda: len(asked) == 2 * len(scripts))
    server.close()

    for one in asked:
        attempt, finding = one.attempt, one.finding
        assert (attempt.outcome, attempt.reason) == (finding.outcome, finding.reason)
        assert attempt.outcome is not Outcome.UNKNOWN, attempt.detail
        assert attempt.detail.isprintable()
        assert len(attempt.detail) < 2000
        assert len(attempt.body_excerpt.encode()) <= 2048
        assert attempt.timings is not None
        assert min(attempt.timings.name_lookup, attempt.timings.connect, attempt.timings.first_byte) >= 0
        if finding.answer is not None:
            assert len(finding.answer.body) <= 65536


FLOODS = {
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "a header": (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 5000),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 1000),
    "a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", b"x" * 65536),
    "an extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x" * 65536),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 5000),
    "a redirect's body": (b"HTTP/1.1 302 OK\r\nLocation: /\r\n\r\n", b"x" * 65536),
}

CHILD = """
    import resource, sys
    from checks.exchange import HttpRequest
    from monitor.probing.engine import Engine

    bugs, answers = [], 0
    engine = Engine(bugs.append)

    def came(answer):
        global answers
        answers += 1
        assert len(answer.body) <= 65536

    def rounds(n):
        goal = answers + n * len(sys.argv[1:])
        for _ in range(n):
            for url in sys.argv[1:]:
                engine.submit(HttpRequest(url=url, timeout=0.5), came)
        while answers < goal:
            engine.turn(1.0)

    rounds(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rounds(8)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert not bugs, bugs
"""


def test_floods_of_every_kind_cost_no_memory(serve: Callable[..., Any], hell: ModuleType) -> None:
    urls = [serve(hell.say_for_ever(*flood)).url for flood in FLOODS.values()]

    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), *urls],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert run.returncode == 0, run.stderr
    # 64 exchanges at once may each hold 64 KB of body and 64 KB of headers, in libcurl's buffers and in ours.
    assert int(run.stdout) < 40_000, "KB of memory grew beside what was asked for"
    assert run.stderr == ""


def test_out_of_descriptors_is_our_own_trouble_and_passes(serve: Callable[..., Any], hell: ModuleType) -> None:
    child = """
        import resource, sys
        from checks.exchange import HttpRequest
        from monitor.probing.engine import Engine

        bugs, reasons, url = [], [], sys.argv[1]
        engine = Engine(bugs.append)

        def ask(times):
            goal = len(reasons) + times
            for _ in range(times):
                request = HttpRequest(url=url, timeout=60.0)
                engine.submit(request, lambda answer: reasons.append(answer.error.reason if answer.error else "ok"))
            while len(reasons) < goal:
                engine.turn(1.0)

        resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
        ask(40)
        assert set(reasons) == {"internal", "ok"}, reasons
        ask(1)
        assert reasons[-1] == "ok"
        assert not bugs, bugs
    """
    url = serve(hell.say(hell.HELLO, pause=0.05)).url

    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(child), url],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert run.returncode == 0, run.stderr


def test_a_storm_of_mixed_failures_ends_with_an_answer_each(
    engine: Engine, serve: Callable[..., Any], hell: ModuleType, turn_until: Callable[..., None]
) -> None:
    answers: list[HttpAnswer] = []
    with hell.closed_port() as taken:
        urls = [
            serve(hell.say(hell.HELLO)).url,
            serve(hell.say()).url,
            serve(hell.say_and_reset()).url,
            serve(hell.say_and_hold()).url,
            serve(hell.say(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")).url,
            f"http://127.0.0.1:{taken.getsockname()[1]}/",
            "nonsense",
        ]
        for number in range(210):
            silent = number % len(urls) == 3
            timeout = 0.5 if silent else 60.0  # all that answer are heard, however long it takes
            engine.submit(HttpRequest(url=urls[number % len(urls)], timeout=timeout), answers.append)
        turn_until(engine, lambda: len(answers) == 210)

    reasons = [answer.error.reason if answer.error else None for answer in answers]
    assert {reason: reasons.count(reason) for reason in reasons} == {
        None: 30,
        Reason.RESET: 60,
        Reason.TIMEOUT: 30,
        Reason.PROTOCOL: 30,
        Reason.REFUSED: 30,
        Reason.INTERNAL: 30,
    }
    assert engine.in_flight == 0
