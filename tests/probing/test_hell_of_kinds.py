"""Targets from hell for other kinds than http: each ends in its time with a reason, and leaves nothing open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks import command, dns, tcp, tls, websocket
from checks import grpc as grpc_check
from checks.check import Check, HttpQuestion, Question
from checks.dns_message import Query
from checks.result import Outcome, Reason
from checks.stream import Step
from monitor.probing.asking import Asked, ask, requests_of
from monitor.probing.engine import Engine
from monitor.probing.websocket import accept

TIMEOUT = 1.0

SETTINGS = b"\0\0\0\x04\0\0\0\0\0"
HEADERS = b"\0\0\x01\x01\x04\0\0\0\x01\x88"  # of stream 1, whole: `:status: 200`
DATA = b"\0\x40\0\0\0\0\0\0\x01" + b"x" * 16384  # of stream 1, and not the last of it
HELLO_OF_TLS = b"\x16\x03\x03\x40\0"  # a record of 16 KB is announced


def endless_grpc(peer: socket.socket, hell: Any) -> None:
    peer.recv(65536)
    peer.sendall(SETTINGS + HEADERS)
    while not hell.over.is_set():
        peer.sendall(DATA)


def endless_fragments(peer: socket.socket, hell: Any) -> None:
    request = hell.read_request(peer).decode()
    (key,) = [line.split()[1] for line in request.splitlines() if line.startswith("Sec-WebSocket-Key")]
    head = "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: "
    peer.sendall(f"{head}{accept(key.encode())}\r\n\r\n".encode() + b"\x01\x01a")
    while not hell.over.is_set():
        peer.sendall(b"\0\x01a" * 1000)


def dripping_handshake(peer: socket.socket, hell: Any) -> None:
    peer.sendall(HELLO_OF_TLS)
    while not hell.over.wait(0.05):
        peer.sendall(b"\x02")


def endless_line(peer: socket.socket, hell: Any) -> None:
    while not hell.over.is_set():
        peer.sendall(b"y" * 65536)


@pytest.fixture
def looping_name_server() -> Iterator[int]:
    """The name of its record points at itself."""
    with socket.socket(type=socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                asked, who = listening.recvfrom(4096)
                if not asked:
                    return
                end = asked.index(0, 12) + 5
                record = (0xC000 | end).to_bytes(2, "big") + bytes.fromhex("0001 0001 0000003c 0004 7f000001")
                counts = bytes.fromhex("8180 0001 0001 0000 0000")
                listening.sendto(asked[:2] + counts + asked[12:end] + record, who)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.sendto(b"", listening.getsockname())
        thread.join()


@pytest.fixture
def find(engine: Engine, turn_until: Callable[..., None]) -> Callable[[Question], Asked]:
    def find(question: Question) -> Asked:
        check = Check(service="shop", name="hell", question=question, timeout=TIMEOUT)
        found: list[Asked] = []
        ids = {"trace_id": "0" * 32, "span_id": "1" * 16}
        now = lambda: datetime.now(UTC)  # noqa: E731
        ask(engine, check, requests_of(check, TIMEOUT), **ids, previous={}, now=now, done=found.append)
        turn_until(engine, lambda: bool(found))
        return found[0]

    return find


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("talk", "asks", "reasons"),
    [
        (endless_grpc, lambda port: grpc_check.Question(url=f"http://127.0.0.1:{port}"), {Reason.PROTOCOL}),
        (
            endless_fragments,
            lambda port: websocket.Question(url=f"ws://127.0.0.1:{port}/", script=(Step(expect="b"),)),
            {Reason.PROTOCOL, Reason.TIMEOUT},
        ),
        (dripping_handshake, lambda port: tls.Question(url=f"tcp://127.0.0.1:{port}"), {Reason.TLS, Reason.TIMEOUT}),
        (dripping_handshake, lambda port: HttpQuestion(url=f"https://127.0.0.1:{port}/"), {Reason.TLS, Reason.TIMEOUT}),
        (
            endless_line,
            lambda port: tcp.Question(url=f"tcp://127.0.0.1:{port}", script=(Step(expect="^ready"),)),
            {Reason.BODY},
        ),
    ],
    ids=["grpc data", "websocket fragments", "tls byte by byte", "https byte by byte", "tcp line"],
)
def test_a_connection_ends_with_a_reason_and_leaves_no_file_open(
    serve: Callable[..., Any], find: Callable[[Question], Asked], talk: Any, asks: Any, reasons: set[Reason]
) -> None:
    question = asks(serve(talk).port)
    find(question)
    # The other side is in this process too: its end of a connection goes when it has noticed ours.
    before = open_files()

    for _ in range(5):
        found = find(question)
        assert found.attempt.outcome is Outcome.FAILED
        assert found.attempt.reason in reasons, found.attempt.detail
        assert "127.0.0.1" in found.attempt.detail or found.attempt.reason is Reason.BODY

    assert open_files() <= before + 2


def test_a_name_that_points_at_itself_is_told_as_what_it_is(
    looping_name_server: int, find: Callable[[Question], Asked]
) -> None:
    found = find(dns.Question(url=f"udp://127.0.0.1:{looping_name_server}", query=Query("www.example.com")))

    assert (found.attempt.outcome, found.attempt.reason) == (Outcome.FAILED, Reason.PROTOCOL), found.attempt.detail


@pytest.mark.parametrize(
    "program",
    ["yes", "sleep 600 & sleep 600", "trap '' TERM INT HUP; while :; do sleep 600; done"],
    ids=["writes without end", "has a child that holds its output", "minds no signal"],
)
def test_a_program_ends_with_all_that_it_holds(
    engine: Engine, turn_until: Callable[..., None], find: Callable[[Question], Asked], tmp_path: Path, program: str
) -> None:
    before = open_files()

    found = find(command.Question(command=("/bin/sh", "-c", program), directory=str(tmp_path)))

    assert (found.attempt.outcome, found.attempt.reason) == (Outcome.FAILED, Reason.TIMEOUT)
    assert found.attempt.detail == f"/bin/sh did not end within {TIMEOUT:g} s, and was killed"
    # It is told before it is gone.
    turn_until(engine, lambda: engine.in_flight == 0)
    assert open_files() <= before + 1, "the engine's own for its first program"
