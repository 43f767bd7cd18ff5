"""Small counts and large ones: when an error ratio past its limit is chance, and when it has no excuse."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.baseline import Sample, thin, tidy
from monitor.core.errors import SURPRISING, judge_errors, usual_failures

BUDGET = 0.001
WINDOW = timedelta(minutes=5)


def windows(ratio: float, requests: int, count: int, seed: int, spread: float = 0.0) -> list[float]:
    """Error ratios of so many windows; *spread* of the logarithm of the ratio behind each."""
    random, found = Random(seed), []
    for _ in range(count):
        p = min(1.0, ratio * random.lognormvariate(0.0, spread)) if spread else ratio
        failed = sum(random.random() < p for _ in range(requests)) if requests < 2000 else None
        if failed is None:
            failed = max(0, round(random.gauss(p * requests, (p * requests) ** 0.5)))
        found.append(failed / requests)
    return found


def sample(values: list[float]) -> Sample:
    return Sample(thin(tidy(values)))


@pytest.mark.parametrize(
    ("requests", "spread"),
    [(50, 0.0), (50, 0.5), (500, 0.3), (30_000, 0.0), (30_000, 0.5)],
    ids=["few", "few and uneven", "some", "many", "many and uneven"],
)
def test_a_healthy_service_crosses_its_limit_now_and_then_and_that_is_chance(requests, spread):
    crossed = beyond = 0
    for seed in (1, 11, 21, 31):
        normal = sample(windows(0.01, requests, 180, seed, spread))
        verdicts = [judge_errors(r, requests, normal, BUDGET) for r in windows(0.01, requests, 3000, seed + 1, spread)]
        crossed += sum(verdict.chance is not None for verdict in verdicts)
        beyond += sum(not verdict.within for verdict in verdicts)

    assert crossed > 60  # of 12,000; by the limit alone none of them would be within
    assert beyond <= crossed / 10


@pytest.mark.parametrize(
    ("errors", "requests", "within"),
    [(1, 50, True), (2, 50, False), (1, 3, True), (2, 3, False), (1, 1000, True), (2, 1000, False)],
)
def test_of_a_service_that_never_fails_one_error_is_no_anomaly_and_two_of_fifty_are(errors, requests, within):
    normal = Sample((0.0,) * 100)

    assert judge_errors(errors / requests, requests, normal, BUDGET).within is within


def test_ten_times_as_many_errors_have_no_excuse_however_large_the_service_is():
    for requests in (200, 3000, 300_000):
        normal = sample(windows(0.005, requests, 180, 3, 0.3))
        verdict = judge_errors(0.05, requests, normal, BUDGET)
        assert verdict.within is False
        assert verdict.chance < SURPRISING


def test_an_excess_that_is_older_than_a_window_has_no_excuse():
    normal = sample(windows(0.01, 50, 180, 1))
    limit = normal.quantile(0.99)
    past = limit + 0.02  # one error more

    assert judge_errors(past, 50, normal, BUDGET, crossed_for=WINDOW).within is True
    assert judge_errors(past, 50, normal, BUDGET, crossed_for=WINDOW + timedelta(seconds=1)).within is False
    assert judge_errors(limit, 50, normal, BUDGET, crossed_for=WINDOW * 9).within is True


@pytest.mark.parametrize("normal", [None, Sample(()), Sample((0.0,) * 19)], ids=["none", "empty", "nineteen values"])
def test_without_a_baseline_that_could_tell_the_limit_alone_decides(normal):
    assert judge_errors(0.02, 50, normal, BUDGET).within is True
    assert judge_errors(0.04, 50, normal, BUDGET) == judge_errors(0.04, 50, None, BUDGET)
    assert judge_errors(0.04, 50, normal, BUDGET).within is False


@given(st.lists(st.floats(0, 1), min_size=20, max_size=100), st.integers(1, 100_000), st.floats(0, 1))
def test_whatever_the_baseline_and_the_counts_there_is_a_verdict(ratios, requests, ratio):
    verdict = judge_errors(ratio, requests, sample(ratios), BUDGET)

    assert verdict.chance is None or 0.0 <= verdict.chance <= 1.0 + 1e-9
    assert all(parameter > 0 for parameter in usual_failures(sample(ratios), requests))


def test_more_errors_are_never_more_usual():
    normal = sample(windows(0.01, 500, 180, 1, 0.3))

    verdicts = [judge_errors(k / 500, 500, normal, BUDGET).within for k in range(501)]

    assert verdicts == sorted(verdicts, reverse=True)
    assert verdicts[0]
    assert not verdicts[-1]


def test_a_spread_that_counting_explains_leaves_the_ratio_as_sure_as_its_requests():
    a, b = usual_failures(sample(windows(0.01, 50, 100, 1)), 50)
    uneven_a, uneven_b = usual_failures(sample(windows(0.01, 5000, 100, 1, 0.5)), 5000)

    assert a / (a + b) == pytest.approx(0.01, rel=0.6)
    assert uneven_a / (uneven_a + uneven_b) == pytest.approx(0.0115, rel=0.6)
    assert uneven_a + uneven_b < 5000  # many requests, and still a ratio that differs from window to window
