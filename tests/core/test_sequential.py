"""The detectors: fast on an outage, quiet on a flake, and never above their threshold."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.result import Outcome
from monitor.core.sequential import FailureCusum, RankCusum, failed_lately

OK, FAILED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN


def run(cusum: FailureCusum, probes: list[bool], s: float = 0.0) -> list[bool]:
    alarms = []
    for failed in probes:
        s = cusum.step(s, failed)
        alarms.append(cusum.alarmed(s))
    return alarms


def test_at_three_nines_a_total_outage_alarms_on_the_fourth_failure() -> None:
    cusum = FailureCusum.for_budget(0.001)
    assert run(cusum, [True] * 6) == [False, False, False, True, True, True]
    assert cusum.failures_to_alarm == 4
    assert (cusum.per_failure, cusum.per_success) == pytest.approx((2.6672, -0.013494), abs=1e-4)


@pytest.mark.parametrize(
    ("objective", "failures"), [(0.9999, 4), (0.999, 4), (0.995, 4), (0.99, 4), (0.95, 4), (0.9, 6)]
)
def test_the_number_of_failures_hangs_little_on_the_objective(objective: float, failures: int) -> None:
    assert FailureCusum.for_budget(1 - objective).failures_to_alarm == failures


def test_where_fourteen_times_the_budget_is_more_than_everything_the_middle_is_looked_for() -> None:
    assert FailureCusum.for_budget(0.001).p1 == pytest.approx(0.0144)
    assert FailureCusum.for_budget(0.1).p1 == pytest.approx(0.55)
    # The two meet where 14.4 b = (1 + b) / 2.
    assert FailureCusum.for_budget(1 / 27.8).p1 == pytest.approx(0.5180, abs=1e-4)


def test_a_single_failure_a_day_never_alarms() -> None:
    cusum, day = FailureCusum.for_budget(0.001), [True] + [False] * 1439
    assert not any(run(cusum, day * 30))


def test_a_flake_of_one_in_two_thousand_stays_quiet_for_a_month() -> None:
    rng = random.Random(20260301)
    cusum = FailureCusum.for_budget(0.001)
    assert not any(run(cusum, [rng.random() < 0.0005 for _ in range(30 * 1440)]))


def test_after_a_day_of_outage_it_calms_as_fast_as_after_a_minute() -> None:
    cusum = FailureCusum.for_budget(0.001)
    assert run(cusum, [True] * 4 + [False])[-1] == run(cusum, [True] * 1440 + [False])[-1]
    assert not run(cusum, [True] * 1440 + [False])[-1]


@given(st.floats(1e-5, 0.9), st.lists(st.booleans(), max_size=200))
def test_the_sum_stays_between_zero_and_the_threshold(budget: float, probes: list[bool]) -> None:
    cusum, s = FailureCusum.for_budget(budget), 0.0
    for failed in probes:
        before, s = s, cusum.step(s, failed)
        assert 0 <= s <= cusum.h
        assert (s >= before) if failed else (s <= before)


@given(st.lists(st.floats(-8, 8), max_size=200))
def test_the_sum_of_ranks_stays_between_zero_and_the_threshold(scores: list[float]) -> None:
    cusum, s = RankCusum(), 0.0
    for z in scores:
        s = cusum.step(s, z, 360)
        assert 0 <= s <= cusum.h


@pytest.mark.parametrize(("drawn", "minutes"), [(10**9, 6), (360, 6), (100, 7), (24, 9), (0, None)])
def test_the_fewer_values_there_are_to_rank_among_the_longer_a_shift_of_two_deviations_takes(
    drawn: int, minutes: int | None
) -> None:
    cusum, s, taken = RankCusum(), 0.0, 0
    while not cusum.alarmed(s) and taken < 1000:
        s, taken = cusum.step(s, 2.0, drawn), taken + 1
    assert (taken if taken < 1000 else None) == minutes


def test_what_is_no_more_than_the_drift_adds_nothing() -> None:
    many = 10**9

    assert RankCusum().step(0.0, 0.8, many) == 0 < RankCusum().step(0.0, 0.81, many)


def test_an_outlier_counts_for_no_more_than_what_one_in_fifty_is() -> None:
    assert RankCusum().step(1.0, 2.5, 360) == RankCusum().step(1.0, 2.0, 360) > RankCusum().step(1.0, 1.9, 360)


def test_a_score_weighs_its_own_deviation_against_that_of_ten_together() -> None:
    """Of ten scores and a median of n values: the root of 1 + 10 * pi / 2 / n, by hand."""
    assert [round(RankCusum().weight(n), 4) for n in (360, 100, 24)] == [0.9789, 0.9296, 0.7774]


@pytest.mark.parametrize(("p0", "p1"), [(0, 0.5), (0.5, 0.5), (0.5, 0.4), (0.5, 1)])
def test_ratios_that_cannot_be_told_apart_are_refused(p0: float, p1: float) -> None:
    with pytest.raises(ValueError, match="must lie above"):
        FailureCusum(p0, p1)


@pytest.mark.parametrize(
    ("scheduled", "lately"),
    [
        ([], False),
        ([FAILED], True),
        ([OK, FAILED], True),
        ([FAILED, OK], True),
        ([FAILED, OK, OK], False),
        ([FAILED, FAILED, FAILED, FAILED, OK, UNKNOWN], False),
        ([OK, FAILED, UNKNOWN], True),
    ],
)
def test_a_failure_counts_as_lately_among_the_last_two_scheduled_probes(scheduled: list[Outcome], lately: bool) -> None:
    assert failed_lately(scheduled) is lately
