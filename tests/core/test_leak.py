"""Slow leaks are found, and flakes, single failures and what is over are not taken for them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from checks.result import Outcome
from monitor.core.budget import Budget
from monitor.core.leak import (
    NOT_SOON,
    SOON,
    Pace,
    exhausts_soon,
    leak,
    leak_detection_time,
    pace_of,
    threshold_of,
)
from monitor.core.sli import SliWindow, Tally
from monitor.core.slo import BURN_WINDOWS, Objective

MONTH = timedelta(days=30)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
THREE_NINES = Objective(0.999)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Window:
    """What one check's window holds at an instant."""

    def __init__(self, window: SliWindow, now: datetime) -> None:
        self.window, self.now = window, now

    def tally(self, width: timedelta) -> Tally:
        return self.window.tally(self.now, width)

    def bad_cells(self, width: timedelta) -> list[int]:
        return [bad for _, bad in self.window.bad_cells(self.now, width)]

    def scheduled(self, width: timedelta) -> int:
        """One a minute, also before anybody asked."""
        return width // MINUTE


class Nothing:
    def tally(self, _: timedelta) -> Tally:
        return Tally(expected=60)

    def bad_cells(self, _: timedelta) -> list[int]:
        return []

    def scheduled(self, width: timedelta) -> int:
        return width // MINUTE


def tallies(failed_at: Callable[[int], bool], minutes: int, every: int = 60) -> Window:
    """One probe a minute (or every so many seconds) for so long; *failed_at* is asked how many minutes ago it was."""
    window, now = SliWindow(), BEGIN + minutes * MINUTE
    for seconds in range(minutes * 60 - every, -1, -every):
        window.add(now - timedelta(seconds=seconds), Outcome.FAILED if failed_at(seconds // 60) else Outcome.OK)
    return Window(window, now)


def test_two_failures_in_a_row_are_no_leak_however_young_the_service_is() -> None:
    for minutes in (3, 20, 62, 90, 120, 600):
        assert leak(tallies(lambda ago: ago < 2, minutes), THREE_NINES, MONTH) is None


def test_a_young_service_leaks_once_its_failures_are_many_for_the_whole_window() -> None:
    # Of 1440 probes of a day 4.32 may fail at three budgets; twelve are proven to be more, though the day is not over.
    assert leak(tallies(lambda ago: ago % 90 == 0, 6 * 60), THREE_NINES, MONTH) is None
    found = leak(tallies(lambda ago: ago % 45 == 0, 9 * 60), THREE_NINES, MONTH)
    assert found is not None
    assert (found.window.name, round(found.burn_long, 2)) == ("ticket quick", round(12 / 1440 / 0.001, 2))


@pytest.mark.parametrize(
    ("period", "thresholds"),
    [
        (MONTH, [14.4, 6, 3, 1]),
        (timedelta(days=7), [3.36, 1.4, 1, 1]),
        (timedelta(days=1), [1, 1, 1, 1]),
    ],
)
def test_no_threshold_lies_below_the_pace_that_lasts_for_ever(period: timedelta, thresholds: list[float]) -> None:
    assert [threshold_of(window, period) for window in BURN_WINDOWS] == pytest.approx(thresholds)


def test_a_leak_of_one_in_two_hundred_is_found_by_the_slow_pair_and_named() -> None:
    found = leak(tallies(lambda ago: ago % 200 == 0, 3 * 1440), THREE_NINES, MONTH)
    assert found is not None
    assert (found.window.name, found.threshold) == ("ticket slow", pytest.approx(1))
    assert found.burn_long == pytest.approx(5.1, abs=0.3)


def test_a_total_outage_is_found_by_the_quick_pair_after_four_probes_and_not_after_three() -> None:
    assert leak(tallies(lambda ago: ago < 3, 1440), THREE_NINES, MONTH) is None
    found = leak(tallies(lambda ago: ago < 4, 1440), THREE_NINES, MONTH)
    assert found is not None
    assert found.window.name == "page quick"


@pytest.mark.parametrize("failures", [1, 2, 3, 5])
def test_a_few_failures_in_three_days_are_no_leak_though_the_textbook_s_windows_burn(failures: int) -> None:
    spread = {hour * 45 for hour in range(failures)}
    assert leak(tallies(lambda ago: ago in spread, 3 * 1440), THREE_NINES, MONTH) is None


def test_what_ended_seven_hours_ago_does_not_leak_any_more() -> None:
    assert leak(tallies(lambda ago: 7 * 60 < ago < 8 * 60, 3 * 1440), THREE_NINES, MONTH) is None


def test_a_period_of_a_day_has_no_window_of_three() -> None:
    rare, often = (tallies(lambda ago, n=n: ago % n == 0, 3 * 1440) for n in (200, 50))
    assert leak(rare, THREE_NINES, timedelta(days=1)) is None, "it takes three days to prove"
    found = leak(often, THREE_NINES, timedelta(days=1))
    assert found is not None
    assert found.window.long == timedelta(days=1)


def test_thirty_days_at_half_the_budget_leak_nothing() -> None:
    """The flake of 0.05 % that satisfies the textbook's windows about twenty times a month, on four seeds."""
    for seed in range(4):
        rng = random.Random(seed)
        window = SliWindow()
        for minute in range(30 * 1440):
            now = BEGIN + minute * MINUTE
            failed = rng.random() < 0.0005
            window.add(now, Outcome.FAILED if failed else Outcome.OK)
            if failed:
                assert leak(Window(window, now), THREE_NINES, MONTH) is None


def test_nothing_leaks_without_data() -> None:
    assert leak(Nothing(), THREE_NINES, MONTH) is None
    pace = pace_of(Nothing(), 1 / 60)
    assert (pace.per_second, pace.proven()) == (0.0, 0.0)


def test_a_pace_is_what_came_in_six_hours_and_proven_is_less() -> None:
    pace = pace_of(tallies(lambda ago: ago % 60 == 0, 1440), 1 / 60)
    assert pace.per_second == pytest.approx(1 / 3600, rel=0.01)
    assert 0 < pace.proven() < pace.per_second
    over = pace_of(tallies(lambda ago: ago > 400, 1440), 1 / 60)
    assert (over.per_second, over.proven()) == (0.0, 0.0), "the outage of this morning says nothing of tomorrow"


def paced(per_second: float, proven: float) -> Pace:
    return Pace(per_second, lambda: proven)


def test_what_is_not_soon_at_the_pace_itself_is_not_proven() -> None:
    def nobody_asks() -> float:
        raise AssertionError("dear, and without use")

    budget = Budget(allowed=43.2, bad=33.2, seen=40_000)
    for per_second in (0.0, 10 / (3.01 * 86400)):
        pace = Pace(per_second, nobody_asks)
        assert exhausts_soon(budget, pace, within=MONTH, leaving=[], told=False) is None
    with pytest.raises(AssertionError, match="dear"):
        exhausts_soon(budget, Pace(10 / (3 * 86400), nobody_asks), within=MONTH, leaving=[], told=False)


@pytest.mark.parametrize(
    ("days", "told", "is_soon"), [(3, False, True), (3.01, False, False), (3.01, True, True), (6.01, True, False)]
)
def test_soon_has_two_thresholds(days: float, told: bool, is_soon: bool) -> None:
    budget = Budget(allowed=43.2, bad=33.2, seen=40_000)
    pace = paced(1.0, 10 / (days * 86400))
    found = exhausts_soon(budget, pace, within=MONTH, leaving=[], told=told)
    assert (found is not None) is is_soon
    assert timedelta(days=3) == SOON < NOT_SOON


def test_what_leaves_in_time_keeps_the_budget_from_ending_soon() -> None:
    budget = Budget(allowed=43.2, bad=42.2, seen=40_000)
    pace = paced(1.0, 1 / 3600)
    assert exhausts_soon(budget, pace, within=MONTH, leaving=[], told=False) == HOUR
    assert exhausts_soon(budget, pace, within=MONTH, leaving=[(HOUR / 2, 40.0)], told=False) == timedelta(hours=41)
    assert exhausts_soon(budget, pace, within=MONTH, leaving=[(HOUR / 2, 42.2)], told=True) == timedelta(hours=43.2)
    assert exhausts_soon(budget, paced(1.0, 0.0), within=MONTH, leaving=[], told=True) is None


@pytest.mark.parametrize(
    ("objective", "interval", "seconds"),
    [
        (0.999, 60, 240),  # four of sixty, as the simulation of the field has it
        (0.999, 20, 220),  # more probes of the same minutes prove little more: they may be one flake
        (0.999, 10, 210),
        (0.995, 60, 600),
        (0.99, 60, 960),
        (0.999, 1800, 5400),  # too rarely for the quick pairs: three of the 48 of a day prove three times the budget
    ],
)
def test_how_long_everything_must_be_bad_until_a_burn_is_proven(objective: float, interval: int, seconds: int) -> None:
    found = leak_detection_time(Objective(objective), MONTH, timedelta(seconds=interval))
    assert found == timedelta(seconds=seconds)


def test_that_time_is_when_the_leak_is_found_and_not_one_probe_earlier() -> None:
    for ratio in (0.999, 0.995, 0.99):
        found = leak_detection_time(Objective(ratio), MONTH, MINUTE)
        assert found is not None
        probes = found // MINUTE
        assert leak(tallies(lambda ago, n=probes: ago < n, 3 * 1440), Objective(ratio), MONTH) is not None
        assert leak(tallies(lambda ago, n=probes: ago < n - 1, 3 * 1440), Objective(ratio), MONTH) is None


def test_what_is_asked_too_rarely_never_proves_it() -> None:
    assert leak_detection_time(THREE_NINES, MONTH, timedelta(hours=4)) is None
