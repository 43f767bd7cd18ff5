"""
What counts as good: a probe that was ok, a probe that was ok and fast enough, or a slice of time that was good enough.

Occurrences count probes. Timeslices count slices: a slice is good when its own share of good probes reaches a target,
so that a quiet minute weighs as much as a busy one (OpenSLO v1, `budgetingMethod: Timeslices`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.result import Outcome
from monitor.core.sli import Tally
from monitor.core.slots import slot_instant


@dataclass(frozen=True, slots=True)
class Slices:
    """
    Attributes:
        length: A whole number of minutes that divides the hour: slices lie on a grid that all checks share.
        target: The share of good probes from which on a slice is good.
    """

    length: timedelta
    target: float = 1.0

    def outcome(self, inside: Tally) -> Outcome | None:
        """Of a slice that is over. None when nothing came: it is missing, and neither good nor bad."""
        return self.outcome_of(inside.good, inside.bad) or (Outcome.UNKNOWN if inside.unknown else None)

    def outcome_of(self, good: float, bad: float) -> Outcome | None:
        """The same of counts that need not be whole, as Prometheus gives them; None when nothing came."""
        total = good + bad
        if total <= 0:
            return None
        # Compared as counts: 0.95 of 20 is 19, and 1 - 1/20 is a neighbour of 0.95.
        return Outcome.OK if good >= self.target * total - 1e-9 * max(1.0, total) else Outcome.FAILED

    def between(self, start: datetime, end: datetime) -> int:
        """How many slices end in (start, end]."""
        width = self.length.total_seconds()
        return max(0, int(end.timestamp() // width) - int(start.timestamp() // width))

    def last_before(self, at: datetime) -> datetime:
        """The newest end of a slice at or before *at*."""
        width = self.length.total_seconds()
        return slot_instant(at.timestamp() // width * width)


@dataclass(frozen=True, slots=True)
class Counting:
    """
    A way to count the probes of a service. Two objectives that count alike share one count.

    Attributes:
        check: Only this check's; all of the service's when None.
        under: Good is only what was faster than this, too.
    """

    service: str
    check: str | None = None
    under: timedelta | None = None
    slices: Slices | None = None

    @property
    def id(self) -> str:
        """What the count is kept under: it holds all that decides what a number means. No check is called so."""
        what = f"{self.service}:{self.check or '*'}"
        if self.under is not None:
            what += f":under={self.under.total_seconds():g}s"
        if self.slices is not None:
            what += f":slice={self.slices.length.total_seconds():g}s,{self.slices.target:g}"
        return what

    @property
    def is_plain(self) -> bool:
        """What each check counts for itself anyway."""
        return self.under is None and self.slices is None


def outcome_within(outcome: Outcome, latency: float | None, under: timedelta | None) -> Outcome:
    """
    Of one probe, judged by its latency too.

    Unknown stays unknown. A failed probe is not fast, however quickly it was refused: else an outage would look like
    the best minute of the month.
    """
    if under is None or outcome is not Outcome.OK:
        return outcome
    if latency is None:
        return Outcome.UNKNOWN
    return Outcome.OK if latency < under.total_seconds() else Outcome.FAILED
