"""
A check's latencies by the minute: one score a minute, the median of its probes, at any cadence.

A minute's median is told when its last result is here, and not when the minute is surely over: a timeout and an excuse
later, which is a tenth of the time in which a doubling must be found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Final

MINUTE: Final = timedelta(minutes=1)
ROUNDING: Final = 1e-3
"""More than a slot loses as a datetime, in seconds."""


@dataclass(slots=True)
class MinuteLatencies:
    """
    Attributes:
        kept: Minute -> latencies in seconds of the scheduled probes of that minute that were ok.
        told_until: The medians of the minutes before it were told.
    """

    kept: dict[datetime, list[float]] = field(default_factory=dict)
    told_until: datetime | None = None

    def add(self, at: datetime, seconds: float) -> None:
        """Args: at: The slot that the probe answered."""
        self.kept.setdefault(_minute_of(at), []).append(seconds)

    def complete_with(self, at: datetime, interval: float) -> list[tuple[datetime, float]]:
        """
        As `complete_until`, of the minutes that are complete once the result of slot *at* is here, ok or not.

        Its own is if the next slot lies in another one. Those before it are: a timeout is shorter than the interval, so
        results come in the order of their slots.
        """
        is_last = at.second + at.microsecond / 1e6 + interval >= 60 - ROUNDING
        minute = _minute_of(at)
        return self.complete_until(minute + MINUTE if is_last else minute)

    def complete_until(self, until: datetime) -> list[tuple[datetime, float]]:
        """The minutes before *until* that had an ok result, each with its median in seconds; each is told once."""
        found = [(minute, median(values)) for minute, values in self.untold().items() if minute < until]
        if self.told_until is None or until > self.told_until:
            self.told_until = until
        return found

    def untold(self) -> dict[datetime, list[float]]:
        since = self.told_until
        return {minute: values for minute, values in self.kept.items() if since is None or minute >= since}

    def take(self, minute: datetime) -> float | None:
        """The median of *minute*, forgotten with everything older; None without an ok result."""
        values = self.kept.pop(minute, None)
        if self.kept:
            for older in [m for m in self.kept if m < minute]:
                del self.kept[older]
        return median(values) if values else None

    def clear(self) -> None:
        self.kept.clear()

    def state(self) -> dict[str, list[float]]:
        """What a restart continues from; JSON values."""
        return {minute.isoformat(): values for minute, values in self.untold().items()}

    def restore(self, state: Mapping[str, list[float]]) -> None:
        self.kept = {datetime.fromisoformat(minute): list(values) for minute, values in state.items()}


def _minute_of(at: datetime) -> datetime:
    return at - timedelta(0, at.second, at.microsecond)
