"""One score a row: onsets of what is unlike the past, from the past alone, whatever the rows are like."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import inf, nan, pi, sin
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.anomaly import STANDARD, WARM_UP, AnomalyDetector, Onset, StateMismatch, Tuning, detect

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAY = 288
"""Rows."""

Rows = list[tuple[datetime, float]]


def rows(values: list[float], start: datetime = MONDAY, step: timedelta = STEP) -> Rows:
    return [(start + i * step, value) for i, value in enumerate(values)]


def noise(count: int, level: float = 100.0, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [random.gauss(level, 5.0) for _ in range(count)]


def daily(days: int, seed: int = 1) -> list[float]:
    """Traffic of a day: nothing at night, 1,000 at noon."""
    random = Random(seed)
    return [max(0.0, -1000 * sin(2 * pi * i / DAY + pi / 2)) + random.gauss(50, 10) for i in range(days * DAY)]


# What is found.


def test_a_spike_is_found_in_its_own_row():
    values = noise(2000)
    values[1500] = 400.0

    scores = detect(rows(values))

    assert scores[1500] > 0.5
    assert max(scores[WARM_UP:1500]) < 0.5


def test_a_lasting_shift_is_told_once_and_then_is_normal():
    values = noise(1000) + noise(1000, level=150.0, seed=2)

    scores = detect(rows(values))

    alarms = [i for i, score in enumerate(scores) if score >= 0.5]
    assert 1000 <= alarms[0] <= 1005
    assert alarms[-1] <= 1030


def test_a_smaller_shift_than_any_single_row_shows_is_found_over_many():
    """A shift of three standard deviations: single rows of it occur in health too, two dozen in a row do not."""
    calm = noise(2000)
    assert max(calm[WARM_UP:]) > 115

    scores = detect(rows(calm + noise(60, level=115, seed=2)))

    assert max(scores[WARM_UP:2000]) < 0.5
    assert max(scores[2000:2024]) > 0.5


def test_a_noon_without_its_traffic_is_found_though_such_values_are_seen_every_night():
    values = daily(8)
    noon = 7 * DAY + DAY // 2
    values[noon : noon + 6] = [50.0] * 6

    scores = detect(rows(values))

    assert max(scores[noon : noon + 6]) > 0.5
    assert max(scores[2 * DAY : noon]) < 0.5


def test_a_weekend_like_the_last_one_is_no_surprise():
    """A month of quiet weekends: Saturday is unlike Friday, and like the Saturday before."""
    values = [v * (0.2 if (i // DAY) % 7 >= 5 else 1.0) for i, v in enumerate(daily(28))]
    saturdays = [week * 7 * DAY + 5 * DAY for week in range(4)]

    scores = detect(rows(values))

    first, *later = [max(scores[begin : begin + DAY]) for begin in saturdays]
    assert first > 0.5
    assert max(later) < first / 2


def test_the_season_of_a_metric_that_grows_is_still_a_season():
    """Each day brings 100 more: what the last days brought is too little by the same amount again and again."""
    values = [v + 100 * i / DAY for i, v in enumerate(daily(14))]
    noon = 12 * DAY + DAY // 2
    values[noon : noon + 3] = [v - 500 for v in values[noon : noon + 3]]

    scores = detect(rows(values))

    assert max(scores[noon : noon + 3]) > 0.5
    assert max(scores[4 * DAY : noon]) < 0.5


def test_a_metric_that_wanders_without_a_season_is_judged_by_its_level():
    """What the wanderer brought yesterday at this time says nothing; the last rows say much."""
    random, value, values = Random(3), 0.0, []
    for i in range(3000):
        value += random.gauss(0, 1) + (25 if i == 2500 else 0)
        values.append(value)

    scores = detect(rows(values))

    assert max(scores[2500:2503]) > 0.5
    assert max(scores[WARM_UP + DAY : 2500]) < 0.5


def test_spikes_that_a_series_is_used_to_are_less_and_less_of_a_surprise():
    values = noise(6000)
    for i in range(500, 6000, 300):
        values[i] = 300.0

    scores = detect(rows(values))

    assert scores[500] > 0.9
    assert max(scores[5000:]) < 0.75 * scores[500]


# When it stays silent.


def test_while_an_anomaly_goes_on_only_what_is_worse_scores():
    calm = noise(2000)
    at = 1000
    once, worse = list(calm), list(calm)
    once[at], once[at + 100] = 160.0, 150.0
    worse[at], worse[at + 100] = 160.0, 400.0

    assert detect(rows(once))[at] > 0
    assert detect(rows(once))[at + 100] == 0
    assert detect(rows(worse))[at + 100] > detect(rows(worse))[at]


@pytest.mark.parametrize(("after", "scores"), [(3, False), (4, True)], ids=["in the rest", "after it"])
def test_the_rest_after_a_score_ends_with_its_last_row(after: int, scores: bool):
    onset = Onset()
    assert onset.step(0.9, rest=3) == 0.9
    for _ in range(after - 1):
        assert onset.step(0.0, rest=3) == 0.0

    assert onset.step(0.8, rest=3) == (0.8 if scores else 0.0)


def test_a_low_score_before_a_high_one_does_not_shorten_its_rest():
    onset = Onset()

    assert [onset.step(score, rest=3) for score in (0.3, 0.9, 0.5, 0.6)] == [0.3, 0.9, 0.0, 0.0]


def test_nothing_is_judged_before_the_errors_of_a_forecast_are_known():
    values = noise(WARM_UP)

    assert detect(rows([*values[:-1], 10_000.0])) == [0.0] * WARM_UP
    assert detect(rows([*values, 10_000.0]))[-1] > 0.5


def test_a_constant_is_never_a_surprise_and_the_first_flicker_of_it_is_none():
    calm = [7.0] * 1000

    assert set(detect(rows(calm))) == {0.0}
    assert detect(rows([*calm, 7.006]))[-1] == 0.0
    assert detect(rows([*calm, 8.0]))[-1] > 0.5


def test_nothing_and_one_row_are_no_error():
    assert detect([]) == []
    assert detect(rows([5.0])) == [0.0]


# Rows as they really come.


@pytest.mark.parametrize("unknown", [nan, inf, -inf])
def test_a_value_that_is_unknown_scores_nothing_and_changes_nothing(unknown: float):
    values = noise(600)
    values[500] = 300.0
    with_gap = rows(values)
    with_gap.insert(300, (with_gap[300][0], unknown))

    scores = detect(with_gap)

    assert scores[300] == 0.0
    assert scores[:300] + scores[301:] == detect(rows(values))


def test_the_zone_of_the_datetimes_changes_nothing_but_whose_day_it_is():
    """Naive rows and rows of a zone have the same wall clock, hence the same scores."""
    values = daily(4)
    values[1000] = 3000.0

    naive = detect(rows(values, MONDAY.replace(tzinfo=None)))

    assert naive[1000] > 0.5
    assert naive == detect(rows(values)) == detect(rows(values, MONDAY.replace(tzinfo=ZoneInfo("Asia/Kolkata"))))


def test_the_values_of_the_same_metric_in_another_unit_score_alike():
    values = daily(4)
    values[1000] = 3000.0
    seconds, bytes_ = detect(rows([v * 2.0**-20 for v in values])), detect(rows([v * 2.0**40 for v in values]))

    assert seconds[1000] > 0.5
    assert seconds == pytest.approx(bytes_)
    assert detect(rows([-v for v in values])) == pytest.approx(bytes_)


Value = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, 1.0, 1.0, 1e308, -1e308, 5e-324]),
    st.integers(0, 5).map(float),
)
Instant = st.integers(0, 8 * 86_400).map(lambda seconds: MONDAY + timedelta(seconds=seconds))
Zoned = st.tuples(Instant, st.sampled_from([None, UTC, ZoneInfo("America/New_York")]))
QUICK = Tuning(spans=(1, 3), memory=50, drift=20, rest=10, days=2)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_score_is_within_bounds_and_depends_on_no_later_row(data: st.DataObject):
    """Rows in any order, at any pace, twice, in mixed zones, of any size, after a calm beginning."""
    odd = data.draw(st.lists(st.tuples(Zoned, Value), max_size=40))
    series = rows(noise(150)) + [(at.replace(tzinfo=zone), value) for (at, zone), value in odd]
    cut = data.draw(st.integers(0, len(series)))

    for tuning in (STANDARD, QUICK):
        scores = detect(series, tuning)

        assert len(scores) == len(series)
        assert all(0.0 <= score <= 1.0 for score in scores)
        assert detect(series[:cut], tuning) == scores[:cut]


# State.


@pytest.mark.parametrize("at", [0, 1, 150, 1000, 1500])
def test_a_detector_that_was_saved_as_json_goes_on_where_it_was(at: int):
    values = daily(7)
    values[1000], values[1600] = 2500.0, 3000.0
    series = rows(values)
    first = AnomalyDetector()
    for row in series[:at]:
        first.step(*row)

    second = AnomalyDetector.restore(json.loads(json.dumps(first.state(), allow_nan=False)))

    assert [second.step(*row) for row in series[at:]] == detect(series)[at:]


def test_a_saved_state_is_a_copy():
    detector = AnomalyDetector()
    saved = detector.state()
    before = json.dumps(saved)
    for row in rows(noise(300)):
        detector.step(*row)

    assert json.dumps(saved) == before


def test_two_detectors_restored_from_one_state_are_apart():
    saved = AnomalyDetector().state()
    first, second = AnomalyDetector.restore(saved), AnomalyDetector.restore(saved)
    for row in rows(noise(300)):
        first.step(*row)

    assert [second.step(*row) for row in rows(noise(300))] == detect(rows(noise(300)))


def test_the_state_stays_small_however_long_and_fine_the_series_is():
    """Three weeks of five minutes, then a day of seconds: the state has what it keeps, and does not grow."""
    detector = AnomalyDetector()
    for row in rows(daily(28)):
        detector.step(*row)
    full = len(json.dumps(detector.state()))
    for row in rows(noise(21_500), MONDAY + timedelta(days=28), timedelta(seconds=1)):
        detector.step(*row)

    assert len(json.dumps(detector.state())) < 1.3 * full < 100_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 0}, "the state of an anomaly detector is of version 0, not 1"),
        ({"tuning": {"spans": [1], "rest": 9}}, "the state of an anomaly detector was learned under another tuning"),
        ({"tuning": {"spans": [1], "speed": 9}}, "the state of an anomaly detector is damaged: "),
        ({"means": {"level": 1.0, "colour": "red"}}, "the state of an anomaly detector is damaged: "),
        ({"onset": {}}, "the state of an anomaly detector is damaged: KeyError('row')"),
    ],
    ids=["version", "tuning", "unknown tuning", "unknown mean", "missing"],
)
def test_a_state_that_does_not_fit_is_refused(change: dict[str, object], message: str):
    with pytest.raises(StateMismatch) as refused:
        AnomalyDetector.restore(AnomalyDetector().state() | change)

    assert str(refused.value).startswith(message)
