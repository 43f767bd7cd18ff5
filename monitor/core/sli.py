"""
Results -> good, bad, unknown, missing per window: what burn rates and budgets are computed from.

A window is (now - w, now] with its start moved back to a whole minute, or beyond six hours to a whole hour. So it is
never shorter than asked and at most one minute (one hour) longer. Whoever expects a number of results must count the
slots of that same span: `window_start` says where it begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from checks.result import Outcome
from monitor.core.strip import Strip

_MINUTE: Final = 60
_HOUR: Final = 3600
_MINUTES_KEPT: Final = 6 * 60
_HOURS_KEPT: Final = 90 * 24
_LONGEST_IN_MINUTES: Final = timedelta(minutes=_MINUTES_KEPT)
_COLUMN: Final[Mapping[Outcome, int]] = {Outcome.OK: 0, Outcome.FAILED: 1, Outcome.UNKNOWN: 2}


Counts = tuple[int, int, int]
"""Good, bad, unknown."""


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


def cell_of(window: timedelta) -> timedelta:
    """What a window of that length is counted in."""
    return timedelta(seconds=_MINUTE if window <= _LONGEST_IN_MINUTES else _HOUR)


def window_start(now: datetime, window: timedelta) -> datetime:
    """Where the window (start, now] really begins: on a whole minute, on a whole hour when it is longer than 6 h."""
    unit = _MINUTE if window <= _LONGEST_IN_MINUTES else _HOUR
    return datetime.fromtimestamp(_floor(now - window, unit) * unit, UTC)


def minute_of(at: datetime) -> int:
    """The number of the minute that a result counts in."""
    # Ceiling and not floor: a cell is (start, end] like the window, so that on a whole minute they agree exactly.
    return -int(-at.timestamp() // _MINUTE)


class SliWindow:
    """
    The scheduled results of one check: minutes for 6 hours, hours for 90 days. Mutable, and told the time.

    Args:
        wide: It counts requests and not probes, so the numbers are large.
    """

    __slots__ = ("_hours", "_minutes", "wide")

    def __init__(self, wide: bool = False) -> None:
        self.wide = wide
        self._minutes = Strip(_MINUTES_KEPT, wide)
        self._hours = Strip(_HOURS_KEPT, wide)

    def add(self, at: datetime, outcome: Outcome) -> None:
        """Count one slot of the timetable. Results may come late and in any order; extra probes do not belong here."""
        self.add_many(at, outcome, 1)

    def add_many(self, at: datetime, outcome: Outcome, count: int) -> None:
        """Count as many at once."""
        column, minute = _COLUMN[outcome], minute_of(at)
        self._minutes.add(minute, column, count)
        self._hours.add(-(-minute // 60), column, count)

    def add_minutes(self, counts: Mapping[int, int], outcome: Outcome) -> None:
        """
        Count many minutes at once.

        Args:
            counts: Results of each minute (see `minute_of`), in ascending order.
        """
        hours: dict[int, int] = {}
        for minute, count in counts.items():
            hour = -(-minute // 60)
            hours[hour] = hours.get(hour, 0) + count
        self._minutes.add_ascending(counts, _COLUMN[outcome])
        self._hours.add_ascending(hours, _COLUMN[outcome])

    def tally(self, now: datetime, window: timedelta, expected: int = 0) -> Tally:
        """The results in (`window_start`, now]; the last cell is counted whole, as nothing lies in the future."""
        short, first, last = _cells(now, window)
        good, bad, unknown = (self._minutes if short else self._hours).sums(first, last)
        return Tally(expected, good, bad, unknown)

    @staticmethod
    def tally_of_all(windows: Iterable[SliWindow], now: datetime, window: timedelta) -> Tally:
        """What `tally` says of each, together. Of a hundred checks of one service at a fifteenth of the price."""
        short, first, last = _cells(now, window)
        good = bad = unknown = 0
        for one in windows:
            found = (one._minutes if short else one._hours).sums(first, last)
            good, bad, unknown = good + found[0], bad + found[1], unknown + found[2]
        return Tally(0, good, bad, unknown)

    def counts(self, start: datetime, end: datetime) -> Counts:
        """Good, bad and unknown in (start, end], in whole cells of the window that long."""
        tally = self.tally(end, end - start)
        return tally.good, tally.bad, tally.unknown

    def bad_cells(self, now: datetime, window: timedelta) -> list[tuple[int, int]]:
        """The minutes, or beyond six hours the hours, of the window that hold bad results, by number, with how many."""
        short, first, last = _cells(now, window)
        return (self._minutes if short else self._hours).counted(first, last, _COLUMN[Outcome.FAILED])

    def leaving(self, now: datetime, window: timedelta) -> list[tuple[timedelta, int]]:
        """The bad results that a *window* of more than six hours holds: in how long how many leave it, next first."""
        first, last = _floor(now - window, _HOUR) + 1, int(-(-now.timestamp() // _HOUR))
        # Its start moves by whole hours, so an hour leaves it as a whole, when the start has come to the hour's end.
        return [
            (datetime.fromtimestamp(unit * _HOUR, UTC) + window - now, bad)
            for unit, bad in self._hours.counted(first, last, _COLUMN[Outcome.FAILED])
        ]

    def began(self) -> datetime | None:
        """When the first hour begins of which something is known; None while nothing is."""
        oldest = self._hours.oldest()
        return None if oldest is None else datetime.fromtimestamp((oldest - 1) * _HOUR, UTC)

    def put_minute(self, begin: datetime, counts: Counts) -> None:
        """Put back a whole minute that was kept; not into the hours: see `count_hours`."""
        _put(self._minutes, _floor(begin, _MINUTE) + 1, counts)

    def put_hour(self, begin: datetime, counts: Counts) -> None:
        """Put back a whole hour that was kept."""
        _put(self._hours, _floor(begin, _HOUR) + 1, counts)

    def hour(self, begin: datetime) -> Counts:
        """What is known of the hour that begins then; after a restart that may be more than the minutes hold."""
        unit = _floor(begin, _HOUR) + 1
        return self._hours.sums(unit, unit)

    def count_hours(self, since: datetime, until: datetime) -> datetime | None:
        """
        Let the hours from that of *since* to that of *until* learn what the minutes know better: the more of both.

        Returns when the first one that learned something begins.
        """
        learned = None
        for hour in range(_floor(since, _HOUR) + 1, _floor(until, _HOUR) + 2):
            found = self._minutes.sums(hour * 60 - 59, hour * 60)
            known = self._hours.sums(hour, hour) if any(found) else found
            more = tuple(max(0, a - b) for a, b in zip(found, known, strict=True))
            if any(more):
                _put(self._hours, hour, (more[0], more[1], more[2]))
                learned = hour if learned is None else learned
        return None if learned is None else datetime.fromtimestamp((learned - 1) * _HOUR, UTC)

    def minutes_before(self, until: datetime) -> bytes:
        """The minutes that are over at *until*, for `restore_minutes`."""
        return self._minutes.packed(_floor(until, _MINUTE) + 1)

    def hours_before(self, until: datetime) -> bytes:
        """The hours that are over at *until*, for `restore_hours`."""
        return self._hours.packed(_floor(until, _HOUR) + 1)

    def restore_minutes(self, kept: bytes) -> None:
        """Instead of the minutes that are here. Raises ValueError on anything that `minutes_before` did not make."""
        self._minutes.restore(kept)

    def restore_hours(self, kept: bytes) -> None:
        """Instead of the hours that are here. Raises ValueError on anything that `hours_before` did not make."""
        self._hours.restore(kept)


def _put(strip: Strip, unit: int, counts: Counts) -> None:
    for column, count in enumerate(counts):
        if count:
            strip.add(unit, column, count)


def _cells(now: datetime, window: timedelta) -> tuple[bool, int, int]:
    """Whether the window that ends *now* is counted in minutes, and the numbers of its first and last cell."""
    short = window <= _LONGEST_IN_MINUTES
    unit = _MINUTE if short else _HOUR
    return short, _floor(now - window, unit) + 1, int(-(-now.timestamp() // unit))


def _floor(at: datetime, unit: int) -> int:
    return int(at.timestamp() // unit)
