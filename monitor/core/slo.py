"""
Objective, budget, burn rate, time to exhaustion. Formulas and windows: Google's SRE Workbook, chapter 5.

Windows account for budgets; `sequential.py` raises alarms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from monitor.core.sequential import FailureCusum
from monitor.core.sli import Tally


@dataclass(frozen=True, slots=True)
class Objective:
    """The target ratio of good to total, for example 0.999."""

    ratio: float

    def __post_init__(self) -> None:
        if 0 < self.ratio < 1:
            return
        hint = f"{self.ratio} % is written {self.ratio / 100:g}" if 1 < self.ratio < 100 else "99.9 % is written 0.999"
        raise ValueError(f"an objective lies between 0 and 1, both excluded, not {self.ratio}: {hint}")

    @property
    def error_budget(self) -> float:
        """The share that is allowed to be bad."""
        # Rounded, because 1 - 0.999 is 0.0010000000000000009 and would let a burn of exactly 14.4 pass for less.
        return round(1 - self.ratio, 12)


DETECTION_OBJECTIVE: Final = Objective(0.999)
"""What a service without an SLO is judged by. It has no budget."""


def burn_rate(tally: Tally, objective: Objective) -> float | None:
    """How fast the budget is spent; 1.0 spends it exactly by the period's end. None without data."""
    ratio = tally.error_ratio
    return None if ratio is None else ratio / objective.error_budget


def budget_remaining(period: Tally, objective: Objective) -> float | None:
    """The share of the budget that is unspent over the SLO period; negative when overspent. None without data."""
    spent = burn_rate(period, objective)
    return None if spent is None else 1 - spent


def time_to_exhaustion(remaining: float, burn: float, period: timedelta) -> timedelta | None:
    """Until the budget is spent if the burn stays as it is; None when it never is. Old errors' roll-off is ignored."""
    if remaining <= 0:
        return timedelta(0)
    try:
        return remaining / burn * period if burn > 0 else None
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """
    A pair of windows that both must burn: the long one says that it matters, the short one that it still goes on.

    Attributes:
        budget_share: Of the period's budget, spent within the long window, that makes it matter.
    """

    name: str
    long: timedelta
    short: timedelta
    budget_share: float

    def threshold(self, period: timedelta) -> float:
        """The burn rate that spends `budget_share` in the long window."""
        return self.budget_share * (period / self.long)


# https://sre.google/workbook/alerting-on-slos, table 5-8 and the ticket pair of its example rules.
# Over 30 days the thresholds are 14.4, 6, 3 and 1.
BURN_WINDOWS: Final = (
    BurnWindow("page quick", timedelta(hours=1), timedelta(minutes=5), 0.02),
    BurnWindow("page slow", timedelta(hours=6), timedelta(minutes=30), 0.05),
    BurnWindow("ticket quick", timedelta(days=1), timedelta(hours=2), 0.10),
    BurnWindow("ticket slow", timedelta(days=3), timedelta(hours=6), 0.10),
)


@dataclass(frozen=True, slots=True)
class BurnAlarm:
    """A pair of windows that both burn above the pair's threshold."""

    window: BurnWindow
    burn_long: float
    burn_short: float
    threshold: float

    @property
    def burn(self) -> float:
        """What both windows agree on."""
        return min(self.burn_long, self.burn_short)


def burning(tally_of: Callable[[timedelta], Tally], objective: Objective, period: timedelta) -> tuple[BurnAlarm, ...]:
    """The pairs that burn, fastest first; *tally_of* counts a window that ends now."""
    alarms = []
    for window in BURN_WINDOWS:
        threshold = window.threshold(period)
        burn_short = burn_rate(tally_of(window.short), objective)
        if burn_short is None or burn_short <= threshold:
            continue
        burn_long = burn_rate(tally_of(window.long), objective)
        if burn_long is not None and burn_long > threshold:
            alarms.append(BurnAlarm(window, burn_long, burn_short, threshold))
    return tuple(alarms)


def can_fire(objective: Objective, threshold: float) -> bool:
    """Whether a total outage burns faster than *threshold*. At 90 % it burns at 10, so 14.4 would never fire."""
    return objective.error_budget * threshold < 1


def window_detection_time(
    objective: Objective, window: BurnWindow, period: timedelta, error_ratio: float = 1.0
) -> timedelta | None:
    """How long *error_ratio* must last until the long window's threshold is passed; None when it never is."""
    needed = objective.error_budget * window.threshold(period)
    return window.long * (needed / error_ratio) if error_ratio > needed else None


def detection_time(objective: Objective, interval: float, open_after: timedelta = timedelta(seconds=60)) -> timedelta:
    """Until a total outage opens an incident, seen by one check every *interval* seconds."""
    probe = timedelta(seconds=interval)
    failures = FailureCusum.for_budget(objective.error_budget).failures_to_alarm
    return max(failures * probe, open_after + probe)
