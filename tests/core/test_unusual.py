"""One series, a row a minute: when it became unlike its past, how long that lasts, and what a restart finds of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import inf, nan, pi, sin
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.anomaly import STANDARD, AnomalyDetector, StateMismatch, detect
from monitor.core.unusual import BACK, GAP, LEARNED, SeriesWatch

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = 1440
UTC_ZONE = ZoneInfo("UTC")

Rows = list[tuple[datetime, float]]


def traffic(count: int, seed: int = 1) -> list[float]:
    """Requests a second: 20 at night, 180 by day, give or take 2."""
    random = Random(seed)
    return [100 - 80 * sin(2 * pi * i / DAY + pi / 2) + random.gauss(0, 2) for i in range(count)]


def rows(values: list[float], start: datetime = MONDAY) -> Rows:
    return [(start + i * MINUTE, value) for i, value in enumerate(values)]


def fed(series: Rows, zone: ZoneInfo = UTC_ZONE) -> SeriesWatch:
    watch = SeriesWatch(zone)
    for at, value in series:
        watch.take(at, value)
    return watch


def saved(watch: SeriesWatch) -> SeriesWatch:
    """What a restart makes of it."""
    return SeriesWatch.restore(json.loads(json.dumps(watch.state(), allow_nan=False)), UTC_ZONE)


NOON = 2 * DAY + DAY // 2


def doubled(more: int) -> Rows:
    """From the noon of the third day on traffic is twice what it was."""
    values = traffic(NOON + more)
    return rows(values[:NOON] + [2 * value for value in values[NOON:]])


def test_traffic_that_doubles_is_unusual_since_that_minute() -> None:
    before, after = fed(doubled(0)), fed(doubled(1))

    assert before.unusual is None
    assert after.unusual is not None
    assert after.unusual.since == MONDAY + timedelta(days=2, hours=12)
    assert after.unusual.value == after.value == pytest.approx(360, abs=12)
    assert after.unusual.expected == pytest.approx(180, abs=10)
    assert after.unusual.score == after.score >= 0.5


def test_while_it_goes_on_it_is_told_with_its_highest_score() -> None:
    values = traffic(NOON + 30)
    more = rows(values[:NOON] + [1.15 * value for value in values[NOON:]])
    scores = detect(more)

    watch = fed(more)

    assert watch.unusual is not None
    assert (watch.unusual.since, watch.score) == (MONDAY + NOON * MINUTE, 0.0)
    assert watch.unusual.score == max(scores[NOON:]) > scores[NOON] > 0.5


@pytest.mark.parametrize(("back", "is_over"), [(BACK - 1, False), (BACK, True)])
def test_it_is_over_when_ten_rows_have_come_half_way_back(back: int, is_over: bool) -> None:
    values = traffic(NOON + 5 + back)
    series = rows([2 * value if NOON <= i < NOON + 5 else value for i, value in enumerate(values)])

    assert (fed(series).unusual is None) is is_over


def test_a_row_that_has_not_come_half_way_back_begins_the_count_anew() -> None:
    values = traffic(NOON + 5 + 2 * BACK)
    values[NOON : NOON + 5] = [2 * value for value in values[NOON : NOON + 5]]
    values[NOON + 5 + BACK - 1] *= 2

    assert fed(rows(values[: NOON + 5 + 2 * BACK - 1])).unusual is not None
    assert fed(rows(values)).unusual is None


@pytest.mark.parametrize(("minutes", "is_over"), [(STANDARD.rest, False), (STANDARD.rest + 1, True)])
def test_traffic_that_stops_is_unusual_for_as_long_as_a_score_silences(minutes: int, is_over: bool) -> None:
    """The detector has learned the new level within a quarter of an hour, which makes nobody well."""
    series = rows(traffic(NOON) + [0.0] * minutes)

    assert (fed(series).unusual is None) is is_over


@pytest.mark.parametrize(("known", "is_told"), [(LEARNED - 1, False), (LEARNED, True)])
def test_nothing_is_told_before_a_day_was_seen(known: int, is_told: bool) -> None:
    series = rows([*traffic(known - 1), 900.0])

    watch = fed(series)

    assert watch.score > 0.5
    assert (watch.is_learning, watch.unusual is not None) == (not is_told, is_told)


@pytest.mark.parametrize(("silence", "is_told"), [(GAP, True), (GAP + MINUTE, False)])
def test_another_level_after_a_gap_is_no_anomaly(silence: timedelta, is_told: bool) -> None:
    """A metric that wanders, so that the level of before is all that is known."""
    random = Random(1)
    values = [100.0]
    for _ in range(DAY + DAY // 2):
        values.append(values[-1] + random.gauss(0, 1))
    wandering = rows(values)
    at, level = wandering[-1][0] + silence, values[-1] + 60

    watch = fed([*wandering, *((at + i * MINUTE, level + random.gauss(0, 1)) for i in range(60))])

    assert (watch.unusual is not None) is is_told


def test_a_night_without_prometheus_is_no_anomaly_and_the_next_one_is_found() -> None:
    series = rows(traffic(4 * DAY))
    series = [
        row for row in series if not MONDAY + timedelta(days=2, hours=1) <= row[0] < MONDAY + timedelta(days=2, hours=9)
    ]
    watch = SeriesWatch(UTC_ZONE)
    for at, value in series:
        watch.take(at, value)
        assert watch.unusual is None, at

    watch.take(MONDAY + timedelta(days=4), 150.0)

    assert watch.unusual is not None


def test_what_is_unknown_and_what_is_not_newer_changes_nothing() -> None:
    watch = fed(rows(traffic(2 * DAY)))
    before = watch.state()

    for at, value in [
        (MONDAY + timedelta(days=2), nan),
        (MONDAY + timedelta(days=2), inf),
        (MONDAY + timedelta(days=2) - MINUTE, 900.0),
        (MONDAY, 900.0),
    ]:
        watch.take(at, value)

    assert watch.state() == before


def test_the_hour_that_clocks_repeat_has_its_rows_and_is_no_gap() -> None:
    """Berlin, 25 October 2026: from 02:00 to 03:00 twice. Every minute is taken, and the days are Berlin's."""
    start = datetime(2026, 10, 23, 22, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    series = rows(traffic(2 * DAY), start)
    plain = AnomalyDetector()
    expected = [plain.step(at.astimezone(berlin), value) for at, value in series]

    watch = SeriesWatch(berlin)
    found = []
    for at, value in series:
        watch.take(at, value)
        found.append(watch.score)

    assert watch.rows == 2 * DAY
    assert found == expected


# What a restart finds.

EVENTFUL = [
    2 * value if NOON <= i < NOON + 20 or NOON + 100 <= i < NOON + 110 else value
    for i, value in enumerate(traffic(NOON + 400))
]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(NOON - 60, NOON + 399), max_size=4),
    st.lists(st.integers(NOON - 60, NOON + 399), max_size=3),
)
def test_restarts_at_any_points_give_the_same_scores_and_the_same_anomalies(cuts: list[int], gaps: list[int]) -> None:
    series = rows(EVENTFUL)
    missing = {i for gap in gaps for i in range(gap, gap + 15)}
    undisturbed = SeriesWatch(UTC_ZONE)
    restarted = SeriesWatch(UTC_ZONE)
    for i, (at, value) in enumerate(series):
        if i in missing:
            continue
        undisturbed.take(at, value)
        if i < NOON - 60:
            restarted = undisturbed  # what both have in common is computed once
            continue
        if i in cuts or restarted is undisturbed:
            restarted = saved(restarted)
        restarted.take(at, value)
        assert (restarted.score, restarted.unusual) == (undisturbed.score, undisturbed.unusual)

    assert restarted.state() == undisturbed.state()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"detector": {"version": 0}}, "the state of an anomaly detector is of version 0, not 1"),
        ({"at": "yesterday"}, "the state of a series is damaged: ValueError"),
        ({"unusual": {"since": "2026-03-02T00:00:00+00:00"}}, "the state of a series is damaged: TypeError"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(StateMismatch) as refused:
        SeriesWatch.restore(SeriesWatch(UTC_ZONE).state() | change, UTC_ZONE)

    assert str(refused.value).startswith(message)


def test_a_series_that_was_never_read_is_restored_as_one() -> None:
    watch = saved(SeriesWatch(UTC_ZONE))

    assert (watch.at, watch.value, watch.known_since, watch.rows) == (None, None, None, 0)
