"""Which hours of the past are kept, and which of them do not count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf, nan
from zoneinfo import ZoneInfo

import pytest

from monitor.core.baseline import Signal
from monitor.sources.job import instant_of
from monitor.sources.sketch import PER_HOUR, by_hour, merged, outlying, slots_of

pd = pytest.importorskip("pandas")

UTC_ZONE = ZoneInfo("UTC")
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def usual(at: datetime) -> float:
    """Seconds of latency: quiet at night, slower by day, half as slow at the weekend."""
    day = 0.100 if 8 <= at.hour < 18 else 0.060
    return day / 2 if at.weekday() >= 5 else day


def weeks(n: int, **changed: float) -> dict[int, tuple[float, ...]]:
    """Hours of *n* weeks from a Monday on; `changed` by their number since then: h42=0.5."""
    hours = {}
    for i in range(n * 168):
        value = changed.get(f"h{i}", usual(MONDAY + i * HOUR))
        hours[seconds(MONDAY + i * HOUR)] = (value, value * 1.05, value * 0.95)
    return hours


def numbers(found: set[int]) -> list[int]:
    return sorted((hour - seconds(MONDAY)) // 3600 for hour in found)


def test_values_go_to_the_hour_of_the_local_clock():
    at = seconds(MONDAY + timedelta(hours=4, minutes=20))
    values = pd.Series({at + 900.0: 2.0, float(at): 1.0})  # 09:50 and 10:05 in Kolkata, unsorted

    hours = by_hour(values, "Asia/Kolkata")

    begin = seconds(MONDAY + timedelta(hours=3, minutes=30))
    assert hours == {begin: (1.0,), begin + 3600: (2.0,)}
    assert slots_of(hours, ZoneInfo("Asia/Kolkata")) == {9: [1.0], 10: [2.0]}


def test_rubbish_and_excluded_intervals_are_left_out_with_both_their_ends():
    begin = seconds(MONDAY)
    values = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, nan, inf, -1.0], index=[begin + 60.0 * i for i in range(8)])

    hours = by_hour(values, "UTC", [(MONDAY + timedelta(minutes=1), MONDAY + timedelta(minutes=3))])

    assert hours == {begin: (1.0, 5.0)}
    assert by_hour(values[:0], "UTC") == {}


def test_of_a_full_hour_every_second_minute_is_kept_whatever_its_value():
    values = pd.Series([float(i) for i in range(60)], index=[seconds(MONDAY) + 60.0 * i for i in range(60)])

    (kept,) = by_hour(values, "UTC").values()

    assert kept == tuple(float(i) for i in range(0, 60, 2))
    assert len(kept) == PER_HOUR


def test_what_prometheus_forgot_is_still_known_and_the_cut_hour_is_the_fuller_one():
    old = {0: (1.0,), 3600: (1.0, 1.0, 1.0), 7200: (1.0,)}
    fresh = {3600: (2.0,), 7200: (2.0,), 10800: (2.0,)}

    both = merged(old, fresh, since=instant_of(0), exclude=())

    assert both == {0: (1.0,), 3600: (1.0, 1.0, 1.0), 7200: (2.0,), 10800: (2.0,)}


def test_hours_that_became_an_incident_or_too_old_leave_the_sketch():
    old = {hour * 3600: (1.0,) for hour in range(6)}

    kept = merged(old, {}, since=instant_of(2 * 3600), exclude=[(instant_of(3 * 3600 + 60), instant_of(4 * 3600))])

    assert list(kept) == [3600, 2 * 3600, 5 * 3600]


def test_a_regular_week_has_no_outliers_and_neither_has_its_weekend():
    for n in (1, 2, 4):
        assert outlying(weeks(n), Signal.LATENCY, UTC_ZONE) == set()


def test_an_hour_of_trouble_is_found_in_the_first_week_and_in_the_fourth():
    for n in (1, 2, 4):
        assert numbers(outlying(weeks(n, h33=0.9), Signal.LATENCY, UTC_ZONE)) == [33]


def test_a_monday_that_is_always_busy_is_no_incident():
    busy = {f"h{9 + 168 * week}": 0.4 for week in range(2)}

    assert outlying(weeks(2, **busy), Signal.LATENCY, UTC_ZONE) == set()


def test_a_quiet_hour_hides_no_incident():
    assert outlying(weeks(2, h33=0.001), Signal.LATENCY, UTC_ZONE) == set()


def test_a_constant_series_has_no_outliers_for_its_last_digit():
    hours = dict.fromkeys(weeks(2), (0.1,)) | {seconds(MONDAY + 33 * HOUR): (0.101,)}

    assert outlying(hours, Signal.LATENCY, UTC_ZONE) == set()


def test_a_few_errors_are_usual_and_many_are_not():
    healthy = dict.fromkeys(weeks(2), (0.0,) * 59 + (0.2,))
    few, many = seconds(MONDAY + 30 * HOUR), seconds(MONDAY + 40 * HOUR)

    found = outlying(healthy | {few: (0.01,) * 60, many: (0.3,) * 60}, Signal.ERROR_RATIO, UTC_ZONE)

    assert found == {many}
