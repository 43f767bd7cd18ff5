"""What a budget was before a restart it is after it: whenever the daemon ended, however it ended, and for 90 days."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Outcome
from monitor.core.sequential import FailureCusum
from monitor.core.sli import SliWindow, Tally
from monitor.daemon.budgets import Budgets
from monitor.daemon.past import HOUR, MINUTE, past_of
from monitor.ledger.history import History, MinuteRow
from monitor.ledger.records import BudgetCheckpoint
from monitor.ledger.store import Ledger
from monitor.response.watch import CheckWatch

BEGIN = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
WIDTHS = [timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6)]
LONG_WIDTHS = [timedelta(days=1), timedelta(days=3), timedelta(days=30), timedelta(days=90)]
EVERY = timedelta(seconds=20)


def watch_of(name: str) -> CheckWatch:
    check = Check(
        service="orders", name=name, question=HttpQuestion(url="http://127.0.0.1/"), interval=20.0, timeout=5.0
    )
    return CheckWatch(check=check, cusum=FailureCusum.for_budget(0.001), began_at=BEGIN, window=SliWindow())


class Life:
    """
    One run of the daemon, as far as budgets are concerned: results in, rows out, on real files.

    Attributes:
        watches: As this run knows them.
        now: Up to when results have come.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], now: datetime) -> None:
        self.ledger = Ledger.open(folder)
        self.history = History.open(folder / "history.sqlite")
        self.watches = [watch_of(name) for name in names]
        self.now = now
        self.minute = now.replace(second=0, microsecond=0)
        self.budgets = Budgets(self.ledger, self.history, now)
        self.budgets.restore(self.watches, now)

    def take(self, result: Callable[[str, datetime], Outcome | None], until: datetime) -> None:
        """Results every 20 s, rows as the housekeeping writes them: each minute, each hour."""
        while self.now < until:
            self.now += EVERY
            for watch in self.watches:
                outcome = result(watch.check.name, self.now)
                if outcome is not None:
                    watch.window.add(self.now, outcome)
            while self.minute + MINUTE <= self.now - timedelta(seconds=10):
                self._write_minute()
            if self.budgets.hour + HOUR <= self.now - timedelta(seconds=10):
                self.budgets.keep_hours(self.watches)

    def _write_minute(self) -> None:
        rows = []
        for watch in self.watches:
            tally = watch.window.tally(self.minute + MINUTE, MINUTE)
            rows.append(
                MinuteRow(
                    check=watch.check.id, minute=self.minute, expected=3, good=tally.good, bad=tally.bad,
                    unknown=tally.unknown, latency=None,
                )
            )  # fmt: skip
        self.history.write_minutes(rows)
        self.minute += MINUTE
        self.budgets.keep_minutes(self.watches, self.minute)

    def end(self, *, killed: bool) -> None:
        if not killed:
            self.budgets.keep_all(self.watches, self.minute, self.now)
        self.ledger.close()
        self.history.close()

    def tallies(self, widths: list[timedelta]) -> list[list[Tally]]:
        return [[watch.window.tally(self.now, width) for width in widths] for watch in self.watches]


@contextmanager
def life(folder: Path, now: datetime, names: tuple[str, ...] = ("ready", "live")) -> Iterator[Life]:
    one = Life(folder, names, now)
    try:
        yield one
    finally:
        one.end(killed=True)


def now_and_then(name: str, at: datetime) -> Outcome:
    """A hundredth fails, and the same result is the same in every run."""
    return random.Random(f"{name} {at.timestamp():.0f}").choices(list(Outcome), (98, 1, 1))[0]


@pytest.mark.parametrize(
    "ran", [timedelta(minutes=7), timedelta(minutes=59), timedelta(hours=1), timedelta(hours=9, minutes=13)]
)
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "stopped"])
def test_every_window_is_the_same_after_a_restart_in_a_whole_minute(
    tmp_path: Path, ran: timedelta, killed: bool
) -> None:
    first = Life(tmp_path, ("ready", "live"), BEGIN)
    end = BEGIN + ran + timedelta(seconds=20)  # the last whole minute is written, and nothing came after it
    first.take(lambda name, at: now_and_then(name, at) if at <= BEGIN + ran else None, end)
    first.end(killed=killed)
    with life(tmp_path, end) as second:
        assert second.tallies(WIDTHS + LONG_WIDTHS) == first.tallies(WIDTHS + LONG_WIDTHS)


def test_what_a_clean_end_cuts_a_minute_short_of_is_still_in_the_budget(tmp_path: Path) -> None:
    first = Life(tmp_path, ("ready",), BEGIN)
    first.take(now_and_then, BEGIN + timedelta(hours=2, minutes=30, seconds=40))
    first.end(killed=False)
    with life(tmp_path, first.now, ("ready",)) as second:
        assert second.tallies(LONG_WIDTHS) == first.tallies(LONG_WIDTHS)


def test_ten_restarts_at_odd_moments_cost_a_budget_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    rng = random.Random(11)
    never = Life(tmp_path / "never", ("ready",), BEGIN)
    now = BEGIN
    for _ in range(10):
        with life(tmp_path / "often", now, ("ready",)) as one:
            now += timedelta(minutes=rng.randrange(20, 200))
            quiet = now - timedelta(minutes=1)

            def result(name: str, at: datetime, quiet: datetime = quiet) -> Outcome | None:
                return now_and_then(name, at) if at <= quiet else None

            one.take(result, now)
            never.take(result, now)
            assert one.tallies(LONG_WIDTHS) == never.tallies(LONG_WIDTHS)
    never.end(killed=True)


def test_an_hour_that_ended_while_the_daemon_was_away_is_not_lost_even_a_day_later(tmp_path: Path) -> None:
    with life(tmp_path, BEGIN, ("ready",)) as first:
        first.take(lambda _name, at: Outcome.FAILED if at <= BEGIN + 10 * MINUTE else None, BEGIN + 11 * MINUTE)
    second = Life(tmp_path, ("ready",), BEGIN + timedelta(hours=3))
    second.take(lambda *_: Outcome.OK, BEGIN + timedelta(hours=4))
    second.end(killed=False)
    with life(tmp_path, BEGIN + timedelta(hours=26), ("ready",)) as third:
        ((day,),) = third.tallies([timedelta(days=3)])
        assert (day.bad, day.good) == (30, 180)


def test_without_the_history_the_budget_is_what_the_ledger_has_of_the_hours(tmp_path: Path) -> None:
    first = Life(tmp_path, ("ready",), BEGIN)
    first.take(lambda *_: Outcome.OK, BEGIN + timedelta(hours=9, minutes=30))
    first.end(killed=False)
    for part in tmp_path.glob("history.sqlite*"):
        part.unlink()
    second = Life(tmp_path, ("ready",), first.now)
    assert second.tallies([timedelta(hours=6), timedelta(days=1)]) == [[Tally(), Tally(good=9 * 180 + 90)]]
    # The hour in which it happened is whole in the end, although no minute tells of its first half.
    second.take(lambda *_: Outcome.OK, BEGIN + timedelta(hours=10, minutes=30))
    second.end(killed=True)
    with life(tmp_path, second.now, ("ready",)) as third:
        ((day,),) = third.tallies([timedelta(days=1)])
        assert 10 * 180 <= day.good <= 10 * 180 + 90


def test_ninety_days_are_kept_as_few_rows_and_old_errors_leave_in_their_hour(tmp_path: Path) -> None:
    day = timedelta(days=1)
    bad_hour = BEGIN + 5 * HOUR
    with life(tmp_path, BEGIN) as first:
        for hour in range(60 * 24):
            begin = BEGIN + hour * HOUR
            for watch in first.watches:
                watch.window.put_hour(begin, (170, 10, 0) if begin == bad_hour else (180, 0, 0))
            first.budgets.hour = begin
            first.budgets.keep_hours(first.watches)
        first.ledger.write_checkpoints(()).result(10)
        rows = first.ledger.checkpoints(BEGIN, BEGIN + 90 * day)
        assert len(rows) <= 2 * (24 + 6), "a day and what is not packed yet"
        assert len(first.ledger.pasts()) == 2
    for late, bad in ((5, 10), (6, 0)):  # the bad hour is 12:00 to 13:00
        now = BEGIN + 60 * day + late * HOUR
        with life(tmp_path, now) as again:
            ((tally,), other) = again.tallies([60 * day])
            assert tally.bad == bad
            assert other == [tally]
            assert tally.good + tally.bad == 180 * (60 * 24 - late)


def test_a_past_that_cannot_be_read_costs_that_check_its_budget_and_nobody_else(tmp_path: Path) -> None:
    first = Life(tmp_path, ("ready", "live"), BEGIN)
    first.take(lambda *_: Outcome.OK, BEGIN + timedelta(hours=14))
    (one, other) = first.ledger.pasts()
    first.ledger.write_pasts([replace(one, hours=b"torn")]).result(10)
    first.end(killed=False)
    with life(tmp_path, first.now) as second:
        tallies = {w.check.id: w.window.tally(second.now, timedelta(days=1)) for w in second.watches}
        assert tallies[other.check] == Tally(good=14 * 180)
        assert 0 < tallies[one.check].good < 14 * 180


def test_a_check_that_comes_back_after_a_day_has_the_hours_that_were_not_packed(tmp_path: Path) -> None:
    first = Life(tmp_path, ("ready", "live"), BEGIN)
    first.take(lambda *_: Outcome.OK, BEGIN + timedelta(hours=8))
    first.end(killed=False)
    second = Life(tmp_path, ("ready",), first.now)
    second.take(lambda *_: Outcome.OK, first.now + timedelta(hours=20))
    second.end(killed=False)
    with life(tmp_path, second.now) as third:
        (ready,), (live,) = third.tallies([timedelta(days=30)])
        assert (ready.good, live.good) == (28 * 180, 8 * 180)


def test_checkpoints_of_an_older_version_are_read_as_they_are(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    rows = [
        BudgetCheckpoint(check="orders/ready", hour=BEGIN + h * HOUR, expected=180, good=179, bad=1, unknown=0)
        for h in range(40 * 24)
    ]
    ledger.write_checkpoints(rows).result(10)
    ledger.close()
    with life(tmp_path, BEGIN + timedelta(days=40), ("ready",)) as one:
        ((tally,),) = one.tallies([timedelta(days=90)])
        assert tally == Tally(good=179 * 40 * 24, bad=40 * 24)


def test_a_check_that_was_taken_out_while_we_ran_comes_back_with_everything_it_had(tmp_path: Path) -> None:
    with life(tmp_path, BEGIN) as one:
        one.take(lambda *_: Outcome.OK, BEGIN + timedelta(hours=8, minutes=20))
        gone = one.watches.pop()
        one.budgets.leave([gone], one.now)
        one.take(lambda *_: Outcome.OK, one.now + timedelta(hours=50))
        one.ledger.write_checkpoints(()).result(10)
        past = past_of(one.ledger, one.history, {gone.check.id}, one.now)
        assert past.windows[gone.check.id].tally(one.now, timedelta(days=30)) == Tally(good=8 * 180 + 60)
