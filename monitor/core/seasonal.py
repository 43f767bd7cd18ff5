"""
What a half hour of the day usually brings, learned as the rows come: the median of the same half hour on the days
before, and on the same weekday of the weeks before. Medians, so that one bad day does not become what is expected.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any, Final, Self

MINUTES: Final = 30
SLOTS: Final = 24 * 60 // MINUTES

WEEKS: Final = 3

ROWS_OF_A_SLOT: Final = 360
"""The last rows of a half hour that its median is taken of: 5 seconds apart fill it. Memory is bounded by it."""


class Kept:
    """
    The last medians of each half hour with the day that each is of, in flat arrays: as lists of pairs those of one
    series took 150 kB, and a hundred services have two hundred.
    """

    def __init__(self, slots: int, most: int) -> None:
        self._most = most
        self._days = array("i", bytes(4 * slots * most))  # ordinals; 0, which is no day, where none is kept yet
        self._medians = array("d", bytes(8 * slots * most))

    def put(self, slot: int, day: int, median: float) -> None:
        """In the place of what was kept last if that is of the same day, else of the oldest."""
        begin, end = slot * self._most, (slot + 1) * self._most
        if self._days[end - 1] != day:
            self._days[begin : end - 1] = self._days[begin + 1 : end]
            self._medians[begin : end - 1] = self._medians[begin + 1 : end]
        self._days[end - 1], self._medians[end - 1] = day, median

    def of(self, slot: int) -> list[tuple[int, float]]:
        """Days and their medians, the oldest first."""
        places = range(slot * self._most, (slot + 1) * self._most)
        return [(self._days[i], self._medians[i]) for i in places if self._days[i]]

    def expected(self, slot: int, day: int) -> float | None:
        # What this very day brought is left out: clocks put back visit a half hour twice.
        values = [value for other, value in self.of(slot) if other != day]
        return median(values) if values else None

    def state(self) -> list[list[tuple[int, float]]]:
        return [self.of(slot) for slot in range(len(self._days) // self._most)]

    def restore(self, state: Sequence[Sequence[tuple[int, float]]]) -> None:
        for slot, past in enumerate(state):
            for day, value in past:
                self.put(slot, day, value)


@dataclass(slots=True, kw_only=True)
class SeasonalForecast:
    """
    The time of day is the wall clock of the datetimes as they are given, zone or none: people's days shape traffic.

    Rows may come at any pace, with gaps, twice, or out of order; a half hour that is visited again on the same day
    replaces what was kept of that day.

    Attributes:
        days: How many days the median of a half hour is taken of.
        of_day, of_week: What is kept, by half hour of the day, and by half hour of the week.
        slot: Half hours since day zero of the latest row.
        rows: The values of that half hour so far.
        daily, weekly: What that half hour is expected to bring; None while no earlier day, or week, has been seen.
    """

    days: int
    of_day: Kept = field(init=False)
    of_week: Kept = field(init=False)
    slot: int | None = None
    rows: list[float] = field(default_factory=list)
    daily: float | None = None
    weekly: float | None = None

    def __post_init__(self) -> None:
        self.of_day, self.of_week = Kept(SLOTS, self.days), Kept(7 * SLOTS, WEEKS)

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
        self.of_day.put(self.slot % SLOTS, day, value)
        self.of_week.put(self.slot % (7 * SLOTS), day, value)

    def _open(self, slot: int) -> None:
        self.slot, self.rows = slot, []
        self.daily = self.of_day.expected(slot % SLOTS, slot // SLOTS)
        self.weekly = self.of_week.expected(slot % (7 * SLOTS), slot // SLOTS)

    def state(self) -> dict[str, Any]:
        return {
            "days": self.days,
            "of_day": self.of_day.state(),
            "of_week": self.of_week.state(),
            "slot": self.slot,
            "rows": list(self.rows),
            "daily": self.daily,
            "weekly": self.weekly,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        kept = dict(state)
        of_day, of_week = kept.pop("of_day"), kept.pop("of_week")
        season = cls(**kept)
        season.of_day.restore(of_day)
        season.of_week.restore(of_week)
        return season
