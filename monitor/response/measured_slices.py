"""
Slices of time that Prometheus counts. Each is judged as a slice of probes is, and asked for as a whole.

A slice without requests was read, and is neither good nor bad; it is not missing either. The budget is a share of all
slices of the period, as it is of the slices of probes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.result import Outcome
from monitor.core.counting import Slices
from monitor.core.indicator import MINUTE, Increment, Indicator, hour_of
from monitor.core.sli import Tally, window_start
from monitor.response.measured import SETTLED, Measured


@dataclass(slots=True)
class MeasuredSlices(Measured):
    """Its `read` has all minutes of a slice at the slice's end."""

    @property
    def slices(self) -> Slices:
        assert self.indicator.slices is not None  # see `measured_of`
        return self.indicator.slices

    @property
    def cell(self) -> timedelta:
        return self.slices.length

    def _take_minute(self, increment: Increment) -> None:
        self.last = increment.at
        if self.read.window.tally(increment.at, MINUTE).good:
            return
        if (outcome := self._outcome(increment)) is not None:
            self.window.add(increment.at, outcome)
        self.read.window.add_many(increment.at, Outcome.OK, self.cell // MINUTE)

    def _take_past(self, increments: Iterable[Increment]) -> None:
        hours: defaultdict[datetime, list[Increment]] = defaultdict(list)
        for increment in increments:
            hours[hour_of(increment.at - MINUTE)].append(increment)
        for begin, inside in hours.items():
            if any(self.read.window.hour(begin)):
                continue
            outcomes = [self._outcome(increment) for increment in inside]
            self.window.put_hour(begin, (outcomes.count(Outcome.OK), outcomes.count(Outcome.FAILED), 0))
            self.read.window.put_hour(begin, (len(inside) * (self.cell // MINUTE), 0, 0))

    def _outcome(self, increment: Increment) -> Outcome | None:
        return self.slices.outcome_of(increment.good, increment.bad)

    def tally(self, now: datetime, width: timedelta) -> Tally:
        """Missing is each slice that is over and was not read."""
        found, read = self.window.tally(now, width), self.read.window.tally(now, width).good // (self.cell // MINUTE)
        began = self.since()
        if began is None or not read:
            return found
        over = self.slices.between(max(window_start(now, width), began), now - SETTLED)
        return self.window.tally(now, width, found.total + max(0, over - read))

    def scheduled(self, start: datetime, end: datetime) -> int:
        return self.slices.between(start, end)


def measured_of(indicator: Indicator, reach: timedelta) -> Measured:
    return Measured(indicator, reach) if indicator.slices is None else MeasuredSlices(indicator, reach)
