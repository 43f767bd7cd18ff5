"""Cron expressions: what they mean, also on the days on which clocks change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.core.cron import CronError, next_after, parse

MINUTE = timedelta(minutes=1)


def following(expression: str, zone: str, begin: str, count: int) -> list[str]:
    """The next *count* instants, as the clock on the wall shows them with its offset."""
    cron, at, found = parse(expression), datetime.fromisoformat(begin).replace(tzinfo=UTC), []
    for _ in range(count):
        at = next_after(cron, at, ZoneInfo(zone))
        found.append(f"{at.astimezone(ZoneInfo(zone)):%m-%d %H:%M%z}")
    return found


@pytest.mark.parametrize(
    ("expression", "begin", "wanted"),
    [
        ("15 3 * * *", "2026-11-24T03:14:59", ["11-24 03:15+0000", "11-25 03:15+0000"]),
        ("15 3 * * *", "2026-11-24T03:15:00", ["11-25 03:15+0000", "11-26 03:15+0000"]),
        ("*/20 * * * *", "2026-11-24T23:50", ["11-25 00:00+0000", "11-25 00:20+0000", "11-25 00:40+0000"]),
        ("10-30/15 9,17 * * *", "2026-11-24T09:10", ["11-24 09:25+0000", "11-24 17:10+0000", "11-24 17:25+0000"]),
        ("0 0 * * mon-fri", "2026-11-27T12:00", ["11-30 00:00+0000"]),
        ("0 0 * * sat-sun", "2026-11-27T12:00", ["11-28 00:00+0000", "11-29 00:00+0000", "12-05 00:00+0000"]),
        ("0 0 * * 7", "2026-11-27T12:00", ["11-29 00:00+0000"]),
        ("0 0 * FEB,Mar *", "2026-02-28T12:00", ["03-01 00:00+0000"]),
        ("@daily", "2026-11-24T00:00", ["11-25 00:00+0000"]),
        ("@hourly", "2026-11-24T00:00", ["11-24 01:00+0000"]),
        ("@weekly", "2026-11-24T00:00", ["11-29 00:00+0000"]),
        ("@monthly", "2026-11-24T00:00", ["12-01 00:00+0000"]),
        ("@Yearly", "2026-11-24T00:00", ["01-01 00:00+0000"]),
        # The 13th or a Friday, and with a star in front the 13th day that is also one of every second days of the week.
        ("0 0 13 * 5", "2026-11-06T00:00", ["11-13 00:00+0000", "11-20 00:00+0000"]),
        ("0 0 13 * */2", "2026-11-01T00:00", ["12-13 00:00+0000"]),
        ("0 0 29 2 *", "2026-11-24T00:00", ["02-29 00:00+0000"]),
    ],
)
def test_what_an_expression_means(expression: str, begin: str, wanted: list[str]) -> None:
    assert following(expression, "UTC", begin, len(wanted)) == wanted


@pytest.mark.parametrize(
    ("zone", "expression", "begin", "wanted"),
    [
        # Forward: 02:00 is 03:00. What is due at a time that is skipped is due at once, and once.
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:30+0200"]),
        ("Europe/Berlin", "10,50 2 * * *", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:10+0200"]),
        ("Europe/Berlin", "0 3 * * *", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 03:00+0200"]),
        ("Europe/Berlin", "30 * * * *", "2026-03-29T00:00", ["03-29 01:30+0100", "03-29 03:30+0200"]),
        ("Europe/Berlin", "*/30 2 * * *", "2026-03-28T12:00", ["03-30 02:00+0200", "03-30 02:30+0200"]),
        # Back: 03:00 is 02:00. What is due at a time that is repeated is due the first time alone.
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["10-25 02:30+0200", "10-26 02:30+0100"]),
        ("Europe/Berlin", "30 * * * *", "2026-10-25T00:00",
         ["10-25 02:30+0200", "10-25 02:30+0100", "10-25 03:30+0100"]),
        ("America/New_York", "30 2 * * *", "2026-03-07T12:00", ["03-08 03:00-0400", "03-09 02:30-0400"]),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00", ["11-01 01:30-0400", "11-02 01:30-0500"]),
        ("America/New_York", "*/30 1 * * *", "2026-11-01T04:30",
         ["11-01 01:00-0400", "11-01 01:30-0400", "11-01 01:00-0500", "11-01 01:30-0500", "11-02 01:00-0500"]),
        # Half an hour: 02:00 is 02:30 in October, and 01:30 in April.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00", ["10-04 02:30+1100", "10-05 02:15+1100"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00", ["04-05 01:45+1100", "04-06 01:45+1030"]),
        ("Australia/Lord_Howe", "*/15 1 * * *", "2026-04-04T14:20",
         ["04-05 01:30+1100", "04-05 01:45+1100", "04-05 01:30+1030", "04-05 01:45+1030"]),
        # A day that never was: Samoa went from the 29th to the 31st.
        ("Pacific/Apia", "0 12 * * *", "2011-12-29T00:00",
         ["12-29 12:00-1000", "12-31 00:00+1400", "12-31 12:00+1400"]),
    ],
)  # fmt: skip
def test_days_on_which_clocks_change(zone: str, expression: str, begin: str, wanted: list[str]) -> None:
    assert following(expression, zone, begin, len(wanted)) == wanted


@dataclass(frozen=True)
class Drawn:
    """An expression, and by another way than by reading it what it means."""

    text: str
    minutes: set[int]
    hours: set[int]
    days: set[int]
    weekdays: set[int]
    either: bool
    often: bool

    def matches(self, wall: datetime) -> bool:
        of_month, of_week = wall.day in self.days, (wall.weekday() + 1) % 7 in self.weekdays
        day = of_month or of_week if self.either else of_month and of_week
        return wall.minute in self.minutes and wall.hour in self.hours and day


def draw(rng: random.Random) -> Drawn:
    def field(low: int, high: int, stars: float) -> tuple[str, set[int]]:
        if rng.random() < stars:
            step = rng.choice([1, 1, 2, 5, 15])
            return ("*" if step == 1 else f"*/{step}"), set(range(low, high + 1, step))
        texts, numbers = [], set()
        for _ in range(rng.randint(1, 3)):
            first = rng.randint(low, high)
            last, step = rng.randint(first, high), rng.choice([1, 2, 7])
            if rng.random() < 0.5:
                texts.append(str(first))
                numbers.add(first)
            else:
                texts.append(f"{first}-{last}" + (f"/{step}" if step > 1 else ""))
                numbers |= set(range(first, last + 1, step))
        return ",".join(texts), numbers

    minute, minutes = field(0, 59, 0.3)
    hour, hours = field(0, 4, 0.0) if rng.random() < 0.7 else field(0, 23, 0.6)
    day, days = field(1, 31, 0.7)
    weekday, weekdays = field(0, 6, 0.7)
    either = not (day.startswith("*") or weekday.startswith("*"))
    often = minute.startswith("*") or hour.startswith("*")
    return Drawn(f"{minute} {hour} {day} * {weekday}", minutes, hours, days, weekdays, either, often)


def minute_by_minute(drawn: Drawn, begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """As a cron that wakes up every minute would run it."""
    at, before = begin, begin.astimezone(zone).replace(tzinfo=None)
    newest = before
    while (at := at + MINUTE) <= end:
        wall = at.astimezone(zone).replace(tzinfo=None)
        if drawn.often:
            due = drawn.matches(wall)
        else:
            # Each time of the wall that is new at this minute, the skipped ones included; a repeated one is not new.
            new = [newest + n * MINUTE for n in range(1, (wall - newest) // MINUTE + 1)]
            due = any(map(drawn.matches, new))
        newest = max(newest, wall)
        if due:
            yield at


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-04-04"),
        ("Australia/Lord_Howe", "2026-10-03"),
        ("America/Havana", "2026-03-08"),  # at midnight
        ("America/Havana", "2026-11-01"),
        ("America/St_Johns", "2006-10-29"),  # a minute after midnight, back into the day before
        ("Pacific/Apia", "2011-12-30"),
        ("Asia/Kathmandu", "2026-11-24"),  # no change at all
    ],
)
def test_it_is_what_a_cron_does_that_looks_every_minute(zone: str, around: str) -> None:
    rng = random.Random(f"{zone} {around}")
    middle = datetime.fromisoformat(around).replace(tzinfo=UTC)
    for _ in range(25):
        drawn = draw(rng)
        begin = middle - timedelta(days=2, minutes=rng.randint(0, 600))
        end = begin + timedelta(days=4)
        cron = parse(drawn.text)
        found, at = [], begin
        while (at := next_after(cron, at, ZoneInfo(zone))) <= end:
            found.append(at)
        assert found == list(minute_by_minute(drawn, begin, end, ZoneInfo(zone))), f"{drawn.text} from {begin}"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("15 3 * *", "has 4 fields instead of minute, hour, day, month and day of the week"),
        ("0 15 3 * * *", "has 6 fields instead of"),
        ("60 3 * * *", "has '60' as minute, wanted 0 to 59"),
        ("0 24 * * *", "has '24' as hour, wanted 0 to 23"),
        ("0 0 0 * *", "has '0' as day of the month, wanted 1 to 31"),
        ("0 0 * 13 *", "has '13' as month, wanted 1 to 12 or a name like jan"),
        ("0 0 * * 8", "has '8' as day of the week, wanted 0 to 7 or a name like sun"),
        ("0 0 * * fri-mon", "has 'fri-mon' as day of the week, which is nothing"),
        ("5/15 * * * *", "has '5/15' as minute: a step belongs to * or to a range"),
        ("*/0 * * * *", "has '*/0' as minute, which is nothing"),
        ("0 0 L * *", "has 'l' as day of the month, wanted 1 to 31"),
        ("0 0 ? * *", "has '?' as day of the month, which is no number, range or list"),
        ("0,, 0 * * *", "has '' as minute, which is no number, range or list"),
        ("@reboot", "is not one of @hourly, @daily"),
        ("", "has 0 fields"),
        ("0 0 30 2 *", "never comes: there is no such day"),
        ("0 0 31 4,6,9,11 *", "never comes: there is no such day"),
        ("\u0663 0 * * *", "which is no number, range or list"),
    ],
)
def test_what_means_nothing_is_refused_in_words(expression: str, said: str) -> None:
    with pytest.raises(CronError) as refused:
        parse(expression)
    assert said in str(refused.value)
