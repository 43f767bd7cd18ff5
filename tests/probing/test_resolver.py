"""Names that wait for their lookup, where lookups hang, or where no thread is to be had for one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from checks.datagram import DatagramRequest
from checks.exchange import Answer, HttpRequest
from checks.result import Reason
from checks.stream import StreamRequest
from monitor.probing import datagrams, names
from monitor.probing.datagrams import Datagrams
from monitor.probing.engine import Engine

MANY = 300


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every lookup hangs until the test is over. What is looked up."""
    asked: list[str] = []
    over = threading.Event()

    def look_up(name: str, *_: object, **__: object) -> object:
        asked.append(name)
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield asked
    over.set()


def request(name: str, timeout: float = 30.0) -> DatagramRequest:
    return DatagramRequest(url=f"udp://{name}:9", send=b"x", timeout=timeout)


def transport(engine: Engine) -> Datagrams:
    (found,) = [one for one in engine._transports.values() if isinstance(one, Datagrams)]
    return found


def test_who_gave_up_waiting_for_a_lookup_leaves_nothing_behind(
    engine: Engine, turn_until: Callable[..., None], hanging: list[str]
) -> None:
    answers: list[Answer] = []
    for _ in range(3):  # as probe after probe of the same checks, while the resolver hangs
        for number in range(MANY):
            engine.submit(request(f"name{number}.example", timeout=0.05), answers.append)
        turn_until(engine, lambda: engine.in_flight == 0)

    assert len(answers) == 3 * MANY
    assert {answer.error.reason for answer in answers if answer.error} == {Reason.TIMEOUT}
    assert len(hanging) <= datagrams._LOOKUPS_AT_ONCE
    waiting = transport(engine)
    assert (len(waiting._named), len(waiting._unasked), len(waiting._flying)) == (0, 0, 0)


@pytest.fixture
def threadless(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """No thread can be begun, as at the end of TasksMax=, until it is called."""
    begin = threading.Thread.start

    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    return lambda: monkeypatch.setattr(threading.Thread, "start", begin)


@pytest.mark.parametrize("way", ["datagram", "stream", "http"])
def test_without_a_thread_a_name_is_our_trouble_and_the_next_lookup_is_made(
    engine: Engine, turn_until: Callable[..., None], threadless: Callable[[], None], way: str
) -> None:
    asks = {
        "datagram": DatagramRequest(url="udp://nobody.invalid:9", send=b"x", timeout=30.0),
        "stream": StreamRequest(url="tcp://nobody.invalid:9", timeout=30.0),
        "http": HttpRequest(url="http://nobody.invalid:9/", timeout=30.0),
    }
    answers: list[Answer] = []
    # One more than there may be under way: none that did not begin counts as one.
    for _ in range((datagrams._LOOKUPS_AT_ONCE if way == "datagram" else names._AT_ONCE) + 1):
        engine.submit(asks[way], answers.append)
        turn_until(engine, lambda: engine.in_flight == 0)

    for answer in answers:
        assert answer.error is not None
        assert answer.error.reason is Reason.INTERNAL
        assert "too many processes or threads" in answer.error.detail

    threadless()
    engine.submit(asks[way], answers.append)
    turn_until(engine, lambda: engine.in_flight == 0)
    last = answers[-1].error
    assert last is not None
    assert last.reason is Reason.DNS


def test_a_flight_that_breaks_while_its_name_is_looked_up_keeps_nobody_from_asking_it_again(
    engine: Engine, turn_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Answer] = []
    engine.submit(DatagramRequest(url="udp://127.0.0.1:9", send=b"x"), answers.append)
    turn_until(engine, lambda: bool(answers))
    waiting = transport(engine)
    bugs: list[BaseException] = []
    monkeypatch.setattr(engine, "_on_bug", bugs.append)

    def broken(*_: object) -> None:
        raise OSError("no descriptor for it")

    with monkeypatch.context() as once:
        once.setattr(waiting._resolver, "ask", broken)
        engine.submit(request("nobody.invalid"), answers.append)
        turn_until(engine, lambda: len(answers) == 2)
    engine.submit(request("nobody.invalid"), answers.append)
    turn_until(engine, lambda: len(answers) == 3)

    assert [type(bug) for bug in bugs] == [OSError]
    assert [answer.error.reason for answer in answers[1:] if answer.error] == [Reason.INTERNAL, Reason.DNS]
    assert not waiting._named
