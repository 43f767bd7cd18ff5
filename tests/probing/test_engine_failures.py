"""Each way in which an answer can fail to come, over real sockets: its Reason, and a line that a person can act on."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from checks.exchange import HttpAnswer, TransportError
from checks.result import Reason

BOTH_ENGINES = True
Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]


def error_of(answer: HttpAnswer) -> TransportError:
    assert answer.error is not None, answer
    assert "\n" not in answer.error.detail
    return answer.error


def test_refused(fetch: Fetch, hell: ModuleType, asked_as: str) -> None:
    with hell.closed_port() as taken:
        port = taken.getsockname()[1]
        error = error_of(fetch(f"http://{asked_as}:{port}/?key=secret"))

    assert error == TransportError(
        reason=Reason.REFUSED, detail=f"connect to {asked_as}:{port} refused: nothing listens there"
    )


def test_a_full_backlog_is_a_timeout_in_connecting(fetch: Fetch, asked_as: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        where = listener.getsockname()
        queue = [socket.socket() for _ in range(3)]
        for early in queue:
            early.setblocking(False)
            early.connect_ex(where)

        answer = fetch(f"http://{asked_as}:{where[1]}/", timeout=0.3)

        for early in queue:
            early.close()
    error = error_of(answer)
    assert (error.reason, error.before_any_byte) == (Reason.TIMEOUT, True)
    assert error.detail == f"no answer within 0.3 s: waited for {asked_as}:{where[1]} to accept the connection"
    assert answer.timings is not None
    assert answer.timings.connect == pytest.approx(answer.timings.total - answer.timings.name_lookup)
    assert answer.timings.connect > 0


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"

# What the server does, the Reason, whether it came before any byte, and what the detail says.
CASES: dict[str, tuple[Callable[[ModuleType], Any], Reason, bool, str]] = {
    "never answers": (
        lambda h: h.say_and_hold(),
        Reason.TIMEOUT,
        True,
        r"no answer within 0\.3 s: waited for the first byte from 127\.0\.0\.1:\d+, connected",
    ),
    "stops in its headers": (
        lambda h: h.say_and_hold(HEAD),
        Reason.TIMEOUT,
        False,
        r"no answer within 0\.3 s: waited for the end of the answer of http://127\.0\.0\.1:\d+/ \(0 bytes of body",
    ),
    "stops in its body": (
        lambda h: h.say_and_hold(HEAD + b"\r\nabc"),
        Reason.TIMEOUT,
        False,
        r"no answer within 0\.3 s: waited for the end .* \(3 bytes of body came\)",
    ),
    "drips its headers": (
        lambda h: h.drip(HEAD, 0.05),
        Reason.TIMEOUT,
        True,
        r"no answer within 0\.3 s: waited for the first byte",
    ),
    "drips its body": (
        lambda h: h.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *[b"x"] * 9999, pause=0.01),
        Reason.TIMEOUT,
        False,
        r"no answer within 0\.3 s: waited for the end .* \([1-9]\d* bytes of body came\)",
    ),
    "hangs up at once": (
        lambda h: lambda peer, server: None,
        Reason.RESET,
        True,
        r"127\.0\.0\.1:\d+ (closed|reset) the connection (without answering|before it answered)",
    ),
    "hangs up after the request": (
        lambda h: h.say(),
        Reason.RESET,
        True,
        r"127\.0\.0\.1:\d+ closed the connection without answering",
    ),
    "resets after the request": (
        lambda h: h.say_and_reset(),
        Reason.RESET,
        True,
        r"127\.0\.0\.1:\d+ reset the connection before it answered",
    ),
    "resets in its headers": (
        lambda h: h.say_and_reset(HEAD),
        Reason.RESET,
        False,
        r"127\.0\.0\.1:\d+ reset the connection in the middle of its answer",
    ),
    "resets in its body": (
        lambda h: h.say_and_reset(HEAD + b"\r\nabc"),
        Reason.RESET,
        False,
        r"127\.0\.0\.1:\d+ reset the connection in the middle of its answer",
    ),
    "closes in its headers": (
        lambda h: h.say(HEAD),
        Reason.PROTOCOL,
        False,
        r"http://127\.0\.0\.1:\d+/ ended its answer before its headers were over",
    ),
    "closes in its body": (
        lambda h: h.say(HEAD + b"\r\nabc"),
        Reason.PROTOCOL,
        False,
        r"http://127\.0\.0\.1:\d+/ ended its answer early: .*6 bytes missing",
    ),
    "speaks something else": (
        lambda h: h.say(b"SSH-2.0-OpenSSH_9.2\r\n"),
        Reason.PROTOCOL,
        False,
        r"127\.0\.0\.1:\d+ does not speak HTTP as it should: Received HTTP/0\.9 when not allowed",
    ),
    "speaks noise": (lambda h: h.say(b"\x00\xff" * 5000), Reason.PROTOCOL, False, r"does not speak HTTP"),
    "speaks HTTP 9.9": (lambda h: h.say(b"HTTP/9.9 200 OK\r\n\r\n"), Reason.PROTOCOL, False, r"does not speak HTTP"),
    "has a status of 42": (lambda h: h.say(b"HTTP/1.1 042 OK\r\n\r\n"), Reason.PROTOCOL, False, r"does not speak HTTP"),
    "counts its chunks in z": (
        lambda h: h.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"),
        Reason.PROTOCOL,
        False,
        r"answered what cannot be read: chunk hex-length",
    ),
    "breaks off in a chunk": (
        lambda h: h.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        Reason.PROTOCOL,
        False,
        r"ended its answer early",
    ),
    "never ends a chunk's extension": (
        lambda h: h.say_for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x" * 65536),
        Reason.TIMEOUT,
        False,
        r"waited for the end of the answer",
    ),
    "has two lengths": (
        lambda h: h.say(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
        Reason.PROTOCOL,
        False,
        r"Invalid Content-Length",
    ),
    "has headers without end": (
        lambda h: h.say_for_ever(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
        Reason.PROTOCOL,
        False,
        r"http://127\.0\.0\.1:\d+/ sent too many headers, or too long ones",
    ),
    "has ten thousand small headers": (
        lambda h: h.say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n"),
        Reason.PROTOCOL,
        False,
        r"sent too many headers, or too long ones",
    ),
    "has one header without end": (
        lambda h: h.say_for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
        Reason.PROTOCOL,
        False,
        r"sent too many headers, or too long ones",
    ),
    "has a status line without end": (
        lambda h: h.say_for_ever(b"HTTP/1.1 200 ", b"O" * 65536),
        Reason.PROTOCOL,
        False,
        r"sent too many headers, or too long ones",
    ),
    "says 100 Continue for ever": (
        lambda h: h.say_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        Reason.PROTOCOL,
        False,
        r"sent too many headers, or too long ones",
    ),
    "has trailers without end": (
        lambda h: h.say_for_ever(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"y" * 1000 + b"\r\n"
        ),
        Reason.PROTOCOL,
        False,
        r"sent too many headers, or too long ones",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_server_that(
    case: str, fetch: Fetch, serve: Serve, hell: ModuleType, asked_as: str, patiently: Callable[..., Any]
) -> None:
    talk, reason, before_any_byte, detail = CASES[case]
    url = serve(talk(hell)).url

    def ask(seconds: float) -> tuple[TransportError, str]:
        words = detail.replace(r"127\.0\.0\.1", re.escape(asked_as)).replace(r"0\.3", re.escape(f"{seconds:g}"))
        return error_of(fetch(url, timeout=seconds if reason is Reason.TIMEOUT else 30.0)), words

    error, words = patiently(ask, lambda told: re.search(told[1], told[0].detail))

    assert (error.reason, error.before_any_byte) == (reason, before_any_byte)
    assert re.search(words, error.detail), error.detail


def test_what_is_only_odd_is_an_answer(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    for odd, status in (
        (b"HTTP/1.1 999 Nonsense\r\n\r\n", 999),
        (b"HTTP/1.1 " + b"9" * 5000 + b" Nonsense\r\n\r\n", 999),
        (b"HTTP/1.1 200\r\n\r\n", 200),
        (b"HTTP/1.0 200 OK\n\nhello", 200),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", 200),
    ):
        answer = fetch(serve(hell.say(odd)).url)
        assert (answer.status, answer.error) == (status, None)
        assert "Link" not in dict(answer.headers)


def test_a_body_without_end_is_cut_at_its_bound(fetch: Fetch, serve: Serve, hell: ModuleType) -> None:
    answer = fetch(serve(hell.say_for_ever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)).url, max_body=1000)

    assert (answer.status, answer.body, answer.truncated, answer.error) == (200, b"x" * 1000, True, None)
