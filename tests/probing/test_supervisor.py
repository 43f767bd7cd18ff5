"""The supervisor with real probers that are killed, stopped, mute, broken, or never start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checks.check import Check, HttpQuestion
from checks.result import CheckResult
from monitor.clock import SteadyClock
from monitor.probing.supervisor import (
    FIRST_DELAY,
    GRACE,
    HEALTHY_AFTER,
    HUNG_AFTER,
    LONGEST_DELAY,
    PROBER,
    Supervisor,
    is_hung,
    restart_delay,
)
from monitor.probing.wire import Batch, Frames, Heartbeat, WireError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class TestRestartDelay:
    def test_the_first_end_is_followed_by_a_start_within_a_second(self) -> None:
        assert restart_delay(0.0, lived=3600.0) == restart_delay(0.0, lived=0.1) == FIRST_DELAY < 1

    def test_it_doubles_up_to_half_a_minute(self) -> None:
        delays = [0.0]
        for _ in range(10):
            delays.append(restart_delay(delays[-1], lived=1.0))

        assert delays[1:] == [0.25, 0.5, 1, 2, 4, 8, 16, LONGEST_DELAY, LONGEST_DELAY, LONGEST_DELAY]

    @pytest.mark.parametrize(("lived", "delay"), [(HEALTHY_AFTER - 0.001, 16.0), (HEALTHY_AFTER, FIRST_DELAY)])
    def test_a_minute_of_health_forgets_it(self, lived: float, delay: float) -> None:
        assert restart_delay(8.0, lived) == delay


@pytest.mark.parametrize(("silent", "hung"), [(0.0, False), (HUNG_AFTER, False), (HUNG_AFTER + 0.001, True)])
def test_ten_seconds_without_a_heartbeat_are_too_many(silent: float, hung: bool) -> None:
    assert is_hung(0.0, silent) is hung


class Watch:
    """A supervisor and what it told us; by default with patience, as on a busy machine a prober is slow to begin."""

    def __init__(self, command: tuple[str, ...] = PROBER, hung_after: float = 6 * HUNG_AFTER) -> None:
        self.results: list[CheckResult] = []
        self.events: list[str] = []
        self.supervisor = Supervisor(
            SteadyClock.begin(), self.on_batch, self.events.append, command=command, hung_after=hung_after
        )

    def on_batch(self, batch: Batch) -> None:
        self.results += batch.results

    async def until(self, met: Callable[[], bool], within: float = 60.0) -> None:
        deadline = time.monotonic() + within
        while not met():
            assert time.monotonic() < deadline, f"nothing came of it within {within} s: {self.events}"
            await asyncio.sleep(0.02)

    def is_hung_after(self, seconds: float) -> None:
        self.supervisor._hung_after = seconds

    def a_heartbeat_waits(self) -> bool:
        """In our socket, unread."""
        assert self.supervisor._child is not None
        try:
            unread = self.supervisor._child.channel.recv(1 << 20, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        return any(isinstance(message, Heartbeat) for message in Frames().feed(unread))

    def after(self, slot: datetime) -> list[str]:
        """The check of each result of a later slot."""
        return [result.check for result in self.results if result.scheduled_at > slot]

    @property
    def pid(self) -> int:
        pid = self.supervisor.status().pid
        assert pid is not None
        return pid


def run(watch: Watch, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        await watch.supervisor.start()
        try:
            await story()
        finally:
            await watch.supervisor.stop()

    asyncio.run(play())


def python(program: str) -> tuple[str, ...]:
    return sys.executable, "-c", program


@pytest.fixture
def target(serve: Callable[..., Any], hell: ModuleType) -> Check:
    return Check(
        service="shop",
        name="ready",
        question=HttpQuestion(url=serve(hell.say(OK)).url),
        interval=0.5,
        timeout=0.4,
    )


def test_results_arrive_and_its_state_is_told(target: Check) -> None:
    watch = Watch()

    async def story() -> None:
        watch.supervisor.configure([target], [])
        await watch.until(lambda: len(watch.results) >= 3 and watch.supervisor.status().checks == 1)
        status = watch.supervisor.status()
        assert (status.restarts, status.dropped) == (0, 0)
        assert status.silent_for is not None
        silent = [status.silent_for]

        def a_heartbeat_came() -> bool:
            silent.append(watch.supervisor.status().silent_for or 0.0)
            return silent[-1] < silent[-2]

        await watch.until(a_heartbeat_came)

    run(watch, story)
    assert watch.events == []
    assert watch.supervisor.status().pid is None


def test_a_killed_prober_is_replaced_and_knows_what_to_do(target: Check) -> None:
    watch = Watch()

    async def story() -> None:
        watch.supervisor.configure([target], [])
        watch.supervisor.faster(["shop"])
        await watch.until(lambda: bool(watch.results))
        victim = watch.pid
        os.kill(victim, signal.SIGKILL)
        await watch.until(lambda: watch.supervisor.status().pid not in (victim, None))
        seen = len(watch.results)
        await watch.until(lambda: len(watch.results) >= seen + 2)
        assert watch.supervisor.status().restarts == 1

    run(watch, story)
    assert watch.events == [f"the prober was ended by SIGKILL; the next one starts in {FIRST_DELAY:g} s"]


def test_a_prober_that_hangs_is_killed_and_replaced(target: Check) -> None:
    watch = Watch()

    async def story() -> None:
        watch.supervisor.configure([target], [])
        await watch.until(lambda: bool(watch.results))
        victim = watch.pid
        os.kill(victim, signal.SIGSTOP)
        watch.is_hung_after(3.0)
        await watch.until(lambda: bool(watch.events))
        watch.is_hung_after(6 * HUNG_AFTER)  # the next one is slow and innocent
        await watch.until(lambda: watch.supervisor.status().pid not in (victim, None))
        assert not Path(f"/proc/{victim}").exists()
        seen = len(watch.results)
        await watch.until(lambda: len(watch.results) > seen)

    run(watch, story)
    assert watch.events == [
        f"the prober sent no heartbeat for 3 s and was killed; the next one starts in {FIRST_DELAY:g} s"
    ]


def test_when_our_own_loop_hung_the_prober_is_not_blamed(target: Check) -> None:
    watch = Watch()

    async def story() -> None:
        watch.supervisor.configure([target], [])
        await watch.until(lambda: bool(watch.results))
        innocent, seen = watch.pid, len(watch.results)
        watch.is_hung_after(2.0)
        over = time.monotonic() + 2.5
        while time.monotonic() < over or not watch.a_heartbeat_waits():
            time.sleep(0.05)  # the loop hangs
        await asyncio.sleep(0.05)  # the look at its heartbeats is overdue, so it comes before this is over
        watch.is_hung_after(6 * HUNG_AFTER)
        await watch.until(lambda: len(watch.results) > seen + 6)
        assert watch.pid == innocent
        assert watch.supervisor.status().dropped == 0

    run(watch, story)
    assert watch.events == []


def test_one_that_ends_at_once_is_started_with_growing_pauses() -> None:
    watch = Watch(python("raise SystemExit(7)"))

    async def story() -> None:
        await watch.until(lambda: len(watch.events) >= 3)

    run(watch, story)
    assert watch.events[:3] == [
        f"the prober exited with code 7; the next one starts in {delay} s" for delay in ("0.25", "0.5", "1")
    ]


def test_one_that_cannot_be_started_is_an_event_and_nothing_more() -> None:
    watch = Watch(("/nonexistent/python",))

    async def story() -> None:
        await watch.until(lambda: len(watch.events) >= 2)

    run(watch, story)
    assert watch.events[0].startswith("the prober could not be started: FileNotFoundError")


def test_one_that_speaks_nonsense_is_killed() -> None:
    watch = Watch(python("import os, sys, time; os.write(int(sys.argv[1]), b'HTTP/1.1 200 OK'); time.sleep(60)"))

    async def story() -> None:
        await watch.until(lambda: bool(watch.events))

    run(watch, story)
    assert "spoke nonsense and was killed" in watch.events[0]


def test_one_that_does_not_read_delays_nobody(target: Check) -> None:
    """More than its socket takes is wanted of it; the loop goes on, and it is replaced when its silence tells."""
    watch = Watch(python("import time; time.sleep(60)"), hung_after=1.5)
    many = [Check(service="s", name=f"c{n}", question=target.question) for n in range(20_000)]

    async def story() -> None:
        await watch.until(lambda: watch.supervisor.status().pid is not None)
        watch.supervisor.configure(many, [])
        await asyncio.sleep(0)
        assert watch.supervisor._child is not None
        assert watch.supervisor._child.unsent, "what it does not read is kept, and not waited for"
        await watch.until(lambda: bool(watch.events))

    run(watch, story)
    assert "no heartbeat" in watch.events[0]


def test_a_listener_that_raises_does_not_end_the_listening(target: Check) -> None:
    calls = []

    class Careless(Watch):
        def on_batch(self, batch: Batch) -> None:
            calls.append(batch)
            raise RuntimeError("the daemon's own mistake")

    watch = Careless()

    async def story() -> None:
        watch.supervisor.configure([target], [])
        await watch.until(lambda: len(calls) >= 3)

    run(watch, story)
    assert watch.events == []


def test_stopped_while_it_pauses_or_before_it_began_it_stops_at_once() -> None:
    watch = Watch(python("raise SystemExit(7)"))

    async def story() -> None:
        await watch.until(lambda: len(watch.events) >= 5)  # now it pauses for four seconds
        paused = time.monotonic()
        await watch.supervisor.stop()
        assert time.monotonic() - paused < 4.0, "the pause was waited for"

    run(watch, story)
    assert watch.events[-1].endswith("the next one starts in 4 s")

    async def never_started() -> None:
        await Watch().supervisor.stop()

    asyncio.run(never_started())


def test_one_that_does_not_finish_is_killed_in_the_end() -> None:
    watch = Watch(python("import time; time.sleep(600)"))

    async def story() -> None:
        await watch.until(lambda: watch.supervisor.status().pid is not None)
        stubborn = watch.pid
        began = time.monotonic()
        await watch.supervisor.stop()
        assert time.monotonic() - began > GRACE - 0.1
        assert not Path(f"/proc/{stubborn}").exists()

    run(watch, story)


def test_too_much_for_one_message_is_refused_and_changes_nothing(target: Check) -> None:
    watch = Watch()
    huge = Check(service="s", name="c", question=HttpQuestion(url="http://x/", headers=(("A", "x" * 17_000_000),)))

    async def story() -> None:
        watch.supervisor.configure([target], [])
        with pytest.raises(WireError, match="fit a frame"):
            watch.supervisor.configure([huge], [])
        await watch.until(lambda: bool(watch.results))

    run(watch, story)


def test_a_change_reaches_the_one_that_runs_and_the_one_that_comes_after_it(target: Check) -> None:
    watch = Watch()
    new = replace(target, name="new")

    async def story() -> None:
        watch.supervisor.configure([target, replace(target, name="old")], [])
        await watch.until(lambda: {r.check for r in watch.results} == {"ready", "old"})
        watch.supervisor.amend([target, new], [], {new.id}, ["shop/old"], SteadyClock.begin().now())
        await watch.until(lambda: "new" in {r.check for r in watch.results})
        # What began before the change may still arrive; it lies before the first slot of the new check.
        first = next(r.scheduled_at for r in watch.results if r.check == "new")
        await watch.until(lambda: len(watch.after(first)) >= 6 and "ready" in watch.after(first))
        assert set(watch.after(first)) == {"ready", "new"}

        os.kill(watch.pid, signal.SIGKILL)
        await watch.until(lambda: bool(watch.events))
        last = max(r.scheduled_at for r in watch.results)
        await watch.until(lambda: len(watch.after(last)) >= 6 and {"ready", "new"} <= set(watch.after(last)))
        assert set(watch.after(last)) == {"ready", "new"}

    run(watch, story)
