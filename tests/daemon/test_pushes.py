"""What the daemon makes of pushes: results on each check's grid, one more when it changes, and nothing forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from checks.check import Check
from checks.push import Question
from checks.result import CheckResult, Confirmation
from monitor.core.pushes import Event, Push
from monitor.daemon.pushes import BURST, Pushes
from monitor.ledger.store import Ledger
from monitor.web.desk import DeskRefusal
from monitor.web.push_tokens import token_of

T0 = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SECRET = "the-daemons-own-secret"
SUCCEEDED = Push(event=Event.SUCCEEDED)


def backup(interval: float = 30.0, every: float = 600.0, grace: float = 60.0, **more: Any) -> Check:
    question = Question(every=every, grace=grace, **more)
    return Check(service="shop", name="backup", question=question, interval=interval, timeout=0.0)


class SetClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.at = T0
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def wall(self) -> datetime:
        return self.at + self.ahead


class Life:
    """One life of the daemon, as far as pushes are concerned."""

    def __init__(self, clock: SetClock, ledger: Ledger, *checks: Check, away_since: datetime | None = None) -> None:
        self.clock = clock
        self.results: list[CheckResult] = []
        self.pushes = Pushes(clock, ledger, self.results.append, lambda text: text.replace("hunter2", "***"))
        self.pushes.start(checks or (backup(),), SECRET, away_since)
        self.token = token_of(SECRET, (checks or (backup(),))[0])

    def turn(self, seconds: float, step: float = 1.0) -> list[tuple[float, str, bool]]:
        """Looks on each second; what came out, in seconds since the beginning."""
        before = len(self.results)
        until = self.clock.at + timedelta(seconds=seconds)
        while self.clock.at < until:
            self.clock.at += timedelta(seconds=step)
            self.pushes.look()
        return [seen(result) for result in self.results[before:]]

    async def says(self, push: Push = SUCCEEDED) -> None:
        await self.pushes.push(self.token, push)

    def changes(self, seconds: float) -> list[tuple[float, str]]:
        return [(at, outcome) for at, outcome, extra in self.turn(seconds) if extra]


def seen(result: CheckResult) -> tuple[float, str, bool]:
    return round((result.scheduled_at - T0).total_seconds(), 3), result.outcome.value, result.extra


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def play(ledger: Ledger) -> Callable[[Callable[[SetClock, Ledger], Awaitable[None]]], None]:
    """In a loop of its own, as the daemon has one."""

    def play(story: Callable[[SetClock, Ledger], Awaitable[None]]) -> None:
        async def in_loop() -> None:
            await story(SetClock(), ledger)

        asyncio.run(in_loop())

    return play


def test_each_slot_has_a_result_and_a_missed_deadline_one_more_at_that_very_instant(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        found = life.turn(720)

        assert [entry for entry in found if entry[2]] == [(660.0, "failed", True)]
        slots = [(at, outcome) for at, outcome, extra in found if not extra]
        assert [b - a for (a, _), (b, _) in pairwise(slots)] == pytest.approx([30.0] * 23)
        assert {outcome for at, outcome in slots if at < 660} == {"ok"}
        assert {outcome for at, outcome in slots if at >= 660} == {"failed"}
        assert all(result.confirmation is Confirmation.CONFIRMED for result in life.results[-2:])

    play(story)


def test_results_come_in_the_order_of_their_instants_even_when_looked_at_late(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger, backup(interval=10.0))
        life.turn(655)
        found = life.turn(20, step=20.0)  # a busy loop; what was due too long before is missing

        assert [at for at, _, _ in found] == sorted(at for at, _, _ in found)
        assert (660.0, "failed", True) in found

    play(story)


def test_a_job_that_says_that_it_failed_is_told_at_once_and_so_is_its_recovery(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        clock.at += timedelta(seconds=3)
        await life.says(Push(event=Event.FAILED, status=3, body=f"token hunter2, {life.token}"))
        failed = life.results[-1]
        clock.at += timedelta(seconds=3)
        await life.says(Push(event=Event.FAILED, status=3))
        clock.at += timedelta(seconds=3)
        await life.says()

        assert [seen(result) for result in life.results if result.extra] == [(3.0, "failed", True), (9.0, "ok", True)]
        assert failed.detail == "ended with status 3: token ***, ***"
        assert failed.first.body_excerpt == "token ***, ***"

    play(story)


def test_the_time_that_a_run_took_is_the_latency_of_the_next_slot_alone(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        await life.says(Push(event=Event.STARTED))
        clock.at += timedelta(seconds=12.5)
        await life.says()
        life.turn(60)

        took = [result for result in life.results if result.latency is not None]
        assert [(result.latency, result.first.started_at, result.extra) for result in took] == [(12.5, T0, False)]

    play(story)


def test_a_run_that_failed_has_no_latency(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        await life.says(Push(event=Event.STARTED))
        clock.at += timedelta(seconds=12.5)
        await life.says(Push(event=Event.FAILED))
        await life.says()
        life.turn(60)

        assert {result.latency for result in life.results} == {None}

    play(story)


def test_a_killed_daemon_forgets_no_push(play) -> None:
    """The one that follows knows all that was answered, though nothing was said to the one before of its end."""

    async def story(clock: SetClock, ledger: Ledger) -> None:
        first = Life(clock, ledger)
        first.turn(500)
        await first.says()
        clock.at += timedelta(seconds=2)
        second = Life(clock, ledger, away_since=T0 + timedelta(seconds=490))

        assert second.changes(700) == [(1160.0, "failed")]

    play(story)


def test_a_check_that_was_never_pushed_is_not_waited_for_anew_after_each_restart(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        Life(clock, ledger).turn(500)
        while ledger.waiting:
            await asyncio.sleep(0.001)
        second = Life(clock, ledger, away_since=clock.at)

        assert second.changes(300) == [(660.0, "failed")]

    play(story)


def test_after_a_long_absence_what_could_not_be_heard_is_no_failure(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        first = Life(clock, ledger)
        first.turn(500)
        away_since = clock.at
        clock.at += timedelta(seconds=2000)
        second = Life(clock, ledger, away_since=away_since)

        assert second.changes(700) == [(2500.0 + 660.0, "failed")]

    play(story)


def test_a_machine_that_slept_heard_nothing_either_and_replays_no_slot(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        life.turn(500)
        slept = life.turn(2000, step=2000.0)

        assert slept == []
        assert life.changes(700) == [(2500.0 + 660.0, "failed")]

    play(story)


def test_a_wall_clock_that_is_set_moves_what_is_due_by_it_and_no_period(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        cronned = Check(
            service="shop", name="report", question=Question(cron="0 11 * * *", grace=60), interval=30.0, timeout=0.0
        )
        life = Life(clock, ledger, cronned, backup(every=4000))
        clock.ahead = timedelta(minutes=50)  # it is ten minutes before eleven now
        found = life.turn(4100)

        assert [entry[:2] for entry in found if entry[2]] == [(660.0, "failed"), (4060.0, "failed")]

    play(story)


def test_a_reload_that_changes_when_it_is_due_counts_from_then_on(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        life.turn(500)
        life.pushes.replace([backup(every=100)], SECRET)

        assert life.changes(300) == [(660.0, "failed")]

    play(story)


def test_a_reload_that_leaves_it_as_it_is_changes_nothing(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        life.turn(500)
        other = Check(service="shop", name="other", question=Question(every=60, grace=60), timeout=0.0)
        life.pushes.replace([backup(), other], SECRET)

        assert (660.0, "failed") in life.changes(200)

    play(story)


def test_a_check_that_is_gone_is_listened_to_no_more(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        life.pushes.replace([], SECRET)

        assert life.turn(700) == []
        with pytest.raises(DeskRefusal) as refused:
            await life.says()
        assert refused.value.status == 404

    play(story)


def test_whoever_has_no_token_learns_nothing_of_those_that_there_are(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        told = set()
        for wrong in ("", life.token[:-1], life.token + "x", life.token.swapcase(), "tok\u00e9n", "\udc80"):
            with pytest.raises(DeskRefusal) as refused:
                await life.pushes.push(wrong, SUCCEEDED)
            told.add((refused.value.status, refused.value.detail))

        assert told == {(404, "no check has this token; monitor push shows the address of each")}

    play(story)


def test_a_configured_token_is_the_only_one_of_its_check(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger, backup(token="configured-by-hand"))

        await life.pushes.push("configured-by-hand", SUCCEEDED)
        with pytest.raises(DeskRefusal):
            await life.pushes.push(token_of(SECRET, backup()), SUCCEEDED)

    play(story)


def test_derived_tokens_differ_by_check_and_by_secret_and_stay_the_same() -> None:
    other = Check(service="shop", name="other", question=Question(every=60, grace=60))

    assert token_of(SECRET, backup()) == token_of(SECRET, backup(every=5)) == "Fwy8Ud6Gb3OHXONJxoCTR120EeSQTrQB"
    assert len({token_of(SECRET, backup()), token_of(SECRET, other), token_of("another", backup())}) == 3


def test_a_job_that_pushes_without_end_is_refused_and_counts_again_a_second_later(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger)
        for _ in range(BURST):
            await life.says()
        with pytest.raises(DeskRefusal) as refused:
            await life.says()
        assert refused.value.status == 429
        clock.at += timedelta(seconds=1)
        await life.says()

    play(story)


def test_who_tells_all_the_time_leaves_no_heap_of_deadlines_and_is_missed_at_the_last_one(play) -> None:
    async def story(clock: SetClock, ledger: Ledger) -> None:
        life = Life(clock, ledger, backup(), Check(service="shop", name="quiet", question=Question(every=900, grace=0)))
        for _ in range(50):
            clock.at += timedelta(seconds=2)
            await life.says()

        assert len(life.pushes._deadlines) <= 17
        assert life.changes(1000) == [(760.0, "failed"), (900.0, "failed")]

    play(story)
