"""What an objective counts besides successes, kept as a check's successes are: the fast ones, and slices of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.result import CheckResult, Outcome
from monitor.core.counting import Counting, Slices, outcome_within
from monitor.core.sli import SliWindow
from monitor.response.okrun import OkRun
from monitor.response.service_watch import ServiceWatch
from monitor.response.watch import CheckWatch


@dataclass(slots=True)
class Within:
    """What belongs to slices, by the minute; kept under a name of its own, so that a restart judges whole slices."""

    id: str
    window: SliWindow = field(default_factory=SliWindow)

    def expected(self, start: datetime, end: datetime) -> int:
        """For what is kept of an hour that is over: no more than came."""
        return self.window.tally(end, end - start).total


@dataclass(slots=True)
class Counter:
    """
    One way of counting that the checks' own windows do not have.

    Attributes:
        within: With slices: their probes, judged by the latency where that is asked for.
        taken: With slices: those that maintenance took whole, which nobody expects.
        sliced_until: With slices: the end of the last one that is counted.
    """

    counting: Counting
    watch: ServiceWatch
    began_at: datetime
    window: SliWindow = field(default_factory=SliWindow)
    within: Within = field(init=False)
    taken: Within = field(init=False)
    sliced_until: datetime | None = None

    def __post_init__(self) -> None:
        self.within = Within(f"{self.counting.id}:within")
        self.taken = Within(f"{self.counting.id}:taken")

    @property
    def id(self) -> str:
        return self.counting.id

    @property
    def kept(self) -> tuple[Counter | Within, ...]:
        """What a restart must find again."""
        return (self,) if self.counting.slices is None else (self, self.within, self.taken)

    @property
    def timeout(self) -> float:
        return max((check.timeout for check in self.checks()), default=0.0)

    def checks(self) -> list[CheckWatch]:
        return checks_of(self.watch, self.counting.check)

    def observe(self, result: CheckResult) -> None:
        """The first attempt of a scheduled probe of one of its checks."""
        if result.left_out:
            return
        self.count(result.scheduled_at, result.outcome, result.latency)

    def count(self, at: datetime, outcome: Outcome, latency: float | None) -> None:
        self._probes.add(at, outcome_within(outcome, latency, self.counting.under))

    def count_throughout(self, run: OkRun) -> None:
        """As `count` for each probe of *run*, none of which was too slow."""
        if self.counting.under is None:
            self._probes.add_minutes(run.minutes, Outcome.OK)
            return
        # As `outcome_within` has it: what was not measured is not known to be fast.
        fast = {minute: count - run.unmeasured.get(minute, 0) for minute, count in run.minutes.items()}
        self._probes.add_minutes(fast, Outcome.OK)
        self._probes.add_minutes(run.unmeasured, Outcome.UNKNOWN)

    @property
    def _probes(self) -> SliWindow:
        return self.window if self.counting.slices is None else self.within.window

    def close_slices(self, until: datetime) -> None:
        """Counts every slice that is over at *until* and whose results must all have come by now."""
        slices = self.counting.slices
        if slices is None:
            return
        end = self.sliced_until or slices.last_before(self.began_at)
        # What is older than the minutes that are kept is missing, and need not be looked through.
        end = max(end, slices.last_before(until - timedelta(hours=6)))
        while end + slices.length <= until:
            end += slices.length
            self._close(slices, end)
        self.sliced_until = end

    def _close(self, slices: Slices, end: datetime) -> None:
        inside = self.within.window.tally(end, slices.length)
        counted = self.window.tally(end, timedelta(minutes=1))
        outcome = slices.outcome(inside)
        # After a crash the window may know it already.
        if outcome is not None and counted.total + counted.unknown == 0:
            self.window.add(end, outcome)
        elif outcome is None and self._is_taken(slices, end):
            self.taken.window.add(end, Outcome.OK)

    def _is_taken(self, slices: Slices, end: datetime) -> bool:
        """By maintenance, and not counted as such before a crash."""
        is_known = self.taken.window.tally(end, timedelta(minutes=1)).total > 0
        begin = end - slices.length
        return not is_known and any(c.left_out is not None and c.left_out.taken(begin, end) > 0 for c in self.checks())

    def expected(self, start: datetime, end: datetime) -> int:
        start = max(start, self.began_at)
        if self.counting.slices is not None:
            return self._slices(self.counting.slices, start, end)
        return sum(check.expected(start, end) for check in self.checks())

    def scheduled(self, start: datetime, end: datetime) -> int:
        if self.counting.slices is not None:
            return self._slices(self.counting.slices, start, end)
        return sum(check.scheduled(start, end) for check in self.checks())

    def _slices(self, slices: Slices, start: datetime, end: datetime) -> int:
        taken = self.taken.window.tally(end, end - start).total if end > start else 0
        return max(0, slices.between(start, end) - taken)


def checks_of(watch: ServiceWatch, name: str | None) -> list[CheckWatch]:
    return [check for check in watch.checks.values() if name in (None, check.check.name)]
