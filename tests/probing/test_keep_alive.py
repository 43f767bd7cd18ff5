"""Connections that are used again, whoever asks: our own sockets and libcurl."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from checks.exchange import HttpAnswer
from checks.result import Reason
from monitor.probing.engine import Engine
from monitor.probing.idle import Idle, IdleConnections

BOTH_ENGINES = True
KEEP = 300.0

Fetch = Callable[..., HttpAnswer]
Serve = Callable[..., Any]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Counting:
    """Answers one request after the other; keeps how many came over each connection."""

    def __init__(self, answer: bytes, most: int = 1000) -> None:
        """*most* requests on a connection; the next one is read, and answered by hanging up."""
        self.requests: list[int] = []
        self._answer = answer
        self._most = most

    def __call__(self, peer: socket.socket, server: Any) -> None:
        self.requests.append(0)
        place = len(self.requests) - 1
        while server.read_request(peer):
            self.requests[place] += 1
            if self.requests[place] > self._most:
                return
            peer.sendall(self._answer)
            if b"Connection: close" in self._answer:
                return


def test_by_default_each_probe_makes_a_connection_of_its_own(fetch: Fetch, serve: Serve) -> None:
    target = Counting(OK)
    url = serve(target).url
    for _ in range(3):
        assert fetch(url).status == 200

    assert target.requests == [1, 1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["of known length", "in chunks", "without a body", "that is bad news"],
)
def test_a_connection_is_used_again_after_an_answer(fetch: Fetch, serve: Serve, answer: bytes) -> None:
    target = Counting(answer)
    url = serve(target).url
    answers = [fetch(url, keep_alive=KEEP) for _ in range(3)]

    assert target.requests == [3]
    assert len({(one.status, one.body, one.address, one.error) for one in answers}) == 1
    for kept in answers[1:]:
        assert kept.timings is not None
        assert (kept.timings.name_lookup, kept.timings.connect) == (0.0, 0.0)
        assert kept.timings.first_byte > 0.0


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK + b"HTTP/1.1 500 Nobody asked\r\n",
    ],
    ids=["that says so", "of the old protocol", "with more behind it than it said"],
)
def test_a_connection_is_not_used_again_after_an_answer(fetch: Fetch, serve: Serve, answer: bytes) -> None:
    target = Counting(answer)
    url = serve(target).url
    for _ in range(2):
        assert fetch(url, keep_alive=KEEP).status == 200

    assert target.requests == [1, 1]


def test_a_check_that_keeps_none_does_not_use_what_another_one_kept(fetch: Fetch, serve: Serve) -> None:
    target = Counting(OK)
    url = serve(target).url
    for keep_alive in (KEEP, 0.0, KEEP):
        fetch(url, keep_alive=keep_alive)

    assert target.requests == [2, 1]


def test_a_target_that_hung_up_meanwhile_is_asked_anew_and_has_not_failed(fetch: Fetch, serve: Serve) -> None:
    target = Counting(OK, most=1)
    server = serve(target)
    body = b"x" * 3000
    for _ in range(3):
        answer = fetch(server.url, method="POST", body=body, keep_alive=KEEP)
        assert (answer.status, answer.error) == (200, None)

    assert sum(target.requests) >= 3


def test_a_target_that_hangs_up_on_a_new_connection_has_failed(fetch: Fetch, serve: Serve) -> None:
    error = fetch(serve(Counting(OK, most=0)).url, keep_alive=KEEP).error

    assert error is not None
    assert error.reason is Reason.RESET


def test_after_a_failure_the_next_one_comes_as_a_newcomer(fetch: Fetch, serve: Serve) -> None:
    connections: list[int] = []

    def talk(peer: socket.socket, server: Any) -> None:
        connections.append(0)
        while server.read_request(peer):
            connections[-1] += 1
            peer.sendall(b"nonsense\r\n\r\n" if len(server.heard) == 3 else OK)

    url = serve(talk).url
    errors = [fetch(url, keep_alive=KEEP).error for _ in range(5)]

    assert [error is None for error in errors] == [True, True, False, True, True]
    assert connections == [3, 2]


def test_silence_over_a_connection_that_was_kept_is_called_by_its_name(
    fetch: Fetch, serve: Serve, patiently: Callable[..., Any]
) -> None:
    def talk(peer: socket.socket, server: Any) -> None:
        while server.read_request(peer):
            if len(server.heard) % 2 == 0:
                server.over.wait(60)
            else:
                peer.sendall(OK)

    url = serve(talk).url
    words = "waited for the first byte from"

    def ask(seconds: float) -> HttpAnswer:
        fetch(url, keep_alive=KEEP)
        return fetch(url, keep_alive=KEEP, timeout=seconds)

    answer = patiently(ask, lambda answer: answer.error is not None and words in answer.error.detail)

    assert answer.error.reason is Reason.TIMEOUT
    assert words in answer.error.detail
    assert (answer.timings.name_lookup, answer.timings.connect) == (0.0, 0.0)


def test_a_target_that_hangs_up_is_noticed_before_anybody_asks_again(
    fetch: Fetch, serve: Serve, engine: Engine, turn_until: Callable[..., None], asked_as: str
) -> None:
    if asked_as != "127.0.0.1":
        pytest.skip("libcurl looks when it needs a connection")

    def talk(peer: socket.socket, server: Any) -> None:
        server.read_request(peer)
        peer.sendall(OK)
        server.over.wait(60)

    server = serve(talk)
    fetch(server.url, keep_alive=KEEP)
    assert len(engine._plain.idle) == 1
    server.over.set()

    turn_until(engine, lambda: len(engine._plain.idle) == 0)


class TestIdle:
    PLACE = ("127.0.0.1", 80)

    def idle(self, made: float) -> Idle:
        made_of = socket.socket()
        return Idle(made_of.fileno(), made_of, made, "127.0.0.1")

    def test_one_that_is_too_old_is_closed_and_never_taken(self) -> None:
        kept = IdleConnections(10)
        young, old = self.idle(100.0), self.idle(99.9)
        kept.put(self.PLACE, young)
        kept.put(self.PLACE, old)

        assert kept.take(("127.0.0.1", 81), 0.0) is None
        assert kept.take(self.PLACE, 99.9) is young
        assert old.socket.fileno() == -1
        kept.put(self.PLACE, young)
        assert kept.take(self.PLACE, 100.0) is None
        assert young.socket.fileno() == -1

    def test_beyond_the_bound_the_one_that_waited_longest_goes(self) -> None:
        kept = IdleConnections(2)
        first, second, third = (self.idle(float(n)) for n in range(3))
        for each in (first, second, third):
            kept.put(self.PLACE, each)

        assert [each.socket.fileno() == -1 for each in (first, second, third)] == [True, False, False]
        kept.close_all()
        assert len(kept) == 0

    def test_all_that_lead_to_one_place_can_be_closed(self) -> None:
        kept = IdleConnections(10)
        one, two, other = self.idle(1.0), self.idle(2.0), self.idle(3.0)
        kept.put(self.PLACE, one)
        kept.put(("127.0.0.1", 81), other)
        kept.put(self.PLACE, two)
        kept.close_to(self.PLACE)

        assert [each.socket.fileno() == -1 for each in (one, two, other)] == [True, True, False]
        kept.close_all()

    def test_with_no_room_none_is_kept(self) -> None:
        kept, only = IdleConnections(0), self.idle(1.0)
        kept.put(self.PLACE, only)

        assert (len(kept), only.socket.fileno()) == (0, -1)
