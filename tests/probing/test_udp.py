"""One datagram to ports that echo it, refuse it, or keep it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from checks.datagram import DatagramRequest
from checks.exchange import Answer
from checks.result import Reason
from monitor.probing.engine import Engine

Ask = Callable[..., Answer]


@pytest.fixture
def ask(engine: Engine, turn_until: Callable[..., None]) -> Ask:
    def ask(port: int, send: bytes, timeout: float = 30.0) -> Answer:
        answers: list[Answer] = []
        request = DatagramRequest(url=f"udp://127.0.0.1:{port}", send=send, timeout=timeout)
        engine.submit(request, answers.append)
        turn_until(engine, lambda: bool(answers))
        assert engine.in_flight == 0
        return answers[0]

    return ask


@pytest.fixture
def echo() -> Iterator[int]:
    """Sends back whatever it is sent, twice, but for `quiet`."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with suppress(TimeoutError, ConnectionError):
                data, peer = made.recvfrom(65535)
                for _ in range(0 if data == b"quiet" else 2):
                    made.sendto(data, peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(made.getsockname()[1])
    over.set()
    thread.join()
    made.close()


@pytest.mark.parametrize("sent", [b"", b"\0\xff$1\r\n", b"x" * 9000], ids=["nothing", "bytes", "much"])
def test_what_comes_back_is_the_answer_to_the_letter(ask: Ask, echo: int, sent: bytes) -> None:
    answer = ask(echo, sent)

    assert (answer.error, answer.body, answer.address) == (None, sent, "127.0.0.1")
    assert answer.timings is not None
    assert answer.timings.first_byte > 0


def test_silence_is_a_timeout_and_may_be_our_own(ask: Ask, echo: int) -> None:
    error = ask(echo, b"quiet", timeout=0.2).error

    assert error is not None
    assert (error.reason, error.before_any_byte) == (Reason.TIMEOUT, True)
    assert error.detail == f"no answer within 0.2 s: 127.0.0.1:{echo}, waited for an answer"


def test_a_port_that_nobody_has_refuses(ask: Ask) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.connect(("127.0.0.1", 9))  # it is nobody else's, and takes nothing from us
        error = ask(port, b"x").error

    assert error is not None
    assert (error.reason, error.detail) == (Reason.REFUSED, f"127.0.0.1:{port} refused: nothing listens there")


def test_more_than_a_datagram_holds_is_our_own_mistake_and_told(ask: Ask, echo: int) -> None:
    error = ask(echo, b"x" * 70_000).error

    assert error is not None
    assert error.detail == f"127.0.0.1:{echo} could not be asked: message too long"
    assert error.reason is Reason.INTERNAL
