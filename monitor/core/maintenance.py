"""
Maintenance windows: planned times by the clock on a wall, and whether an instant lies in one.

A window by the week covers what people may mean by it on the days on which clocks change: a time that comes twice
begins it the first time and ends it the second, one that does not exist is the moment at which the clocks change. A
window of which nothing would be left so has its whole length from that moment: work that cron starts runs then too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from monitor.core.cron import Cron, change_between, next_after

_DAY: Final = timedelta(days=1)
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_JOINED: Final = 64
"""Spans without a pause between them that are told as one: what is always open has no end that could be told."""


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open: an instant at `end` is outside."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Weekly:
    """
    Attributes:
        weekdays: On which it begins; 0 is Monday.
        begin, end: Minutes after midnight, by the clock on the wall. An end that is not later is the next day's.
    """

    weekdays: frozenset[int]
    begin: int
    end: int

    def spans(self, after: datetime, zone: tzinfo) -> Iterator[Span]:
        """Those that end later than *after*, oldest first, without end."""
        length = timedelta(minutes=(self.end - self.begin) % (24 * 60) or 24 * 60)
        # The window of the day before may cross midnight, and that midnight may be one at which clocks change.
        day = after.astimezone(zone).date() - 2 * _DAY
        while True:
            if day.weekday() in self.weekdays:
                start = on_the_wall(day, self.begin, zone)
                end = on_the_wall(day + _DAY if self.end <= self.begin else day, self.end, zone, last=True)
                span = Span(start, end if end > start else start + length)
                if span.end > after:
                    yield span
            day += _DAY


@dataclass(frozen=True, slots=True)
class ByCron:
    """From each instant of *cron* for *length*, which is counted in minutes that pass."""

    cron: Cron
    length: timedelta

    def spans(self, after: datetime, zone: ZoneInfo) -> Iterator[Span]:
        start = after - self.length
        while True:
            start = next_after(self.cron, start, zone)
            yield Span(start, start + self.length)


@dataclass(frozen=True, slots=True)
class Once:
    span: Span

    def spans(self, after: datetime, zone: ZoneInfo) -> Iterator[Span]:  # noqa: ARG002 - as the others
        if self.span.end > after:
            yield self.span


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """
    Attributes:
        text: As the configuration has it, for people: `Sun 02:00-04:00`.
        counts: Whether what is measured in it counts for the SLO.
    """

    text: str
    when: Weekly | ByCron | Once
    zone: ZoneInfo
    counts: bool = False

    def __str__(self) -> str:
        return f"{self.text} {self.zone.key}"

    def span_at(self, at: datetime) -> Span | None:
        """The span that holds *at*, or else the next one; None when there is none any more. UTC."""
        found: Span | None = None
        for number, span in enumerate(self.when.spans(at, self.zone)):
            if found is None:
                found = span
            elif number == MOST_JOINED or span.start > found.end:
                break
            else:
                found = Span(found.start, max(found.end, span.end))
            if found.start > at:
                break  # it is outside: how long the next one lasts is not asked
        return found


@dataclass(frozen=True, slots=True)
class InMaintenance:
    """
    That an instant lies in one or more windows.

    Attributes:
        window: The one that ends last, and its end.
        counts: Only if each of them says so: a window in which nothing is to count is not made to by another.
    """

    window: MaintenanceWindow
    until: datetime
    counts: bool

    @property
    def text(self) -> str:
        return f"maintenance {self.window} until {self.until:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Stand:
    """
    What the windows of a service say, from `since` on and before `until`; both by the wall clock.

    Attributes:
        inside: None outside all of them.
        until: When the next one begins or one ends; None when nothing more will come.
    """

    since: datetime
    until: datetime | None
    inside: InMaintenance | None

    def holds_at(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


def stand(windows: Iterable[MaintenanceWindow], at: datetime) -> Stand:
    """Whether *at* lies in one of *windows*, and for how long that is so."""
    known = [(window, span) for window in windows if (span := window.span_at(at)) is not None]
    around = [(window, span) for window, span in known if span.start <= at]
    edges = [span.end if span.start <= at else span.start for _, span in known]
    inside = None
    if around:
        window, span = max(around, key=lambda pair: pair[1].end)
        inside = InMaintenance(window, span.end, all(window.counts for window, _ in around))
    return Stand(at, min(edges, default=None), inside)


def on_the_wall(day: date, minute: int, zone: tzinfo, last: bool = False) -> datetime:
    """
    When the clock on the wall shows a minute of a day, UTC; when it never does, the moment at which it is set forward.

    Args:
        minute: After midnight; 1440 is the end of the day.
        last: Of a time that comes twice the second.
    """
    wall = datetime.combine(day, time.min) + timedelta(minutes=minute)
    return instant_on_the_wall(wall, zone, last)


def instant_on_the_wall(wall: datetime, zone: tzinfo, last: bool = False) -> datetime:
    """As `on_the_wall`; *wall* has no time zone."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        return change_between(second, first, zone)
    return second if last else first
