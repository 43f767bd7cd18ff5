"""Budgets and burn rates, checked against the numbers of the SRE Workbook, chapter 5."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.sli import Tally
from monitor.core.slo import (
    BURN_WINDOWS,
    BurnWindow,
    Objective,
    budget_remaining,
    burn_rate,
    burning,
    can_fire,
    detection_time,
    time_to_exhaustion,
    window_detection_time,
)

MONTH = timedelta(days=30)
THREE_NINES = Objective(0.999)


def outage(minutes_ago: float, lasting: float) -> dict[timedelta, Tally]:
    """Tallies of every window, with one probe a minute and a total outage that ended *minutes_ago*."""
    widths = {width for pair in BURN_WINDOWS for width in (pair.long, pair.short)}
    tallies = {}
    for width in widths:
        minutes = round(width.total_seconds() / 60)
        bad = round(min(max(minutes - minutes_ago, 0), lasting))
        tallies[width] = Tally(expected=minutes, good=minutes - bad, bad=bad)
    return tallies


def test_a_budget_is_exact_and_not_a_float_s_neighbour() -> None:
    assert THREE_NINES.error_budget == 0.001
    assert Objective(0.9995).error_budget == 0.0005


@pytest.mark.parametrize(
    ("ratio", "hint"),
    [(99.9, "99.9 % is written 0.999"), (1, "0.999"), (0, "0.999"), (-0.5, "0.999"), (100, "0.999"), (95, "0.95")],
)
def test_an_objective_outside_of_zero_and_one_teaches_how_to_write_it(ratio: float, hint: str) -> None:
    with pytest.raises(ValueError, match=f"between 0 and 1, both excluded, not {ratio}.*{hint}"):
        Objective(ratio)


def test_burn_rate_and_budget_know_no_data_from_no_errors() -> None:
    assert burn_rate(Tally(expected=60, unknown=60), THREE_NINES) is None
    assert budget_remaining(Tally(), THREE_NINES) is None
    assert burn_rate(Tally(good=60), THREE_NINES) == 0
    assert burn_rate(Tally(good=59, bad=1), THREE_NINES) == pytest.approx(16.667, abs=0.001)
    assert budget_remaining(Tally(good=999, bad=1), THREE_NINES) == pytest.approx(0)
    assert budget_remaining(Tally(good=998, bad=2), THREE_NINES) == pytest.approx(-1)


@pytest.mark.parametrize(("burn", "left"), [(1, MONTH), (2, timedelta(days=15)), (1000, timedelta(minutes=43.2))])
def test_a_full_budget_lasts_as_long_as_the_workbook_says(burn: float, left: timedelta) -> None:
    assert time_to_exhaustion(1.0, burn, MONTH) == left


def test_a_spent_budget_lasts_no_time_and_one_that_does_not_burn_lasts_for_ever() -> None:
    assert time_to_exhaustion(-0.2, 3, MONTH) == timedelta(0)
    assert time_to_exhaustion(0.5, 0, MONTH) is None
    assert time_to_exhaustion(0.5, 1e-300, MONTH) is None
    assert time_to_exhaustion(0.5, 2, MONTH) == timedelta(days=7.5)


@pytest.mark.parametrize(
    ("period", "thresholds"),
    [(MONTH, [14.4, 6, 3, 1]), (timedelta(days=28), [13.44, 5.6, 2.8, 0.933])],
)
def test_thresholds_follow_from_the_share_of_the_budget(period: timedelta, thresholds: list[float]) -> None:
    assert [window.threshold(period) for window in BURN_WINDOWS] == pytest.approx(thresholds, abs=0.001)


def test_both_windows_must_burn() -> None:
    during = burning(outage(minutes_ago=0, lasting=10).__getitem__, THREE_NINES, MONTH)
    assert [alarm.window.name for alarm in during] == ["page quick", "page slow", "ticket quick", "ticket slow"]
    assert (during[0].burn_long, during[0].burn_short) == pytest.approx((166.667, 1000), abs=0.001)
    assert during[0].burn == pytest.approx(166.667, abs=0.001)
    # Over for ten minutes: the last five are clean, so the quick pair is silent while the slow ones still see it.
    after = burning(outage(minutes_ago=10, lasting=10).__getitem__, THREE_NINES, MONTH)
    assert [alarm.window.name for alarm in after] == ["page slow", "ticket quick", "ticket slow"]


def test_nothing_burns_without_data() -> None:
    assert burning(lambda _: Tally(expected=60), THREE_NINES, MONTH) == ()


@pytest.mark.parametrize(
    ("objective", "threshold", "possible"),
    [(0.9, 14.4, False), (0.9, 9.99, True), (0.9, 10, False), (0.93, 14.4, False), (0.931, 14.4, True)],
)
def test_a_threshold_above_what_a_total_outage_burns_can_never_fire(
    objective: float, threshold: float, possible: bool
) -> None:
    assert can_fire(Objective(objective), threshold) is possible


@pytest.mark.parametrize(
    ("objective", "seconds"),
    [(0.99, [518.4, 1296, 2592, 2592]), (0.999, [51.84, 129.6, 259.2, 259.2]), (0.9999, [5.184, 12.96, 25.92, 25.92])],
)
def test_a_total_outage_passes_the_windows_when_the_workbook_says(objective: float, seconds: list[float]) -> None:
    times = [window_detection_time(Objective(objective), window, MONTH) for window in BURN_WINDOWS]
    assert [time.total_seconds() for time in times if time] == pytest.approx(seconds)


def test_an_error_ratio_below_the_threshold_is_never_detected_by_that_window() -> None:
    quick = BURN_WINDOWS[0]
    assert window_detection_time(THREE_NINES, quick, MONTH, error_ratio=0.0144) is None
    assert window_detection_time(THREE_NINES, quick, MONTH, error_ratio=0.0288) == timedelta(minutes=30)
    assert window_detection_time(Objective(0.9), BurnWindow("x", MONTH, MONTH, 1.0), MONTH) == timedelta(days=3)


@pytest.mark.parametrize(
    ("objective", "interval", "seconds"),
    [
        (0.999, 30, 120),  # four failures
        (0.999, 60, 240),
        (0.999, 10, 70),  # four failures take 40 s, but open_after and one interval are longer
        (0.99, 30, 120),
        (0.9, 30, 180),
    ],
)
def test_the_prober_finds_a_total_outage_in_its_probes_or_open_after_and_one_interval(
    objective: float, interval: float, seconds: float
) -> None:
    assert detection_time(Objective(objective), interval) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("long", "burn", "seconds"),
    [(timedelta(minutes=10), 1, 0.6), (timedelta(hours=36), 1, 129.6), (timedelta(hours=1), 36, 129.6)],
    ids=["ten minutes", "36 hours", "an hour at 36"],
)
def test_a_window_finds_a_total_outage_when_the_workbook_s_text_says(
    long: timedelta, burn: float, seconds: float
) -> None:
    """SRE Workbook, chapter 5: with a window of 10 minutes 0.6 s, with one of 36 hours 2 m 10 s; b x w x B / e."""
    window = BurnWindow("of the text", long, long / 12, burn * (long / MONTH))

    assert window.threshold(MONTH) == pytest.approx(burn)
    found = window_detection_time(THREE_NINES, window, MONTH)
    assert found is not None
    assert found.total_seconds() == pytest.approx(seconds)
    half = window_detection_time(THREE_NINES, window, MONTH, error_ratio=0.5)
    assert half is not None
    assert half.total_seconds() == pytest.approx(2 * seconds), "half the errors take twice as long"


COUNTS = st.integers(0, 10**9)
SHARES = st.floats(0.0001, 0.99999)


@given(COUNTS, COUNTS, COUNTS, st.integers(1, 1000), SHARES)
def test_burn_is_never_divided_by_nothing_rises_with_errors_and_does_not_depend_on_scale(
    good: int, bad: int, more: int, scale: int, share: float
) -> None:
    objective = Objective(share)
    burn = burn_rate(Tally(good=good, bad=bad), objective)
    worse = burn_rate(Tally(good=good, bad=bad + more), objective)
    scaled = burn_rate(Tally(good=good * scale, bad=bad * scale), objective)

    assert (burn is None) == (good + bad == 0)
    if burn is None:
        return
    assert worse is not None
    assert scaled == pytest.approx(burn)
    assert 0 <= burn <= worse <= 1 / objective.error_budget * (1 + 1e-9)
    left = budget_remaining(Tally(good=good, bad=bad), objective)
    assert left == pytest.approx(1 - burn, rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=8), SHARES)
def test_windows_burn_more_with_more_errors_in_any_of_them(counts: list[tuple[int, int]], share: float) -> None:
    """As many pairs burn, or more, and none of them slower."""
    objective = Objective(share)
    widths = sorted({width for pair in BURN_WINDOWS for width in (pair.long, pair.short)})
    before = {width: Tally(good=g, bad=b) for width, (g, b) in zip(widths, counts * 8, strict=False)}
    after = {width: tally + Tally(bad=7) for width, tally in before.items()}

    calm, worse = (burning(tallies.__getitem__, objective, MONTH) for tallies in (before, after))

    found = {alarm.window.name: alarm.burn for alarm in worse}
    assert all(alarm.burn <= found[alarm.window.name] for alarm in calm)
