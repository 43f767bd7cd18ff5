"""The lower bound of an error ratio: known values, and the failures that it takes to prove a fast burn."""

from __future__ import annotations

from math import pi, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.proof import beta_cdf, dispersion, is_above, lower_bound


@pytest.mark.parametrize(
    ("x", "a", "b", "value"),
    [
        (0.3, 1, 1, 0.3),
        (0.5, 0.5, 0.5, 0.5),
        (0.25, 0.5, 0.5, 1 / 3),  # the arcsine law: 2/pi * asin(sqrt(x))
        (0.2, 2, 3, 0.1808),  # 6x^2 - 8x^3 + 3x^4
        (0.2, 1, 5, 1 - 0.8**5),
        (0.9, 3, 1, 0.729),
        (0.5, 10, 10, 0.5),
        (0.0, 2, 3, 0.0),
        (1.0, 2, 3, 1.0),
    ],
)
def test_the_beta_distribution_has_the_values_of_its_closed_forms(x: float, a: float, b: float, value: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(value, rel=1e-9, abs=1e-12)


@given(st.floats(0.001, 0.999), st.floats(0.5, 2000), st.floats(0.5, 2000))
def test_both_tails_add_up(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) + beta_cdf(1 - x, b, a) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("budget", "per_hour", "at_95", "at_99"),
    [
        (0.001, 60, 3, 4),
        (0.001, 180, 6, 7),
        (0.001, 360, 10, 12),
        (0.005, 60, 8, 10),
        (0.01, 60, 14, 16),
    ],
)
def test_so_many_failures_prove_in_an_hour_that_the_budget_burns_14_4_times_too_fast(
    budget: float, per_hour: int, at_95: int, at_99: int
) -> None:
    def fewest(confidence: float) -> int:
        return next(bad for bad in range(per_hour) if is_above(bad, per_hour, 14.4 * budget, confidence))

    assert (fewest(0.95), fewest(0.99)) == (at_95, at_99)


def test_one_failure_in_an_hour_proves_nothing_that_would_wake_anybody() -> None:
    assert not is_above(1, 60, 0.0144)
    assert lower_bound(1, 60) < 0.002


def test_without_results_or_errors_nothing_is_proven() -> None:
    assert (lower_bound(0, 0), lower_bound(0, 1000), is_above(0, 0, 0.001)) == (0.0, 0.0, False)


@given(st.integers(1, 300), st.integers(0, 3000), st.floats(0.9, 0.999))
def test_the_bound_lies_below_what_was_seen_and_above_it_nothing_is_proven(bad: int, good: int, sure: float) -> None:
    total = bad + good
    bound = lower_bound(bad, total, sure)
    assert 0 <= bound <= bad / total
    assert not is_above(bad, total, min(1.0, bound + 1e-6), sure)
    assert lower_bound(bad + 1, total + 1, sure) >= bound, "one more failure never proves less"
    # The normal approximation is close where there is much: a check from another side.
    if bad > 100 and good > 1000:
        ratio = bad / total
        assert bound == pytest.approx(ratio, abs=4 * sqrt(ratio * (1 - ratio) / total) + 1 / total)


def test_the_arcsine_law_itself() -> None:
    assert beta_cdf(0.5 - 0.5 / sqrt(2), 0.5, 0.5) == pytest.approx(2 / pi * 0.39269908169872414)


@pytest.mark.parametrize(
    ("bad", "cells", "found"),
    [
        ([], 72, 1.0),
        ([], 0, 1.0),
        ([1] * 10, 72, 1.0),  # one at a time: as independent as can be, and no less
        ([18, 18, 18], 72, 18 - 54 / 72),  # three flakes of eighteen probes
        ([60], 60, 59.0),
    ],
)
def test_errors_that_come_in_clumps_are_weighed_by_the_clump(bad: list[int], cells: int, found: float) -> None:
    assert dispersion(bad, cells) == pytest.approx(found)


def test_a_flake_of_three_minutes_at_ten_seconds_proves_no_more_than_three_failures() -> None:
    clumps = dispersion([6, 6, 6], 60)

    assert is_above(18, 360, 0.0144), "eighteen that were independent would"
    assert not is_above(18 / clumps, 360 / clumps, 0.0144)


def test_more_than_a_thousand_errors_prove_as_much_as_a_thousand_of_as_many_times_fewer() -> None:
    for bad, total in ((1001.0, 1e6), (1e6, 1e9), (5e7, 1e8)):
        assert lower_bound(bad, total) == pytest.approx(lower_bound(1000, 1000 * total / bad))
        assert 0.92 * bad / total < lower_bound(bad, total) < bad / total
        assert is_above(bad, total, 0.92 * bad / total)
        assert not is_above(bad, total, bad / total)


def test_a_thousand_errors_are_proven_as_the_normal_distribution_says() -> None:
    """Of a Poisson count of 1000 the 1 % quantile lies 2.326 times its root below."""
    assert lower_bound(1000, 1e7) * 1e7 == pytest.approx(1000 - 2.326 * 1000**0.5, rel=0.005)
