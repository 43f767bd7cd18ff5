"""The supervisor with real probers that are killed, stopped, mute, broken, or never start."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
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
from monitor.probing.wire import Batch, WireError

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
    """A supervisor and what it told us."""

    def __init__(self, command: tuple[str, ...] = PROBER, hung_after: float = HUNG_AFTER) -> None:
        self.results: list[CheckResult] = []
        self.events: list[str] = []
        self.supervisor = Supervisor(
            SteadyClock.begin(), self.on_batch, self.events.append, command=command, hung_after=hung_after
        )

    def on_batch(self, batch: Batch) -> None:
        self.results += batch.results

    async def until(self, met: Callable[[], bool], within: float = 20.0) -> None:
        deadline = time.monotonic() + within
        while not met():
            assert time.monotonic() < deadline, f"nothing came of it within {within} s: {self.events}"
            await asyncio.sleep(0.02)

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
        assert status.silent_for < 5

    run(watch, story)
    assert watch.events == []
    assert watch.supervisor.status().pid is None


def test_a_killed_prober_is_replaced_within_a_second_and_knows_what_to_do(target: Check) -> None:
    watch = Watch()

    async def story() -> None:
        watch.supervisor.configure([target], [])
        watch.supervisor.faster(["shop"])
        await watch.until(lambda: bool(watch.results))
        victim = watch.pid
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        await watch.until(lambda: watch.supervisor.status().pid not in (victim, None))
        assert time.monotonic() - killed < 1.5  # a second, and what a busy machine adds
        seen = len(watch.results)
        await watch.until(lambda: len(watch.results) >= seen + 2)
        assert watch.supervisor.status().restarts == 1

    run(watch, story)
    assert watch.events == [f"the prober was ended by SIGKILL; the next one starts in {FIRST_DELAY:g} s"]


def test_a_prober_that_hangs_is_killed_and_replaced(target: Check) -> None:
    watch = Watch(hung_after=3.0)

    async def story() -> None:
        watch.supervisor.configure([target], [])
        await watch.until(lambda: bool(watch.results))
        victim = watch.pid
        os.kill(victim, signal.SIGSTOP)
        await watch.until(lambda: watch.supervisor.status().pid not in (victim, None))
        assert not Path(f"/proc/{victim}").exists()
        seen = len(watch.results)
        await watch.until(lambda: len(watch.results) > seen)

    run(watch, story)
    assert watch.events == [
        f"the prober sent no heartbeat for 3 s and was killed; the next one starts in {FIRST_DELAY:g} s"
    ]


def test_when_our_own_loop_hung_the_prober_is_not_blamed(target: Check) -> None:
    watch = Watch(hung_after=2.0)

    async def story() -> None:
        watch.supervisor.configure([target], [])
        await watch.until(lambda: bool(watch.results))
        innocent, seen = watch.pid, len(watch.results)
        time.sleep(4)
        await watch.until(lambda: len(watch.results) > seen + 6)
        await asyncio.sleep(1.2)  # another look at its heartbeats
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
        began = time.monotonic()
        watch.supervisor.configure(many, [])
        await asyncio.sleep(0)
        assert time.monotonic() - began < 1.0
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
        await watch.until(lambda: len(watch.events) >= 4)  # now it pauses for two seconds

    began = time.monotonic()
    run(watch, story)
    assert time.monotonic() - began < 4.5

    async def never_started() -> None:
        await Watch().supervisor.stop()

    asyncio.run(never_started())


def test_one_that_does_not_finish_is_killed_in_the_end() -> None:
    watch = Watch(python("import time; time.sleep(60)"))

    async def story() -> None:
        await watch.until(lambda: watch.supervisor.status().pid is not None)

    began = time.monotonic()
    run(watch, story)
    assert GRACE - 0.1 < time.monotonic() - began < 10


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
        await watch.until(lambda: watch.supervisor.status().checks == 2 and watch.results[-1].check == "new")
        began = len(watch.results)
        await watch.until(lambda: len(watch.results) >= began + 6)
        assert {result.check for result in watch.results[began:]} == {"ready", "new"}

        os.kill(watch.pid, signal.SIGKILL)
        await watch.until(lambda: bool(watch.events))
        began = len(watch.results)
        await watch.until(lambda: len(watch.results) >= began + 6)
        assert {result.check for result in watch.results[began:]} == {"ready", "new"}

    run(watch, story)
