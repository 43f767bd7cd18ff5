"""What is normal for this hour: slots, fallbacks, time zones, and the way through JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import inf, nan
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.baseline import (
    ENOUGH,
    SLOT_CAP,
    STALE_AFTER,
    Baseline,
    Level,
    Quality,
    Sample,
    Signal,
    error_limit,
    hour_of_week,
    thin,
    tidy,
    zone_of,
)
from monitor.core.shift import ordinary_below, rank_normal

MONDAY_NINE = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def baseline(
    slots: dict[int, tuple[float, ...]],
    quality: Quality = Quality.FITTED,
    zone: str = "UTC",
    fitted_at: datetime = MONDAY_NINE,
) -> Baseline:
    return Baseline(
        service="orders",
        signal=Signal.LATENCY,
        time_zone=zone,
        fitted_at=fitted_at,
        since=fitted_at - timedelta(days=28),
        quality=quality,
        slots=slots,
    )


def test_the_hour_of_the_week_begins_on_monday_at_midnight_of_the_local_clock():
    assert hour_of_week(datetime(2026, 11, 1, 22, 59, 59, tzinfo=UTC), BERLIN) == 167
    assert hour_of_week(datetime(2026, 11, 1, 23, 0, tzinfo=UTC), BERLIN) == 0
    assert hour_of_week(datetime(2026, 11, 2, 0, 0, tzinfo=UTC), BERLIN) == 1


def test_nine_o_clock_stays_nine_o_clock_when_summer_time_ends():
    summer, winter = datetime(2026, 10, 19, 7, 0, tzinfo=UTC), datetime(2026, 10, 26, 8, 0, tzinfo=UTC)

    assert hour_of_week(summer, BERLIN) == hour_of_week(winter, BERLIN) == 9


def test_the_night_that_summer_time_ends_has_one_hour_twice_and_the_one_it_begins_lacks_one():
    ends, begins = datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)

    autumn = [hour_of_week(ends + timedelta(hours=h), BERLIN) % 24 for h in range(3)]
    spring = [hour_of_week(begins + timedelta(hours=h), BERLIN) % 24 for h in range(3)]

    assert (autumn, spring) == ([2, 2, 3], [1, 3, 4])


def test_a_zone_of_half_hours_has_its_own_hours():
    assert hour_of_week(datetime(2026, 11, 2, 4, 15, tzinfo=UTC), ZoneInfo("Asia/Kolkata")) == 9
    assert hour_of_week(datetime(2026, 11, 2, 4, 30, tzinfo=UTC), ZoneInfo("Asia/Kolkata")) == 10


def test_an_unknown_zone_is_refused_with_a_remedy():
    for name in ("Europe/Berlln", "", "/etc/passwd", "../etc"):
        with pytest.raises(ValueError, match="write one like Europe/Berlin"):
            zone_of(name)


def test_a_slot_speaks_for_itself_from_twenty_values_on():
    enough = {9: (0.1,) * ENOUGH, 33: (0.5,) * 100}
    too_few = {9: (0.1,) * (ENOUGH - 1), 33: (0.5,) * 70}

    assert baseline(enough).sample(MONDAY_NINE) == Sample((0.1,) * ENOUGH, Level.HOUR_OF_WEEK, ENOUGH)
    fallen = baseline(too_few).sample(MONDAY_NINE)
    assert (fallen.level, fallen.n, fallen.median) == (Level.HOUR_OF_DAY, ENOUGH - 1 + 70, 0.5)


def test_without_the_hour_of_the_day_the_whole_week_answers_however_little_it_is():
    few = baseline({100: (0.2, 0.1)})

    assert few.sample(MONDAY_NINE) == Sample((0.1, 0.2), Level.GLOBAL, 2)
    assert baseline({}).sample(MONDAY_NINE) == Sample((), Level.GLOBAL)
    assert baseline({}).quantile(MONDAY_NINE, 0.99) is None


def test_a_young_baseline_has_no_hours_of_the_week_yet():
    young = baseline({9: (0.1,) * 60, 33: (0.2,) * 60}, quality=Quality.YOUNG)

    assert young.sample(MONDAY_NINE).level is Level.HOUR_OF_DAY


def test_a_baseline_that_nobody_refreshed_for_a_week_says_so():
    fresh = baseline({}, quality=Quality.UNLABELLED)

    assert fresh.quality_at(MONDAY_NINE + STALE_AFTER) is Quality.UNLABELLED
    assert fresh.quality_at(MONDAY_NINE + STALE_AFTER + timedelta(seconds=1)) is Quality.STALE
    assert fresh.age(MONDAY_NINE + timedelta(hours=5)) == timedelta(hours=5)


def test_rubbish_among_the_values_is_left_out_and_the_rest_sorted():
    slots = {9: (0.3, nan, inf, -inf, -0.1, 0.0, 0.1), 168: (1.0,), -1: (1.0,)}

    assert {hour: list(values) for hour, values in baseline(slots).slots.items()} == {9: [0.0, 0.1, 0.3]}


def test_a_baseline_comes_back_from_json_as_it_went():
    before = baseline({9: (0.123456, 0.2), 167: (0.0,)}, quality=Quality.UNLABELLED, zone="Europe/Berlin")

    assert Baseline.from_json(json.loads(json.dumps(before.to_json()))) == before


@pytest.mark.parametrize(
    "broken",
    [
        {"signal": "loudness"},
        {"slots": []},
        {"slots": {"nine": [1]}},
        {"slots": {"9": ["x"]}},
        {"fitted_at": "2026-11-02T09:00:00"},
        {"time_zone": "Mars/Olympus"},
        {"quality": None},
    ],
    ids=lambda b: next(iter(b)),
)
def test_a_file_that_is_no_baseline_is_refused_by_name(broken):
    data = baseline({9: (0.1,)}).to_json() | broken

    with pytest.raises(ValueError, match=r"^not a baseline: "):
        Baseline.from_json(data)


def test_a_missing_key_is_refused_by_name():
    data = baseline({9: (0.1,)}).to_json()
    del data["slots"]

    with pytest.raises(ValueError, match="slots"):
        Baseline.from_json(data)


def test_quantiles_lie_between_the_two_nearest_ranks():
    sample = Sample((1.0, 2.0, 3.0, 4.0))

    assert [sample.quantile(q) for q in (0, 0.25, 0.5, 0.9, 1)] == pytest.approx([1.0, 1.75, 2.5, 3.7, 4.0])
    assert (sample.quantile(-1), sample.quantile(2)) == (1.0, 4.0)


@given(st.lists(st.floats(0, 1e6), max_size=2000))
def test_thinning_keeps_order_cap_and_quantiles(values):
    ordered = tidy(values)
    thinned = thin(ordered, 100)

    assert len(thinned) == min(len(ordered), 100)
    assert list(thinned) == sorted(thinned)
    if len(ordered) > 200:
        for q in (0.1, 0.5, 0.9):
            low, high = ordered[int((q - 0.02) * len(ordered))], ordered[int((q + 0.02) * len(ordered))]
            assert low <= Sample(thinned).quantile(q) <= high


@given(st.lists(st.floats(), max_size=50))
def test_tidying_tolerates_every_float(values):
    tidied = tidy(values)

    assert all(0 <= v < inf for v in tidied)
    assert list(tidied) == sorted(tidied)


def test_slots_are_capped():
    assert len(baseline({9: tuple(range(10 * SLOT_CAP))}).slots[9]) == SLOT_CAP


def test_a_sample_knows_how_many_values_it_speaks_for_also_when_it_comes_from_a_file():
    """Monday nine was thinned from 360; Tuesday nine has only 40, all of them kept."""
    before = baseline({9: tuple(range(360)), 33: tuple(range(40)), 10: (1.0,) * 5})

    for known in (before, Baseline.from_json(json.loads(json.dumps(before.to_json())))):
        assert [known.of_hour(hour).known_from for hour in (9, 33)] == [360, 40]
        assert (known.of_hour(10).level, known.of_hour(10).known_from) == (Level.GLOBAL, 405)
        assert known.of_hour(57).known_from == 400, "nine o'clock of any day"


def test_a_file_of_a_version_that_did_not_count_speaks_for_what_is_in_it():
    data = baseline({9: tuple(range(360))}).to_json()
    del data["drawn"]

    assert Baseline.from_json(data).of_hour(9).known_from == SLOT_CAP


@pytest.mark.parametrize(
    ("q99", "budget", "requests", "limit"),
    [
        (0.02, 0.001, 10_000, 0.02),
        (0.0, 0.001, 10_000, 0.001),
        (0.0, 0.001, 50, 0.02),
        (None, 0.001, None, 0.001),
        (nan, 0.001, 0, 0.001),
        (0.0, 0.001, 0.2, 1.0),
    ],
    ids=["usual", "budget", "a single error", "nothing known", "no requests", "less than one request"],
)
def test_the_error_limit_is_the_largest_of_three_and_never_more_than_all(q99, budget, requests, limit):
    assert error_limit(q99, budget, requests) == pytest.approx(limit)


@given(st.lists(st.floats(0, 9), max_size=120), st.floats(0, 3), st.lists(st.floats(0, 10), min_size=1))
def test_below_the_ordinary_no_score_is_above_the_limit(values: list[float], limit: float, seen: list[float]) -> None:
    sample = tidy(values)
    bound = ordinary_below(sample, limit)

    assert all(rank_normal(x, sample) <= limit for x in [*seen, *sample] if x < bound)


def test_the_ordinary_of_a_hundred_values_is_as_wide_as_their_ranks_say() -> None:
    sample = tuple(float(i) for i in range(100))
    # 77 of a hundred below it score 0.730, 78 score 0.763.
    assert ordinary_below(sample, 0.75) == 77.0
    assert rank_normal(76.9, sample) < 0.75 < rank_normal(78.0, sample)
    assert ordinary_below((), 0.75) == inf
    assert ordinary_below((1.0, 2.0), 5.0) == inf
    assert ordinary_below((1.0, 2.0), 0.0) == 1.0
