"""When people can meet about what happened: soon, but in their working hours, and not before they have slept on it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from monitor.core.maintenance import Span, Weekly

GRID: Final = timedelta(minutes=30)
"""Meetings begin on the half hour, by the clock on the wall."""
NOTICE: Final = timedelta(hours=4)
"""Between the end of an incident and the meeting: who fought it until now comes too."""
FARTHEST: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """
    Attributes:
        holidays: Days on which nobody works, by the calendar of `zone`.
    """

    weekly: Weekly = field(default_factory=lambda: Weekly(frozenset(range(5)), 9 * 60, 17 * 60))
    # No ZoneInfo: on a machine without time zones not even UTC is one.
    zone: tzinfo = UTC
    holidays: Collection[date] = ()
    length: timedelta = timedelta(hours=1)

    @property
    def longest(self) -> timedelta:
        """That fits into a day of work on which no clock is changed."""
        return timedelta(minutes=(self.weekly.end - self.weekly.begin) % (24 * 60) or 24 * 60)


@dataclass(frozen=True, slots=True)
class Meeting:
    """
    Attributes:
        late: Later than it should be: there were no working hours before.
    """

    span: Span
    late: bool


def meeting_after(ended: datetime, within: timedelta, hours: WorkingHours) -> Meeting | None:
    """
    The first time after an incident at which a meeting fits; None when there is none within two months.

    Args:
        ended: On the wall clock, UTC.
        within: How soon it should begin.
    """
    earliest = ended + NOTICE
    for open_ in hours.weekly.spans(earliest, hours.zone):
        if open_.start > ended + FARTHEST:
            return None
        start = max(open_.start, _on_the_grid(earliest, hours.zone))
        if start + hours.length > open_.end or start.astimezone(hours.zone).date() in hours.holidays:
            continue
        return Meeting(Span(start, start + hours.length), late=start > ended + within)
    return None


def _on_the_grid(at: datetime, zone: tzinfo) -> datetime:
    """The first half hour by the clock on the wall that is not before *at*; some zones are a quarter of an hour off."""
    local = at.astimezone(zone)
    past = timedelta(minutes=local.minute % 30, seconds=local.second, microseconds=local.microsecond)
    return at if not past else at + GRID - past
