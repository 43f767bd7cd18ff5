"""
What a budget is for: the last 30 days at every instant (rolling), or the day, week or month as the calendar has it.

A calendar's day has 23 to 25 hours where clocks are changed, and a month 28 to 31 days. The budget follows: it is a
share of what the timetable expects of the whole period, however long that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

CalendarUnit = Literal["day", "week", "month"]
CALENDAR_UNITS: Final[tuple[CalendarUnit, ...]] = get_args(CalendarUnit)

_NOMINAL: Final[dict[CalendarUnit, timedelta]] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last *length*, at every instant. Old errors leave it by and by."""

    length: timedelta

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """(start, end], with *now* at its end."""
        return now - self.length, now


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    The running day, week (from Monday on) or month of a time zone. With the next one everything begins anew.

    Attributes:
        zone: IANA name.
    """

    unit: CalendarUnit
    zone: str = "UTC"

    @property
    def length(self) -> timedelta:
        """For thresholds alone, which are alike in every month: a month is 30 days here."""
        return _NOMINAL[self.unit]

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """(start, end], in UTC."""
        zone = ZoneInfo(self.zone)
        # A period is (start, end], so an instant at midnight still belongs to the day before.
        today = (now - timedelta(microseconds=1)).astimezone(zone).date()
        match self.unit:
            case "day":
                first, after = today, today + timedelta(days=1)
            case "week":
                first = today - timedelta(days=today.weekday())
                after = first + timedelta(days=7)
            case "month":
                first = today.replace(day=1)
                after = (first + timedelta(days=31)).replace(day=1)
        # Midnight on the clock of that zone, and not a number of hours: a day of 23 hours is a whole day.
        start, end = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (first, after))
        return start, end


Period = Rolling | Calendar
