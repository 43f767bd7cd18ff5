"""
What an incident cost: how long it lasted, and which share of which error budget it took.

Budgets are read when it resolves, and stand in the log from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from monitor.core.incident import duration_text
from monitor.core.recovery import percent
from monitor.response.milestones import Milestones
from monitor.response.objectives import ObjectiveWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentBudget:
    """
    Of one objective, from the beginning of an incident to its end.

    Attributes:
        bad: Results, slices or requests, as the objective counts.
        share: Of the whole budget; None where there is none to have a share of.
        left: Of the budget, at the end.
    """

    service: str
    objective: str
    bad: float
    share: float | None
    left: float | None

    def __str__(self) -> str:
        spent = "" if self.share is None else f", {percent(self.share)} of the budget"
        left = "" if self.left is None else f"; {percent(self.left)} of it is left"
        return f"{self.service} {self.objective}: {self.bad:.0f} bad{spent}{left}"


Spent = Callable[[Sequence[str], datetime, datetime], Sequence[SpentBudget]]
"""Of the budgets of these services, from one instant to the other."""


def nothing_spent(_services: Sequence[str], _since: datetime, _now: datetime) -> Sequence[SpentBudget]:
    """Where there are no objectives to ask."""
    return ()


def spent_since(watches: Iterable[ObjectiveWatch], since: datetime, now: datetime) -> tuple[SpentBudget, ...]:
    """
    Of each objective that spent something. Beyond some hours it is counted by whole hours, so what was bad in the hour
    before it began is in it.
    """
    found = []
    for watch in watches:
        bad = watch.tally(now, now - since).bad
        if not bad:
            continue
        budget = watch.read(now).budget
        share = bad / budget.allowed if budget.allowed > 0 else None
        found.append(
            SpentBudget(service=watch.service, objective=watch.slo.name, bad=bad, share=share, left=budget.left)
        )
    return tuple(found)


def as_attribute(spent: Sequence[SpentBudget]) -> list[dict[str, object]]:
    return [asdict(one) for one in spent]


def from_attribute(kept: object) -> tuple[SpentBudget, ...]:
    """As an event has it; what is not of that shape, as of an older version, is left out."""
    if not isinstance(kept, list | tuple):
        return ()
    return tuple(SpentBudget(**one) for one in kept if isinstance(one, Mapping) and set(one) == _FIELDS)


_FIELDS = frozenset(SpentBudget.__dataclass_fields__)


def lasted(reached: Milestones) -> str:
    """`42m10s, from the first sign until it was calm for good`; empty while that is not known."""
    began, end = reached.began, reached.recovered or reached.resolved
    if began is None or end is None:
        return ""
    until = "until it was calm for good" if reached.recovered is not None else "until it was resolved"
    return f"{duration_text(max(end - began, timedelta(0)))}, from the first sign {until}"
