"""
What is left of an error budget, whether the numbers can say so, and when it will be gone.

A budget is counted in bad results: the share that may be bad, of all that the timetable expects of the whole period.
So a budget does not shrink because results are missing, and one bad minute on the first day of a month is no
catastrophe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from monitor.core.sli import Tally
from monitor.core.slo import Objective

_LAST_BIT: Final = 1e-12


class BudgetState(StrEnum):
    """What can be said of a budget."""

    WITHIN = "within"
    UNPROVEN = "unproven"  # not spent by what was seen; it would be, were what was not seen bad
    SPENT = "spent"
    NO_DATA = "no data"  # neither success nor failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """
    Attributes:
        allowed: How many results of the whole period may be bad. Not a whole number.
        bad: How many were, so far.
        seen: Good and bad ones so far.
        unseen: Expected so far, and neither good nor bad: missing or unknown.
    """

    allowed: float
    bad: float
    seen: float
    unseen: float = 0.0

    @property
    def spent(self) -> float | None:
        """The share of the budget; above 1 when overspent. None without data."""
        return self.bad / self.allowed if self.seen > 0 and self.allowed > 0 else None

    @property
    def left(self) -> float | None:
        """The share of the budget; negative when overspent. None without data."""
        spent = self.spent
        return None if spent is None else 1 - spent

    @property
    def state(self) -> BudgetState:
        if self.spent is None:
            return BudgetState.NO_DATA
        if self.bad >= self.allowed:
            return BudgetState.SPENT
        return BudgetState.UNPROVEN if self.bad + self.unseen >= self.allowed else BudgetState.WITHIN


def budget_of(so_far: Tally, expected: float, objective: Objective) -> Budget:
    """
    Args:
        so_far: The period up to now; its `expected` is what should have come by now.
        expected: By the timetable, of the whole period, what is still ahead included.
    """
    # What was asked more often than now counted too: else a longer interval would overspend the budget afterwards.
    whole = max(expected, so_far.total)
    return Budget(
        allowed=objective.error_budget * whole,
        bad=so_far.bad,
        seen=so_far.total,
        unseen=so_far.unknown + so_far.missing,
    )


def exhausts_in(
    budget: Budget,
    per_second: float,
    *,
    within: timedelta,
    leaving: Sequence[tuple[timedelta, float]] = (),
) -> timedelta | None:
    """
    Until the budget is spent, if bad results go on coming as they come now. None when it never is.

    The smallest t with bad(t) >= allowed, where bad(t) is what is bad now, less what has left the window by then, plus
    what came.

    Args:
        per_second: Bad results.
        within: As far as one can look: a rolling window's length, for then the first of them leave it too, or what is
            left of a calendar's period, for the next one begins with a whole budget.
        leaving: Of a rolling window: in how long how many bad results leave it, the next one first.

    Source: with nothing to leave it is P / B, the SRE Workbook's table 5-4: at a burn rate of 2 thirty days last 15.
    """
    held, since = budget.bad, 0.0
    if budget.spent is None:
        return None
    if held >= budget.allowed:
        return timedelta(0)
    if per_second <= 0:
        return None
    end = within.total_seconds()
    for when, leave in (*leaving, (within, 0.0)):
        until = min(when.total_seconds(), end)
        # From one leaving to the next what is bad only grows, in a straight line.
        crosses = max(since, (budget.allowed - held) / per_second)
        # At the very end too: a burn rate of 1 spends the budget exactly by then, give or take a float's last bit.
        if crosses < until or (until == end and crosses <= end * (1 + _LAST_BIT)):
            return timedelta(seconds=crosses)
        held, since = held - leave, until
    return None


@dataclass(frozen=True, slots=True)
class Weighted:
    """A member's burn rate or spent share, and how much it matters; None: it has no data."""

    value: float | None
    weight: float


def composite(members: Iterable[Weighted]) -> float | None:
    """
    The weighted mean of the members' burn rates, or of the shares of their budgets that are spent.

    A burn rate and a spent share are measured in the member's own budget, so members of different objectives and of
    different traffic can be added. None when a member has no data: what is not known of a part is not known of the
    whole.

    Source: OpenSLO, composite objectives with `compositeWeight` under Occurrences: burn rates add by their weights. The
    weights are made to add up to 1, so that a composite of members that all burn at 1 burns at 1.
    """
    total = weights = 0.0
    for member in members:
        if member.value is None:
            return None
        total += member.weight * member.value
        weights += member.weight
    return total / weights if weights > 0 else None
