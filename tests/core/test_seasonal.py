"""What a half hour of the day usually brings, by day and by weekday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.core.seasonal import ROWS_OF_A_SLOT, SeasonalForecast

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def at(day: int, time: str) -> datetime:
    hour, minute = time.split(":")
    return MONDAY + timedelta(days=day, hours=int(hour), minutes=int(minute))


def test_the_first_day_expects_nothing_and_the_second_what_the_first_brought_at_that_time() -> None:
    season = SeasonalForecast(days=7)
    assert [season.step(at(0, "09:00"), 5.0), season.step(at(0, "09:29"), 7.0)] == [None, None]
    assert season.step(at(0, "09:30"), 50.0) is None

    assert season.step(at(1, "08:59"), 6.0) is None
    assert season.step(at(1, "09:00"), 6.5) == 0.5
    assert season.step(at(1, "09:29"), 5.0) == -1.0
    assert season.step(at(1, "09:30"), 40.0) == -10.0


def test_one_bad_day_among_three_does_not_become_what_is_expected() -> None:
    season = SeasonalForecast(days=7)
    for day, value in enumerate([10.0, 900.0, 12.0]):
        season.step(at(day, "09:00"), value)

    assert season.step(at(3, "09:00"), 15.0) == 3.0


def test_days_beyond_those_that_are_kept_are_forgotten() -> None:
    season = SeasonalForecast(days=2)
    for day, value in enumerate([100.0, 10.0, 20.0]):
        season.step(at(day, "09:00"), value)

    assert season.step(at(3, "09:00"), 15.0) == 0.0


def test_the_nearer_of_the_day_and_the_weekday_is_what_was_expected() -> None:
    """Sunday brings 20, all other days 100: each Sunday is like the one before, each Monday like the other days."""
    season = SeasonalForecast(days=7)
    errors = [season.step(at(day, "09:00"), 20.0 if day % 7 == 6 else 100.0) for day in range(15)]

    assert errors == [None, 0.0, 0.0, 0.0, 0.0, 0.0, -80.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_the_hour_that_clocks_repeat_is_not_expected_to_bring_what_it_just_brought() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    two = datetime(2026, 10, 25, 0, tzinfo=UTC)
    instants = [(two + timedelta(minutes=30 * i)).astimezone(berlin) for i in range(4)]
    assert [f"{i:%H:%M}" for i in instants] == ["02:00", "02:30", "02:00", "02:30"]
    season = SeasonalForecast(days=7)

    assert [season.step(instant, float(i)) for i, instant in enumerate(instants)] == [None] * 4
    assert season.step(instants[0] + DAY, 2.0) == 0.0


@pytest.mark.parametrize(("more", "error"), [(0, -2.0), (1, 3.0)], ids=["all rows of it", "its last rows"])
def test_a_half_hour_with_more_rows_than_are_kept_is_judged_by_its_last(more: int, error: float) -> None:
    """Rows of 12 are one more than those of 2, until one falls out: then the median lies between."""
    half = ROWS_OF_A_SLOT // 2
    season = SeasonalForecast(days=7)
    for value in [12.0] * (half + 1) + [2.0] * (half - 1 + more):
        season.step(at(0, "09:00"), value)

    assert season.step(at(1, "09:00"), 10.0) == error
