"""What Prometheus measured of a service: error rate, latency, queue depth, each against what is usual at this hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from monitor.core.baseline import Sample, Signal
from monitor.core.recovery import percent
from monitor.response.picture import chart
from monitor.response.picture.drawing import Drawing


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.1 else f"{seconds * 1000:.3g} ms"


def _pieces(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


NAMES: Final[Mapping[Signal, tuple[str, Callable[[float], str]]]] = {
    Signal.ERROR_RATIO: ("error rate", percent),
    Signal.LATENCY: ("latency", _milliseconds),
    Signal.QUEUE_DEPTH: ("queue depth", _pieces),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """
    Attributes:
        queries: Its PromQL; of the error rate the errors first, then the requests they are divided by.
        usual: What the baseline says of this hour; None without one.
        points: By seconds since the Unix epoch.
    """

    signal: Signal
    queries: tuple[str, ...]
    usual: Sample | None = None
    points: Mapping[float, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return NAMES[self.signal][0]


def ratios(errors: Mapping[float, float], requests: Mapping[float, float]) -> dict[float, float]:
    """Where there was no request there is no ratio; a counter of errors that never counted does not exist yet."""
    return {at: min(1.0, max(0.0, errors.get(at, 0.0)) / rate) for at, rate in requests.items() if rate > 0}


def described(measure: Measure) -> str:
    return chart.described(_strip(measure))


def picture_of(
    title: str, measures: tuple[Measure, ...], start: datetime, end: datetime, failed_at: datetime
) -> Drawing:
    return chart.chart(title, tuple(map(_strip, measures)), start, end, failed_at)


def _strip(measure: Measure) -> chart.Strip:
    usual = measure.usual
    return chart.Strip(
        title=measure.name,
        points=measure.points,
        median=usual.median if usual is not None else None,
        most=usual.quantile(0.99) if usual is not None else None,
        shown=NAMES[measure.signal][1],
    )
