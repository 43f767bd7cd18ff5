"""Rolling and calendar periods: month lengths, days of 23 and 25 hours, both sides of midnight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.period import CALENDAR_UNITS, Calendar, CalendarUnit, Rolling


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_rolling_period_ends_now() -> None:
    now = at("2026-03-01T12:34:56")
    assert Rolling(timedelta(days=30)).bounds(now) == (at("2026-01-30T12:34:56"), now)


@pytest.mark.parametrize(
    ("unit", "zone", "now", "start", "end"),
    [
        ("day", "UTC", "2026-03-01T12:00", "2026-03-01T00:00", "2026-03-02T00:00"),
        ("week", "UTC", "2026-03-01T12:00", "2026-02-23T00:00", "2026-03-02T00:00"),  # a Sunday
        ("month", "UTC", "2026-03-01T12:00", "2026-03-01T00:00", "2026-04-01T00:00"),
        ("month", "UTC", "2028-02-29T23:59", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("month", "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        # Berlin is an hour ahead in winter and two in summer.
        ("month", "Europe/Berlin", "2026-03-15T12:00", "2026-02-28T23:00", "2026-03-31T22:00"),
        ("month", "Europe/Berlin", "2026-10-15T12:00", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("week", "America/New_York", "2026-03-08T12:00", "2026-03-02T05:00", "2026-03-09T04:00"),
        ("day", "Asia/Kolkata", "2026-03-01T18:31", "2026-03-01T18:30", "2026-03-02T18:30"),
    ],
)
def test_a_calendar_period_is_what_the_clocks_there_say(
    unit: CalendarUnit, zone: str, now: str, start: str, end: str
) -> None:
    assert Calendar(unit, zone).bounds(at(now)) == (at(start), at(end))


@pytest.mark.parametrize(
    ("unit", "now", "hours"),
    [
        ("day", "2026-03-29T12:00", 23),
        ("day", "2026-10-25T12:00", 25),
        ("day", "2026-06-01T12:00", 24),
        ("month", "2026-02-10T12:00", 28 * 24),
        ("month", "2026-03-10T12:00", 31 * 24 - 1),
        ("month", "2026-10-10T12:00", 31 * 24 + 1),
    ],
)
def test_a_period_in_berlin_has_the_hours_that_pass_in_it(unit: CalendarUnit, now: str, hours: int) -> None:
    start, end = Calendar(unit, "Europe/Berlin").bounds(at(now))
    assert (end - start) == timedelta(hours=hours)


def test_midnight_itself_belongs_to_the_day_that_ends() -> None:
    midnight = at("2026-03-02T00:00")
    assert Calendar("day").bounds(midnight) == (at("2026-03-01T00:00"), midnight)
    assert Calendar("day").bounds(midnight + timedelta(microseconds=1))[0] == midnight


@given(
    st.sampled_from(CALENDAR_UNITS),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.integers(0, 15 * 365 * 86400).map(lambda seconds: at("2020-01-01T00:00") + timedelta(seconds=seconds)),
)
def test_now_lies_in_its_period_and_periods_follow_without_a_gap(unit: CalendarUnit, zone: str, now: datetime) -> None:
    period = Calendar(unit, zone)
    start, end = period.bounds(now)
    assert start < now <= end
    assert period.bounds(end) == (start, end)
    assert period.bounds(end + timedelta(microseconds=1))[0] == end
