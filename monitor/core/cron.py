"""
Cron expressions, and the instants that they mean in a time zone.

As the cron of Debian has it. Where the clocks go forward, what is due at a time that is skipped is due at once; where
they go back, it is due once. What is due every hour or more often (its minute or hour begins with `*`) follows the
clock on the wall: a skipped time is none, a repeated one is two. Days of the month and of the week are alternatives,
unless one of the two begins with `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo

WORDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_ITEM: Final = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?", re.ASCII)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_FARTHEST: Final = 366 * 40
"""Days: a 29th of February that must be a certain day of the week may be 40 years away (around 2100)."""


class CronError(ValueError):
    """`str()` says what is wrong, in words that follow the expression."""


@dataclass(frozen=True, slots=True)
class Cron:
    """
    Attributes:
        days: Of the month.
        weekdays: 0 is Sunday.
        either: A day need be only one of the two.
        often: Its minute or hour begins with `*`.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    often: bool

    def matches(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either else of_month and of_week


def parse(text: str) -> Cron:
    """Raises CronError."""
    written = WORDS.get(text.strip().lower(), text).lower().split()
    if len(written) != len(_FIELDS):
        if text.strip().startswith("@"):
            raise CronError(f"is not one of {', '.join(WORDS)}")
        raise CronError(f"has {len(written)} fields instead of minute, hour, day, month and day of the week")
    minutes, hours, days, months, weekdays = (_numbers(item, *of) for item, of in zip(written, _FIELDS, strict=True))
    cron = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        either=not written[2].startswith("*") and not written[4].startswith("*"),
        often=written[0].startswith("*") or written[1].startswith("*"),
    )
    if not any(cron.matches(date(2000, 1, 1) + timedelta(days=n)) for n in range(_FARTHEST)):
        raise CronError("never comes: there is no such day")
    return cron


def _numbers(written: str, name: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for item in written.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise CronError(f"has {item!r} as {name}, which is no number, range or list")
        star, first, last, step = match.groups()
        if star:
            begin, end = low, 6 if name == "day of the week" else high
        else:
            begin = _number(first, name, low, high, names)
            end = begin if last is None else _number(last, name, low, high, names)
            if last == "sun" and begin:
                end = 7
        if step is not None and not star and last is None:
            raise CronError(f"has {item!r} as {name}: a step belongs to * or to a range")
        if end < begin or (step is not None and not int(step)):
            raise CronError(f"has {item!r} as {name}, which is nothing")
        found.update(range(begin, end + 1, int(step or 1)))
    return found


def _number(text: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    number = names.get(text, int(text) if text.isdigit() and len(text) < 4 else -1)
    if not low <= number <= high:
        known = f" or a name like {next(iter(names))}" if names else ""
        raise CronError(f"has {text!r} as {name}, wanted {low} to {high}{known}")
    return number


def next_after(cron: Cron, instant: datetime, zone: ZoneInfo) -> datetime:
    """The first instant later than *instant* that *cron* means, UTC."""
    today = instant.astimezone(zone).date()
    # Around a midnight at which clocks change, an instant of the day before may come after one of the day.
    near = [at for days in (-1, 0, 1) if (at := _first(cron, today + days * _DAY, instant, zone)) is not None]
    if near:
        return min(near)
    for days in range(2, _FARTHEST):
        found = _first(cron, today + days * _DAY, instant, zone)
        if found is not None:
            return found
    raise CronError("never comes")


def _first(cron: Cron, day: date, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first of one day that is later than *after*."""
    return next((at for at in _instants(cron, day, after, zone) if at > after), None) if cron.matches(day) else None


def _instants(cron: Cron, day: date, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Of one day by the clock on the wall, in order; hours that are over before *after* are left out."""
    begins, ends = (datetime.combine(d, time.min, zone).utcoffset() for d in (day, day + _DAY))
    if begins is not None and begins == ends:
        midnight = datetime.combine(day, time.min, UTC) - begins
        passed = (after - midnight) // _HOUR
        hours = [hour for hour in cron.hours if hour >= passed]
        yield from (midnight + timedelta(hours=hour, minutes=m) for hour, m in product(hours, cron.minutes))
        return
    yield from _of_a_change(cron, day, zone)


@lru_cache(maxsize=64)
def _of_a_change(cron: Cron, day: date, zone: ZoneInfo) -> tuple[datetime, ...]:
    """As `_instants`, of a day on which clocks change: each time on the wall is looked at by itself, once."""
    walls = (datetime.combine(day, time(hour, minute)) for hour, minute in product(cron.hours, cron.minutes))
    return tuple(sorted({at for wall in walls for at in _meant(wall, cron.often, zone)}))


def _meant(wall: datetime, often: bool, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants that a time on the wall means: it may come twice, or never."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        yield first
        if often and second != first:
            yield second
    elif not often:
        yield change_between(second, first, zone)


def change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The minute at which the clocks change between two instants."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _MINUTE:
        middle = before + (after - before) // _MINUTE // 2 * _MINUTE
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
