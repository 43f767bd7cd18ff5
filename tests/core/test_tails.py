"""Tails of the beta and the beta-binomial distribution, to the digits of mpmath and of what can be done by hand."""

from __future__ import annotations

from math import asin, comb, exp, lgamma, pi, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.tails import LARGE, beta_binomial_tail, incomplete_beta


@pytest.mark.parametrize(
    ("x", "a", "b", "expected"),
    [
        (0.5, 2, 3, 11 / 16),
        (0.3, 1, 7, 1 - 0.7**7),
        (0.1, 0.5, 0.5, 2 / pi * asin(sqrt(0.1))),
        (0.01, 5, 500, 0.5674071907229316),
        (0.999, 50, 0.1, 0.22509281639047807),
        (1e-6, 0.5, 2e6, 0.9544997765968787),
        (0.02, 612.5, 30000.5, 0.5013025028645389),
    ],
)
def test_the_incomplete_beta_function_to_ten_digits(x, a, b, expected):
    assert incomplete_beta(x, a, b) == pytest.approx(expected, rel=1e-10)
    assert incomplete_beta(1 - x, b, a) == pytest.approx(1 - expected, rel=1e-6)


def test_it_is_nothing_at_zero_and_all_at_one():
    assert (incomplete_beta(0.0, 2, 3), incomplete_beta(1.0, 2, 3)) == (0.0, 1.0)


@given(st.floats(0.001, 0.999), st.floats(0.1, 1e4), st.floats(0.1, 1e4))
def test_it_stays_between_nothing_and_all(x, a, b):
    assert 0.0 <= incomplete_beta(x, a, b) <= 1.0 + 1e-12


@pytest.mark.parametrize(("a", "b"), [(0, 1), (1, -1)])
def test_parameters_that_are_none_are_refused(a, b):
    with pytest.raises(ValueError, match="two positive parameters"):
        incomplete_beta(0.5, a, b)


@pytest.mark.parametrize(
    ("k", "n", "a", "b", "expected"),
    [
        (3, 10, 1, 1, 8 / 11),
        (1, 50, 0.5, 1000.5, 0.024094118106392948),
        (2, 50, 0.5, 1000.5, 0.000847193811648661),
        (4, 50, 3.5, 296.5, 0.0067116941852954914),
        (5, 10, 0.5, 0.5, 0.5302810668945312),
        (250, 10_000, 6.7, 612, 0.004806014860974396),
    ],
)
def test_the_predictive_tail_to_nine_digits(k, n, a, b, expected):
    assert beta_binomial_tail(k, n, a, b) == pytest.approx(expected, rel=1e-9)


def test_with_a_ratio_that_is_all_but_certain_it_is_the_binomial_tail():
    exact = sum(comb(20, k) * 0.1**k * 0.9 ** (20 - k) for k in range(4, 21))

    assert beta_binomial_tail(4, 20, 0.1 * 1e7, 0.9 * 1e7) == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    ("k", "n", "a", "b", "exact"),
    [
        (250, LARGE + 1, 6.7, 612, 0.004810756908417035),
        (60, 20_000, 2.5, 2000.5, 0.040674055672417664),
        (25_000, 1_000_000, 6.7, 612, 0.003962768602838507),
    ],
)
def test_of_many_trials_it_is_near_enough_to_tell_one_in_a_thousand(k, n, a, b, exact):
    assert beta_binomial_tail(k, n, a, b) == pytest.approx(exact, rel=0.05)


@given(st.integers(1, 300), st.data(), st.floats(0.5, 50), st.floats(0.5, 5000))
def test_more_failures_are_never_more_likely(n, data, a, b):
    k = data.draw(st.integers(0, n - 1))
    here, above = beta_binomial_tail(k, n, a, b), beta_binomial_tail(k + 1, n, a, b)

    assert 0.0 <= above <= here + 1e-12 <= 1.0 + 1e-9


def test_no_failure_at_all_is_certain_and_more_than_there_were_are_refused():
    assert beta_binomial_tail(0, 10, 0.5, 100) == 1.0
    with pytest.raises(ValueError, match="11 of 10 trials"):
        beta_binomial_tail(11, 10, 1, 1)


@given(
    st.integers(0, 3_000), st.integers(1, 12_000), st.floats(0.5, 400), st.floats(0.5, 20_000), st.floats(1e-9, 1e-2)
)
def test_a_bound_stands_for_a_chance_that_need_not_be_told_and_for_no_other(k, n, a, b, told_from):
    k = min(k, n)
    exact, told = beta_binomial_tail(k, n, a, b), beta_binomial_tail(k, n, a, b, told_from)

    if exact >= told_from:
        assert told == exact
    else:
        assert exact * (1 - 1e-9) <= told < told_from


@given(st.floats(0.0001, 0.9999), st.floats(0.1, 1e4), st.floats(0.1, 1e4), st.floats(1e-9, 1e-2))
def test_the_same_of_the_incomplete_beta_function(x, a, b, told_from):
    exact, told = incomplete_beta(x, a, b), incomplete_beta(x, a, b, told_from)

    assert told == exact if exact >= told_from else exact * (1 - 1e-9) <= told < told_from


@given(st.integers(1, 100), st.integers(101, 10_000), st.floats(0.5, 40), st.floats(1, 5_000))
def test_the_few_summed_and_the_many_summed_are_one_chance(k, n, a, b):
    """P(k) is what lies between the tail of k and the tail of k + 1, from whichever side each was summed."""
    log_ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    log_ratio = lgamma(k + a) + lgamma(n - k + b) - lgamma(n + a + b) + lgamma(a + b) - lgamma(a) - lgamma(b)

    found = beta_binomial_tail(k, n, a, b) - beta_binomial_tail(k + 1, n, a, b)

    assert found == pytest.approx(exp(log_ways + log_ratio), abs=1e-9)
