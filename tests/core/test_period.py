"""Rolling and calendar periods: month lengths, days of 23 and 25 hours, both sides of midnight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.budget import Budget, budget_of, exhausts_in
from monitor.core.period import CALENDAR_UNITS, Calendar, CalendarUnit, Rolling
from monitor.core.sli import Tally
from monitor.core.slo import Objective


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


@pytest.mark.parametrize(
    ("unit", "zone", "now", "allowed"),
    [
        ("month", "UTC", "2026-02-10T12:00", "40m19.2s"),
        ("month", "UTC", "2028-02-10T12:00", "41m45.6s"),
        ("month", "UTC", "2026-04-10T12:00", "43m12s"),
        ("month", "UTC", "2026-03-10T12:00", "44m38.4s"),
        ("month", "Europe/Berlin", "2026-03-10T12:00", "44m34.8s"),
        ("month", "Europe/Berlin", "2026-10-10T12:00", "44m42s"),
        ("month", "Australia/Lord_Howe", "2026-10-10T12:00", "44m36.6s"),  # clocks there go on by half an hour
        ("week", "UTC", "2026-03-01T12:00", "10m4.8s"),
        ("week", "America/New_York", "2026-03-08T12:00", "10m1.2s"),
        ("week", "America/New_York", "2026-11-01T12:00", "10m8.4s"),
        ("day", "Europe/Berlin", "2026-03-29T12:00", "1m22.8s"),
        ("day", "Europe/Berlin", "2026-06-01T12:00", "1m26.4s"),
        ("day", "Europe/Berlin", "2026-10-25T12:00", "1m30s"),
    ],
)
def test_a_calendar_s_budget_is_its_share_of_the_time_that_passes(
    unit: CalendarUnit, zone: str, now: str, allowed: str
) -> None:
    """As time it is b x P, by which the workbook's 99.9 % of 30 days are 43 m 12 s; here of one result a second."""
    start, end = Calendar(unit, zone).bounds(at(now))
    minutes, _, seconds = allowed.removesuffix("s").partition("m")
    expected = round((end - start).total_seconds())

    budget = budget_of(Tally(), expected, Objective(0.999))

    assert budget.allowed == pytest.approx(int(minutes) * 60 + float(seconds or 0), abs=1e-6)


@pytest.mark.parametrize(
    ("zone", "midday", "lasts"),
    [("Europe/Berlin", "2026-03-29T10:00", True), ("UTC", "2026-03-29T10:00", False)],
    ids=["a day of 23 hours", "a day of 24"],
)
def test_what_would_be_gone_in_the_hour_that_clocks_skip_is_whole_again_before(
    zone: str, midday: str, lasts: bool
) -> None:
    """In 13 hours it would be gone: in Berlin the next day begins after twelve, in UTC after fourteen."""
    now = at(midday)
    _, end = Calendar("day", zone).bounds(now)
    budget = Budget(allowed=86.4, bad=86.4 - 13, seen=40_000)

    left = exhausts_in(budget, 1 / 3600, within=end - now)

    assert (left is None) is lasts
    assert lasts or left == timedelta(hours=13)


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
