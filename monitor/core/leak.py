"""
Slow leaks: budgets that are spent too fast by errors too rare for the detector of failures, and proven to be so.

The detector finds what burns fourteen times too fast within a few probes and forgives what burns three times too fast
for ever. The windows of `slo.py` see that, but one failed probe satisfies them; so here the long one must prove its
burn, flakes that come in clumps weighed as such, and the short one must hold two failures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from monitor.core.budget import Budget, exhausts_in
from monitor.core.proof import dispersion, is_above, lower_bound
from monitor.core.sli import Tally, cell_of
from monitor.core.slo import BURN_WINDOWS, BurnAlarm, BurnWindow, Objective, burn_rate

SOON: Final = timedelta(days=3)
"""A budget that will be gone by then is worth a word: the ticket pair of the SRE Workbook looks as far back."""
NOT_SOON: Final = 2 * SOON
"""When the word is taken back: a second threshold, so that a budget near the first does not say it every minute."""
PACE_LONG: Final = timedelta(days=1)
PACE_SHORT: Final = timedelta(hours=6)
FEWEST: Final = 2
"""Failures in the short window: one may be anything."""
SLOW_WINDOWS: Final = BURN_WINDOWS[2:]
"""The ticket pairs: what burns faster than they ask is found by the detector of failures, where it reads the same
probes, and is held for `open_after` there."""


class Counts(Protocol):
    """What windows hold that end now."""

    def tally(self, width: timedelta) -> Tally: ...

    def bad_cells(self, width: timedelta) -> Iterable[int]:
        """Bad results in each minute, or beyond six hours in each hour, that has some."""
        ...

    def scheduled(self, width: timedelta) -> int:
        """By the timetable, of the whole window, also of the time in which nobody asked yet."""
        ...


def threshold_of(window: BurnWindow, period: timedelta) -> float:
    """At least 1: in a period of some days the window's share of the budget is spent by a pace that lasts for ever."""
    return max(1.0, window.threshold(period))


def leak(
    counts: Counts, objective: Objective, period: timedelta, windows: Sequence[BurnWindow] = BURN_WINDOWS
) -> BurnAlarm | None:
    """The fastest pair of *windows* of which the burn is proven; None when none is."""
    for window in windows:
        if window.long > period:
            continue
        threshold = threshold_of(window, period)
        short = counts.tally(window.short)
        burn_short = burn_rate(short, objective)
        if short.bad < FEWEST or burn_short is None or burn_short <= threshold:
            continue
        long = counts.tally(window.long)
        # Of the whole window, as a budget is: of a service that is an hour old two failures in a row are no leak of
        # three days, and those that fail on and on are found by others.
        total = max(long.total, counts.scheduled(window.long))
        burn_long = long.bad / total / objective.error_budget
        if burn_long <= threshold:
            continue
        clumps = dispersion(counts.bad_cells(window.long), window.long // cell_of(window.long))
        if is_above(long.bad / clumps, total / clumps, objective.error_budget * threshold):
            return BurnAlarm(window, burn_long, burn_short, threshold)
    return None


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How fast bad results come.

    Attributes:
        per_second: As they came within six hours.
        proven: Computes what is proven: at least that fast, by a day and by six hours. Dear, and mostly not asked for.
    """

    per_second: float
    proven: Callable[[], float]


def pace_of(counts: Counts, expected_per_second: float) -> Pace:
    """
    Args:
        expected_per_second: Results, good and bad, by the timetable.
    """
    ratio = counts.tally(PACE_SHORT).error_ratio or 0.0
    return Pace(ratio * expected_per_second, lambda: proven_ratio(counts, ratio) * expected_per_second)


def proven_ratio(counts: Counts, ratio: float) -> float:
    """By a day and by six hours, whose error ratio *ratio* is: a day still holds the outage that ended this morning."""
    day = counts.tally(PACE_LONG)
    clumps = dispersion(counts.bad_cells(PACE_LONG), PACE_LONG // cell_of(PACE_LONG))
    return min(ratio, lower_bound(day.bad / clumps, day.total / clumps))


def exhausts_soon(
    budget: Budget,
    pace: Pace,
    *,
    within: timedelta,
    leaving: list[tuple[timedelta, float]],
    told: bool,
) -> timedelta | None:
    """In how long the budget is gone for certain, when that is soon; with *told*, when it is not far."""
    limit = NOT_SOON if told else SOON
    # What is proven is no faster. So where the pace itself does not spend it by then, there is nothing to prove.
    at_most = exhausts_in(budget, pace.per_second, within=within, leaving=leaving)
    if at_most is None or at_most > limit:
        return None
    left = exhausts_in(budget, pace.proven(), within=within, leaving=leaving)
    return left if left is not None and left <= limit else None


def leak_detection_time(objective: Objective, period: timedelta, interval: timedelta) -> timedelta | None:
    """How long every result must be bad until it is proven, with one result every *interval*; None when it never is."""
    found = [
        fewest * interval
        for window in BURN_WINDOWS
        if window.long <= period and window.short // interval >= FEWEST
        if (fewest := _fewest(objective.error_budget * threshold_of(window, period), window.long, interval))
    ]
    return min(found, default=None)


def _fewest(ratio: float, width: timedelta, interval: timedelta) -> int | None:
    """How many in a row, at the end of a window of that width, prove more than *ratio*."""
    total, cell = width // interval, cell_of(width)
    per_cell = max(1, cell // interval)

    def proves(bad: int) -> bool:
        whole, rest = divmod(bad, per_cell)
        clumps = dispersion([*[per_cell] * whole, rest], width // cell)
        return is_above(bad / clumps, total / clumps, ratio)

    low, high = FEWEST, total
    if not proves(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if proves(middle):
            high = middle
        else:
            low = middle + 1
    return high
