"""Which hours of the past are kept, and which of them do not count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import inf, nan
from random import Random
from zoneinfo import ZoneInfo

import pytest

from monitor.core.baseline import Signal
from monitor.sources.job import instant_of
from monitor.sources.sketch import PER_HOUR, by_hour, merged, outlying, slots_of, unlike

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


def test_of_a_full_hour_each_minute_is_kept_and_of_a_fuller_one_every_second_value():
    minutes = pd.Series([float(i) for i in range(60)], index=[seconds(MONDAY) + 60.0 * i for i in range(60)])
    halves = pd.Series([float(i) for i in range(120)], index=[seconds(MONDAY) + 30.0 * i for i in range(120)])

    (kept,), (thinned,) = by_hour(minutes, "UTC").values(), by_hour(halves, "UTC").values()

    assert kept == tuple(float(i) for i in range(60))
    assert thinned == tuple(float(i) for i in range(0, 120, 2))
    assert len(kept) == len(thinned) == PER_HOUR


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


# -- a holiday, a bad evening, a bad week -----------------------------------------------------------------------------

Change = Callable[[int, int], float]


def noisy(n: int, change: Change, seed: int) -> dict[int, tuple[float, ...]]:
    """Weeks with a daily and a weekly season; hours differ by chance, minutes differ more."""
    random, hours = Random(seed), {}
    for week in range(n):
        for hour in range(168):
            at = MONDAY + timedelta(weeks=week, hours=hour)
            level = usual(at) * random.lognormvariate(0, 0.05) * change(week, hour)
            hours[seconds(at)] = tuple(level * random.lognormvariate(0, 0.3) for _ in range(30))
    return hours


def changed(n: int, change: Change) -> set[int]:
    return {w * 168 + h for w in range(n) for h in range(168) if change(w, h) != 1.0}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "change",
    [
        lambda week, hour: 2.0 if week == 2 else 1.0,
        lambda week, hour: 0.5 if week == 3 and 24 <= hour < 48 else 1.0,
        lambda week, hour: 3.0 if week == 1 and hour % 24 in (18, 19, 20, 21) else 1.0,
        lambda week, hour: 2.0 if week >= 4 else 1.0,
    ],
    ids=["a week twice as slow", "a quiet holiday", "bad evenings of one week", "the last two weeks of six"],
)
def test_what_is_unlike_the_other_weeks_is_found_to_the_hour_and_hardly_anything_else(change, seed):
    found = set(numbers(unlike(noisy(6, change, seed), Signal.PROBE_LATENCY, UTC_ZONE)))

    assert changed(6, change) <= found
    assert len(found - changed(6, change)) <= 2  # an hour beside it that was a little slow by chance


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("n", "change"),
    [
        (6, lambda week, hour: 1.0),
        (6, lambda week, hour: 2.0 if week >= 3 else 1.0),
        (6, lambda week, hour: 1.0 + 0.1 * week),
        (2, lambda week, hour: 2.0 if week == 1 else 1.0),
    ],
    ids=["as ever", "half of the weeks", "slower every week", "one week of two"],
)
def test_what_many_weeks_do_and_what_nobody_can_tell_is_kept(n, change, seed):
    assert unlike(noisy(n, change, seed), Signal.PROBE_LATENCY, UTC_ZONE) == set()


def test_a_single_odd_hour_is_how_the_service_varies():
    assert unlike(noisy(6, lambda w, h: 3.0 if (w, h) == (2, 40) else 1.0, 1), Signal.PROBE_LATENCY, UTC_ZONE) == set()


def test_errors_of_a_bad_day_are_found_and_a_few_more_errors_are_not():
    def ratios(bad: float) -> dict[int, tuple[float, ...]]:
        return {hour: (bad if 72 <= i < 96 else 0.0005,) * 30 for i, hour in enumerate(sorted(weeks(6)))}

    assert set(numbers(unlike(ratios(0.03), Signal.ERROR_RATIO, UTC_ZONE))) == set(range(72, 96))
    assert unlike(ratios(0.0015), Signal.ERROR_RATIO, UTC_ZONE) == set()


def test_a_bad_week_left_out_leaves_the_limits_where_they_were():
    def limits(hours: dict[int, tuple[float, ...]]) -> list[float]:
        return [sorted(values)[int(0.95 * len(values))] for _, values in sorted(slots_of(hours, UTC_ZONE).items())]

    good = noisy(6, lambda week, hour: 1.0, 1)
    bad = noisy(6, lambda week, hour: 3.0 if week == 2 else 1.0, 1)
    odd = unlike(bad, Signal.PROBE_LATENCY, UTC_ZONE)
    left = {hour: values for hour, values in bad.items() if hour not in odd}

    poisoned = [b / g for b, g in zip(limits(bad), limits(good), strict=True)]
    healed = [b / g for b, g in zip(limits(left), limits(good), strict=True)]
    assert min(poisoned) > 1.3
    assert 0.85 < min(healed) <= max(healed) < 1.15
