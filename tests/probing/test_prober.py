"""The prober as the process that it is: what it sends, what it survives, and when it ends."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from math import floor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checks.check import Check, HttpQuestion, Retry
from checks.result import CheckResult, Confirmation, Outcome
from monitor.clock import SteadyClock
from monitor.core.slots import phase
from monitor.probing.prober import most_idle, most_in_flight
from monitor.probing.wire import Batch, Faster, Finish, Frames, Heartbeat, Message, Remark, configure, encode

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"


class Child:
    """A prober, and the daemon's end of its socket."""

    def __init__(self, stderr: Path) -> None:
        self.clock = SteadyClock.begin()
        self.channel, theirs = socket.socketpair()
        self.stderr = stderr
        with theirs, stderr.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "monitor.probing.prober", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stderr=errors,
            )
        self._frames = Frames()
        self.messages: list[Message] = []

    def watch(self, *checks: Check, references: tuple[str, ...] = ()) -> None:
        self.send(configure(checks, references, self.clock.origin, self.clock.boot_id))

    def send(self, message: Message) -> None:
        self.channel.sendall(encode(message))

    def read_until(self, met: Callable[[], bool], within: float = 60.0) -> None:
        deadline = time.monotonic() + within
        while not met():
            assert time.monotonic() < deadline, f"nothing came of it within {within} s: {self.messages[-3:]}"
            if select.select([self.channel], [], [], 0.1)[0]:
                data = self.channel.recv(1 << 20)
                assert data or met(), "the prober hung up"
                self.messages += self._frames.feed(data)

    def read_to_the_end(self) -> None:
        self.channel.settimeout(60)
        while data := self.channel.recv(1 << 20):
            self.messages += self._frames.feed(data)

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def results(self) -> list[CheckResult]:
        return [result for batch in self.of(Batch) for result in batch.results]

    @property
    def dropped(self) -> int:
        return sum(batch.dropped for batch in self.of(Batch))

    def end(self) -> None:
        self.channel.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child(tmp_path / "stderr")
    yield child
    child.end()
    assert child.stderr.read_text() == "", "its log lines are messages"


def check(name: str, url: str, interval: float = 1.0) -> Check:
    return Check(
        service="shop", name=name, question=HttpQuestion(url=url), interval=interval, timeout=0.8 * min(interval, 10)
    )


def test_it_is_alive_each_second_even_with_nothing_to_watch(child: Child) -> None:
    child.read_until(lambda: len(child.of(Heartbeat)) >= 5)

    ats = [beat.at for beat in child.of(Heartbeat)]
    gaps = [(late - early).total_seconds() for early, late in pairwise(ats)]
    assert sum(gaps) > 3, "no sooner; one that was late moves one gap alone"
    assert min(gaps) < 2, "no later; on a busy machine some are"
    assert child.of(Heartbeat)[-1].checks == 0


def test_results_arrive_for_the_slots_of_each_checks_own_grid(
    child: Child, serve: Callable[..., Any], hell: ModuleType
) -> None:
    good, bad = check("good", serve(hell.say(OK)).url), check("bad", serve(hell.say(BROKEN)).url)
    child.watch(good, bad)

    def verdicts() -> set[tuple[str, Outcome, Confirmation]]:
        return {(result.check, result.outcome, result.confirmation) for result in child.results}

    # On a busy machine an answer may be late, or a slot too short for a second attempt; not all of them.
    wanted = {("good", Outcome.OK, Confirmation.NONE), ("bad", Outcome.FAILED, Confirmation.CONFIRMED)}
    child.read_until(lambda: len(child.results) >= 6 and wanted <= verdicts())

    assert ("bad", Outcome.OK, Confirmation.NONE) not in verdicts()
    for result in child.results:
        slot = result.scheduled_at.timestamp()
        number = slot - phase(result.id, 1.0)
        assert number == pytest.approx(round(number), abs=1e-5)
        assert 0 <= (result.first.started_at - result.scheduled_at).total_seconds() < 1.0
    slots = [(result.id, result.scheduled_at) for result in child.results]
    assert len(set(slots)) == len(slots)


def test_it_takes_a_new_configuration_while_it_runs(child: Child, serve: Callable[..., Any], hell: ModuleType) -> None:
    url = serve(hell.say(OK)).url
    child.watch(check("old", url), check("kept", url))
    child.read_until(lambda: {result.check for result in child.results} == {"old", "kept"})

    child.watch(check("kept", url), check("new", url))
    child.read_until(lambda: "new" in {result.check for result in child.results})
    # What began before the change may still arrive; it lies before the first slot of the new check.
    first = next(result.scheduled_at for result in child.results if result.check == "new")

    def later() -> list[str]:
        return [result.check for result in child.results if result.scheduled_at > first]

    child.read_until(lambda: len(later()) >= 4 and {"kept", "new"} <= set(later()))
    assert set(later()) == {"kept", "new"}


def test_it_probes_faster_where_it_is_told_to(child: Child, serve: Callable[..., Any], hell: ModuleType) -> None:
    url = serve(hell.say(OK)).url
    hurt = Check(service="hurt", name="ready", question=HttpQuestion(url=url), interval=8.0, timeout=1.0)
    child.watch(hurt, *(check(f"c{n}", url) for n in range(5)))
    child.send(Faster(("hurt",)))

    child.read_until(lambda: any(result.extra for result in child.results))

    assert {result.service for result in child.results if result.extra} == {"hurt"}


def test_it_ends_when_its_parent_goes(child: Child, serve: Callable[..., Any], hell: ModuleType) -> None:
    child.watch(check("ready", serve(hell.say(OK)).url))
    child.read_until(lambda: bool(child.results))

    child.channel.close()

    assert child.process.wait(timeout=60) == 0


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """A daemon that is killed says nothing; the socket that only it held is closed by the kernel."""
    program = (
        "import socket, subprocess, sys, time\n"
        "ours, theirs = socket.socketpair()\n"
        "child = subprocess.Popen([sys.executable, '-m', 'monitor.probing.prober', str(theirs.fileno())],"
        " pass_fds=(theirs.fileno(),))\n"
        "theirs.close()\n"
        "ours.recv(1)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        prober = int(parent.stdout.readline())
        parent.kill()

    deadline = time.monotonic() + 60
    while is_running(prober):
        assert time.monotonic() < deadline, "the prober outlived its parent"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # nobody may be there to bury it


def test_told_to_finish_it_sends_what_it_has(child: Child, serve: Callable[..., Any], hell: ModuleType) -> None:
    server = serve(hell.say(OK))
    child.watch(replace(check("ready", server.url), retry=Retry(times=0, within=0)))
    child.read_until(lambda: bool(child.results))
    child.send(Finish())
    child.read_to_the_end()

    assert child.process.wait(timeout=60) == 0
    assert len(server.heard) - len(child.results) <= 1  # one may have been in flight


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_stops_the_whole_group_does_not_stop_it_before_the_daemon_says_so(
    child: Child, number: signal.Signals
) -> None:
    child.read_until(lambda: bool(child.of(Heartbeat)))

    os.kill(child.process.pid, number)
    seen = len(child.of(Heartbeat))
    child.read_until(lambda: len(child.of(Heartbeat)) >= seen + 2)

    assert child.process.poll() is None


def test_after_a_stop_it_goes_on_with_the_next_slots_and_counts_the_missed_ones(
    child: Child, serve: Callable[..., Any], hell: ModuleType
) -> None:
    checks = [check(f"c{n}", serve(hell.say(OK)).url) for n in range(4)]
    began = child.clock.seconds()
    child.watch(*checks)
    child.read_until(lambda: len({result.check for result in child.results}) == 4)

    os.kill(child.process.pid, signal.SIGSTOP)
    time.sleep(3)
    os.kill(child.process.pid, signal.SIGCONT)
    seen = len(child.results)
    child.read_until(lambda: len(child.results) >= seen + 8)

    slots = [(result.id, result.scheduled_at) for result in child.results]
    assert len(set(slots)) == len(slots)
    child.read_until(lambda: child.of(Heartbeat)[-1].missed >= 4)
    beat = child.of(Heartbeat)[-1]
    expected = sum(floor(beat.at.timestamp() - phase(c.id, 1.0)) - floor(began - phase(c.id, 1.0)) for c in checks)
    assert beat.missed <= expected - sum(result.scheduled_at <= beat.at for result in child.results)


def test_a_parent_that_does_not_read_for_a_while_finds_it_alive_and_everything_there(
    child: Child, serve: Callable[..., Any], hell: ModuleType
) -> None:
    url = serve(hell.say(BROKEN)).url
    child.channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    child.watch(*(check(f"c{n}", url) for n in range(60)))
    child.read_until(lambda: bool(child.results))

    time.sleep(5)  # a daemon whose loop hangs; less than the ring holds
    child.read_until(lambda: len(child.of(Batch)[-1].results) < 60 and len(child.results) > 240)

    assert child.dropped == 0
    seen: dict[str, list[float]] = {}
    for result in child.results:
        seen.setdefault(result.id, []).append(result.scheduled_at.timestamp())
    slots = sum(round(max(ats) - min(ats)) + 1 for ats in seen.values())
    child.read_until(lambda: child.of(Heartbeat)[-1].at.timestamp() > max(max(ats) for ats in seen.values()))
    assert slots - sum(map(len, seen.values())) <= child.of(Heartbeat)[-1].missed


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", (5).to_bytes(4, "big") + b"\xc1\xc1\xc1\xc1\xc1", encode(Remark("INFO", "yours"))],
    ids=["another protocol", "no message", "its own message"],
)
def test_nonsense_from_the_daemon_ends_it_with_a_last_word(child: Child, garbage: bytes) -> None:
    child.channel.sendall(garbage)
    child.read_to_the_end()

    assert child.process.wait(timeout=60) == 1
    assert [remark.level for remark in child.of(Remark)] == ["ERROR"]
    assert "WireError" in child.of(Remark)[0].text


@pytest.mark.parametrize(
    ("limit", "asked", "kept"), [(1024, 320, 0), (6064, 2000, 0), (6065, 2000, 1), (8192, 2000, 2128), (16, 1, 0)]
)
def test_it_asks_no_more_at_once_than_it_has_descriptors_for_and_keeps_what_they_leave(
    limit: int, asked: int, kept: int
) -> None:
    assert (most_in_flight(limit), most_idle(limit)) == (asked, kept)
