"""What a service shows now, and what is usual at this hour: mitigations are weighed and followed by these numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from monitor.core.baseline import ENOUGH, Sample, Signal, error_limit
from monitor.core.mitigations import Figures, Measure, Reading
from monitor.response.service_watch import ServiceWatch
from monitor.sources.traffic import FRESH_FOR, TrafficSample

USUAL = 0.99
"""Up to this quantile of its hour a number is usual."""


def figures_of(
    watch: ServiceWatch | None,
    sample: TrafficSample | None,
    normal: Callable[[Signal], Sample | None],
    budget: float,
    now: datetime,
) -> Figures:
    """
    Args:
        normal: What one of its signals is at this hour.
        budget: Errors that its objective allows, as a ratio: as many are never unusual.
    """
    readings = {}
    if sample is not None and not sample.away and now - sample.at <= FRESH_FOR:
        readings = {measure: Reading(value, limit) for measure, value, limit in _read(sample, normal, budget)}
    if watch is None:
        return Figures(readings=readings)
    return Figures(failing=len(watch.failing()), checks=len(watch.checks), readings=readings)


def _read(
    sample: TrafficSample, normal: Callable[[Signal], Sample | None], budget: float
) -> Iterator[tuple[Measure, float, float | None]]:
    if (ratio := sample.error_ratio) is not None:
        usual = _limit(normal(Signal.ERROR_RATIO))
        requests = sample.requests_in_window or 0.0
        yield Measure.ERRORS, ratio, None if usual is None else error_limit(usual, budget, requests)
    if sample.latency is not None and not sample.latency_problem:
        yield Measure.LATENCY, sample.latency, _limit(normal(Signal.LATENCY))
    if sample.queue_depth is not None:
        yield Measure.QUEUE_DEPTH, sample.queue_depth, _limit(normal(Signal.QUEUE_DEPTH))


def _limit(sample: Sample | None) -> float | None:
    """None where too little is known: the first minutes of a new service would be all that is usual."""
    return sample.quantile(USUAL) if sample is not None and sample.known_from >= ENOUGH else None
