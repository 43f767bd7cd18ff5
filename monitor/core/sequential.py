"""
How we notice fast and stay quiet: cumulative sums (Page's CUSUM), one number per check.

They only raise. Whether it is over is proven elsewhere and never reads them. The numbers rest on a simulation of 30
days at one probe a minute and an objective of 99.9 %: no false alarm at a flake of 0.1 %, a total outage on the
fourth probe. Textbook burn-rate windows gave 40 false pages in the same simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, log, pi, sqrt
from typing import Final

from checks.result import Outcome

BURN_TO_FIND: Final = 14.4
"""The burn rate that must be found soon: 2 % of a 30-day budget within an hour (SRE Workbook, table 5-8)."""

OVER_AFTER: Final = timedelta(minutes=30)
"""Without a failure for longer than this, trouble is over: as long as an incident must be stable to be resolved."""


@dataclass(frozen=True, slots=True)
class FailureCusum:
    """
    Bernoulli CUSUM on the log-likelihood ratio of "fails with p1" against "fails with p0".

    Attributes:
        p0, p1: Failure ratio in health, and the one to find.
        h: Threshold. Higher is quieter and slower.
        per_failure, per_success: What one probe adds; the second is negative.
    """

    p0: float
    p1: float
    h: float = 9.0
    per_failure: float = field(init=False)
    per_success: float = field(init=False)

    def __post_init__(self) -> None:
        if not 0 < self.p0 < self.p1 < 1:
            raise ValueError(f"a failure ratio to find must lie above the one in health: 0 < {self.p0} < {self.p1} < 1")
        object.__setattr__(self, "per_failure", log(self.p1 / self.p0))
        object.__setattr__(self, "per_success", log((1 - self.p1) / (1 - self.p0)))

    @classmethod
    def for_budget(cls, budget: float) -> FailureCusum:
        # 14.4 times a budget of 7 % is more than everything: then the middle between the budget and everything.
        return cls(p0=budget, p1=min(BURN_TO_FIND * budget, (1 + budget) / 2))

    def step(self, s: float, failed: bool) -> float:
        # Capped: after a day of outage a service that is well again must not need a day to calm down.
        return min(self.h, max(0.0, s + (self.per_failure if failed else self.per_success)))

    def alarmed(self, s: float) -> bool:
        return s >= self.h

    @property
    def failures_to_alarm(self) -> int:
        """Failures in a row, from zero."""
        return ceil(self.h / self.per_failure)


@dataclass(frozen=True, slots=True)
class RankCusum:
    """
    CUSUM on rank-normal scores, one a minute, for a shift upwards.

    Attributes:
        k: Drift that is forgiven per score, in standard deviations; half the shift to find.
        h: Threshold.
        most: The largest score. Beyond it lies one value in fifty, and more of those are outliers than slow answers:
            one outlier must not count for two minutes, and outliers in the past must not hide that nine of ten values
            are among the largest.
        together: Scores that usually make an alarm.
    """

    k: float = 0.8
    h: float = 6.5
    most: float = 2.0
    together: int = 10

    def step(self, s: float, z: float, drawn: int) -> float:
        """
        Args:
            drawn: Values of the past among which *z* was ranked.
        """
        s += min(z, self.most) * self.weight(drawn) - self.k
        return min(self.h, s) if s > 0.0 else 0.0

    def weight(self, drawn: int) -> float:
        """
        What a score counts: its own deviation as a share of that of the scores together.

        The median of few values errs, and all scores of an hour err by the same: by the deviation of the median of
        *drawn* normal values, which is the root of pi / 2 / drawn. Unweighted, slots of two dozen values gave 7 to
        12 false onsets in 30 days.
        """
        return 1 / sqrt(1 + self.together * pi / 2 / max(drawn, 1))

    def forgiven(self, drawn: int) -> float:
        """The largest score that adds nothing."""
        return self.k / self.weight(drawn)

    def alarmed(self, s: float) -> bool:
        return s >= self.h


def failed_lately(scheduled: Sequence[Outcome]) -> bool:
    """
    Whether one of the last two scheduled probes failed; *scheduled* is oldest first, one outcome per slot.

    Opening needs it: four failures spread over two hours reach the threshold too, and then nothing is wrong now.
    """
    return Outcome.FAILED in scheduled[-2:]


@dataclass(frozen=True, slots=True)
class Trouble:
    """
    A run of failures that belong together.

    Attributes:
        since, last: When its first and its latest failed probe were due.
        alarmed: The detector stood at its threshold in it. Had an incident opened then, this would be another run.
    """

    since: datetime
    last: datetime
    alarmed: bool = False

    def is_over(self, failed_at: datetime, interval: float) -> bool:
        """
        Whether a failure at *failed_at* is the first of another run.

        The detector then begins anew, as it does when an incident resolves. Otherwise two flakes with hours between
        them would add up to an alarm, and `open_after` would have passed since the first of them.

        Args:
            interval: Of the check, in seconds. Two failures with no more than one probe between them are one run,
                however rarely it is asked.
        """
        return failed_at - self.last > max(OVER_AFTER, 2 * timedelta(seconds=interval))

    def came_to_nothing(self, failed_at: datetime, interval: float) -> bool:
        """
        Whether before a failure at *failed_at* it had been calm for longer than there had been trouble, though that
        had raised the alarm.

        An incident of it would have set the sum back; without one it stays near the threshold for long, and a single
        failed probe 25 minutes after a flake would open one. So it is set back too. When the trouble began stays
        known: what comes back as strongly needs no `open_after` again, or outages of 50 seconds would never be found.
        """
        calm = failed_at - self.last
        return self.alarmed and calm > max(self.last - self.since, 2 * timedelta(seconds=interval))
