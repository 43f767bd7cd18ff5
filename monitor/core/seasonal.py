"""
What a half hour of the day usually brings, learned as the rows come: the median of the same half hour on the days
before, and on the same weekday of the weeks before. Medians, so that one bad day does not become what is expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any, Final, Self

MINUTES: Final = 30
SLOTS: Final = 24 * 60 // MINUTES

WEEKS: Final = 3

ROWS_OF_A_SLOT: Final = 360
"""The last rows of a half hour that its median is taken of: 5 seconds apart fill it. Memory is bounded by it."""

Past = list[tuple[int, float]]
"""Day (ordinal) and median of that day, the oldest first."""


@dataclass(slots=True, kw_only=True)
class SeasonalForecast:
    """
    The time of day is the wall clock of the datetimes as they are given, zone or none: people's days shape traffic.

    Rows may come at any pace, with gaps, twice, or out of order; a half hour that is visited again on the same day
    replaces what was kept of that day.

    Attributes:
        days: How many days the median of a half hour is taken of.
        of_day, of_week: What is kept, by half hour of the day, and by weekday and half hour.
        slot: Half hours since day zero of the latest row.
        rows: The values of that half hour so far.
        daily, weekly: What that half hour is expected to bring; None while no earlier day, or week, has been seen.
    """

    days: int
    of_day: list[Past] = field(default_factory=lambda: [[] for _ in range(SLOTS)])
    of_week: list[Past] = field(default_factory=lambda: [[] for _ in range(7 * SLOTS)])
    slot: int | None = None
    rows: list[float] = field(default_factory=list)
    daily: float | None = None
    weekly: float | None = None

    def step(self, at: datetime, value: float) -> float | None:
        """The forecast's error for this row, of the nearer of its two expectations; None while it has none."""
        slot = at.toordinal() * SLOTS + (at.hour * 60 + at.minute) // MINUTES
        if slot != self.slot:
            self._close()
            self._open(slot)
        if len(self.rows) == ROWS_OF_A_SLOT:
            del self.rows[0]
        self.rows.append(value)
        if self.daily is None:
            return None
        error = value - self.daily
        if self.weekly is not None and abs(value - self.weekly) < abs(error):
            # A weekend is no surprise because it differs from Friday, nor a Monday because it differs from Sunday.
            return value - self.weekly
        return error

    def _close(self) -> None:
        if self.slot is None:
            return
        day, value = self.slot // SLOTS, median(self.rows)
        _keep(self.of_day[self.slot % SLOTS], day, value, self.days)
        _keep(self.of_week[self.slot % (7 * SLOTS)], day, value, WEEKS)

    def _open(self, slot: int) -> None:
        self.slot, self.rows = slot, []
        self.daily = _expected(self.of_day[slot % SLOTS], slot // SLOTS)
        self.weekly = _expected(self.of_week[slot % (7 * SLOTS)], slot // SLOTS)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        kept = dict(state)
        for name in ("of_day", "of_week"):
            kept[name] = [[(day, value) for day, value in past] for past in kept[name]]
        return cls(**kept)


def _keep(past: Past, day: int, value: float, most: int) -> None:
    if past and past[-1][0] == day:
        past.pop()
    past.append((day, value))
    del past[:-most]


def _expected(past: Past, day: int) -> float | None:
    # What this very day brought is left out: clocks put back visit a half hour twice.
    values = [value for other, value in past if other != day]
    return median(values) if values else None
