"""
Results -> good, bad, unknown, missing per window: what burn rates and budgets are computed from.

A window is (now - w, now] with its start moved back to a whole minute, or beyond six hours to a whole hour. So it is
never shorter than asked and at most one minute (one hour) longer. Whoever expects a number of results must count the
slots of that same span: `window_start` says where it begins.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from checks.result import Outcome

_MINUTE: Final = 60
_HOUR: Final = 3600
_MINUTES_KEPT: Final = 6 * 60
_HOURS_KEPT: Final = 90 * 24
_LONGEST_IN_MINUTES: Final = timedelta(minutes=_MINUTES_KEPT)
_COLUMN: Final[Mapping[Outcome, int]] = {Outcome.OK: 0, Outcome.FAILED: 1, Outcome.UNKNOWN: 2}
_COLUMNS: Final = 3
_MOST: Final = 65_535
_EMPTY: Final = bytes(2 * _COLUMNS)


@dataclass(frozen=True, slots=True)
class Tally:
    """
    Results of a window, counted.

    Attributes:
        expected: By the timetable; 0 when nobody asked.
        unknown: We could not ask. Neither good nor bad.
    """

    expected: int = 0
    good: int = 0
    bad: int = 0
    unknown: int = 0

    @property
    def missing(self) -> int:
        """Expected by the timetable and not there."""
        return max(0, self.expected - self.good - self.bad - self.unknown)

    @property
    def total(self) -> int:
        """What counts for a ratio."""
        return self.good + self.bad

    @property
    def error_ratio(self) -> float | None:
        """None without data: neither success nor failure."""
        return self.bad / self.total if self.total else None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.expected + other.expected,
            self.good + other.good,
            self.bad + other.bad,
            self.unknown + other.unknown,
        )


def window_start(now: datetime, window: timedelta) -> datetime:
    """Where the window (start, now] really begins: on a whole minute, on a whole hour when it is longer than 6 h."""
    unit = _MINUTE if window <= _LONGEST_IN_MINUTES else _HOUR
    return datetime.fromtimestamp(_floor(now - window, unit) * unit, UTC)


class SliWindow:
    """
    The scheduled results of one check: minutes for 6 hours, hours for 90 days. Mutable, and told the time.

    Cells are allocated as results come, two bytes per count: ten thousand checks cost little in their first hour.
    """

    __slots__ = ("_hours", "_minutes")

    def __init__(self) -> None:
        self._minutes = _Strip(_MINUTES_KEPT)
        self._hours = _Strip(_HOURS_KEPT)

    def add(self, at: datetime, outcome: Outcome, count: int = 1) -> None:
        """
        Count one slot of the timetable. Results may come late and in any order; extra probes do not belong here.

        Args:
            count: More than one where a kept minute or hour is put back.
        """
        column = _COLUMN[outcome]
        # Ceiling and not floor: a cell is (start, end] like the window, so that on a whole minute they agree exactly.
        minute = -int(-at.timestamp() // _MINUTE)
        self._minutes.add(minute, column, count)
        self._hours.add(-(-minute // 60), column, count)

    def tally(self, now: datetime, window: timedelta, expected: int = 0) -> Tally:
        """The results in (`window_start`, now]; the last cell is counted whole, as nothing lies in the future."""
        short = window <= _LONGEST_IN_MINUTES
        unit, strip = (_MINUTE, self._minutes) if short else (_HOUR, self._hours)
        good, bad, unknown = strip.sums(_floor(now - window, unit) + 1, int(-(-now.timestamp() // unit)))
        return Tally(expected, good, bad, unknown)

    def to_state(self) -> dict[str, object]:
        """JSON values only."""
        return {"minutes": self._minutes.to_state(), "hours": self._hours.to_state()}

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> SliWindow:
        """Raises ValueError on anything that `to_state` did not make."""
        window = cls()
        window._minutes.restore(state.get("minutes"))
        window._hours.restore(state.get("hours"))
        return window


def _floor(at: datetime, unit: int) -> int:
    return int(at.timestamp() // unit)


class _Strip:
    """
    Counts per unit of time, one row of good, bad, unknown after the other, from unit `first` on.

    It grows at its end as time goes on and is cut at its front once it is an eighth longer than it must be, so that
    cutting costs nothing on average.
    """

    __slots__ = ("cells", "first", "kept")

    def __init__(self, kept: int) -> None:
        self.kept = kept + 1  # the window's oldest unit is there in part, and counted whole
        self.first = 0
        self.cells = array("H")

    def add(self, unit: int, column: int, count: int = 1) -> None:
        row = unit - self.first
        try:
            if row < 0:
                raise IndexError
            self.cells[row * _COLUMNS + column] += count
        except IndexError:
            if self._make_room(unit):
                self.cells[(unit - self.first) * _COLUMNS + column] += count
        except OverflowError:
            # 65,535 of a kind, 18 a second for an hour: more than any timetable asks. The count stays there.
            self.cells[row * _COLUMNS + column] = _MOST

    def sums(self, first: int, last: int) -> tuple[int, int, int]:
        """Of units first..last, both included."""
        start = max(0, first - self.first) * _COLUMNS
        end = max(0, last - self.first + 1) * _COLUMNS
        rows = self.cells[start:end]
        return sum(rows[0::_COLUMNS]), sum(rows[1::_COLUMNS]), sum(rows[2::_COLUMNS])

    def _make_room(self, unit: int) -> bool:
        """Reach *unit* by growing at either end; False when it is too old to matter."""
        rows = len(self.cells) // _COLUMNS
        newest = self.first + rows - 1
        if not rows or unit - newest >= self.kept:
            self.first, self.cells = unit, array("H", _EMPTY)
            return True
        if unit < self.first:
            if newest - unit >= self.kept:
                return False
            self.cells = array("H", _EMPTY * (self.first - unit)) + self.cells
            self.first = unit
            return True
        self.cells.frombytes(_EMPTY * (unit - newest))
        surplus = unit - self.first + 1 - self.kept
        if surplus > self.kept // 8:
            del self.cells[: surplus * _COLUMNS]
            self.first += surplus
        return True

    def to_state(self) -> dict[str, object]:
        return {"first": self.first, "cells": self.cells.tolist()}

    def restore(self, state: object) -> None:
        match state:
            case {"first": int(first), "cells": list(cells)} if len(cells) % _COLUMNS == 0:
                pass
            case _:
                raise ValueError(f"not the state of an SLI window: {str(state)[:80]}")
        if not all(isinstance(count, int) and 0 <= count <= _MOST for count in cells):
            raise ValueError("not the state of an SLI window: a count is not a number from 0 to 65535")
        self.first, self.cells = first, array("H", cells)
