"""What a service shows now, from a reading of Prometheus: mitigations are weighed and followed by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.baseline import Sample, Signal
from monitor.core.mitigations import Figures, Measure, Reading
from monitor.daemon.figures import figures_of
from monitor.sources.traffic import LatencyReading, TrafficSample

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SAMPLE = TrafficSample(
    at=T0, requests=50.0, errors=6.0, latencies=(LatencyReading(T0, 0.25),), queue_depth=1240.0
)  # fmt: skip
FLAT = {Signal.ERROR_RATIO: 0.002, Signal.LATENCY: 0.18, Signal.QUEUE_DEPTH: 310.0}


def shown(sample: TrafficSample | None, *, known: int = 20, budget: float = 0.001, late: timedelta = SECOND) -> Figures:
    def normal(signal: Signal) -> Sample | None:
        return Sample((FLAT[signal],) * known) if known else None

    return figures_of(None, sample, normal, budget, T0 + late)


def test_each_number_stands_beside_what_is_usual() -> None:
    assert shown(SAMPLE).readings == {
        Measure.ERRORS: Reading(0.12, 0.002),
        Measure.LATENCY: Reading(0.25, 0.18),
        Measure.QUEUE_DEPTH: Reading(1240.0, 310.0),
    }


@pytest.mark.parametrize(("known", "limit"), [(20, 310.0), (19, None), (0, None)])
def test_too_little_of_the_past_is_no_baseline(known: int, limit: float | None) -> None:
    assert shown(SAMPLE, known=known).readings[Measure.QUEUE_DEPTH] == Reading(1240.0, limit)


@pytest.mark.parametrize(
    ("requests", "budget", "limit"),
    [(50.0, 0.001, 0.002), (50.0, 0.05, 0.05), (1 / 3, 0.001, 0.01)],
    ids=["the baseline", "the budget", "one of a hundred"],
)
def test_errors_are_above_it_by_the_rule_of_recovery(requests: float, budget: float, limit: float) -> None:
    sample = replace(SAMPLE, requests=requests, errors=requests / 10)

    assert shown(sample, budget=budget).readings[Measure.ERRORS].limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("sample", "late", "there"),
    [
        (SAMPLE, 90 * SECOND, True),
        (SAMPLE, 91 * SECOND, False),
        (replace(SAMPLE, away="refused", away_since=T0), SECOND, False),
        (None, SECOND, False),
    ],
    ids=["fresh", "old", "away", "never read"],
)
def test_what_is_not_fresh_is_not_known(sample: TrafficSample | None, late: timedelta, there: bool) -> None:
    assert bool(shown(sample, late=late).readings) is there


def test_what_has_no_answer_is_left_out() -> None:
    sample = replace(SAMPLE, requests=None, errors=None, latency_problem="NaN", queue_depth=None)

    assert shown(sample) == Figures()
