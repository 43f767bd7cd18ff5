"""A baseline as something to draw: 168 hours with their bands, and today on them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from monitor.core.baseline import Baseline, Level, Quality, Signal, zone_of

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PIECES: Final = 48
"""Of a day, for the drawing: half an hour each."""
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

_SCALE: Final = {
    Signal.ERROR_RATIO: (100.0, "%", "error rate"),
    Signal.LATENCY: (1000.0, "ms", "latency of the traffic"),
    Signal.QUEUE_DEPTH: (1.0, "pieces", "queue depth"),
    Signal.PROBE_LATENCY: (1000.0, "ms", "latency of the probes"),
}
"""Factor and unit in which a signal is drawn, and what it is called."""

_QUALITY: Final = {
    Quality.FITTED: "fitted, incidents and deploys left out",
    Quality.UNLABELLED: "unlabelled: part of its past lies before the log of incidents; outlier hours were guessed",
    Quality.YOUNG: "young: less than two weeks, no hour of the week was seen twice",
    Quality.STALE: "stale: not refreshed for more than a week",
}


@dataclass(frozen=True, slots=True)
class Hour:
    """What is usual in one hour of the week, in the unit of the drawing."""

    low: float
    lower: float
    median: float
    upper: float
    high: float
    limit: float  # the 99th percentile


@dataclass(frozen=True, slots=True)
class Week:
    """
    Attributes:
        hours: By hour of the week; empty when the baseline holds nothing.
        today: Half hour of the week (0 to 335) -> median of what was measured in it, in the unit of the drawing.
        now: Hours since Monday 00:00 of the local clock.
        missing: Why there is nothing of today; empty when there is.
    """

    title: str
    unit: str
    facts: tuple[str, ...]
    hours: tuple[Hour, ...]
    today: dict[int, float]
    now: float
    missing: str = ""

    @property
    def day(self) -> int:
        return int(self.now // 24)

    @property
    def usual_top(self) -> float:
        """The largest usual value that is drawn: a rare slow minute shall not make a flat line of everything else."""
        limits, highs = [hour.limit for hour in self.hours], [hour.high for hour in self.hours]
        return min(max(limits), 2 * max(highs)) if any(highs) else max(limits, default=0.0) or 1.0

    @property
    def top(self) -> float:
        """The same with today on it, which may be three times as large and is cut off above."""
        return max(self.usual_top, min(max(self.today.values(), default=0.0), 3 * self.usual_top))

    def is_beyond(self, piece: int) -> bool:
        """Whether today's value of that half hour lies above what 99 of 100 are."""
        return bool(self.hours) and self.today[piece] > self.hours[piece // 2].limit


def week_of(baseline: Baseline, today: Iterable[tuple[datetime, float]], now: datetime, missing: str = "") -> Week:
    """
    Args:
        today: Instants and values as they were measured; those of other days are left out.
    """
    factor, unit, called = _SCALE[baseline.signal]
    zone = zone_of(baseline.time_zone)
    local = now.astimezone(zone)
    pieces: dict[int, list[float]] = {}
    for at, value in today:
        when = at.astimezone(zone)
        if when.date() == local.date():
            pieces.setdefault((when.weekday() * 24 + when.hour) * 2 + when.minute // 30, []).append(value * factor)
    check = f", check {baseline.check}" if baseline.check else ""
    return Week(
        title=f"{baseline.service}{check}: {called} in {unit}, {baseline.time_zone}",
        unit=unit,
        facts=facts_of(baseline, now),
        hours=_hours(baseline, factor),
        today={piece: median(values) for piece, values in sorted(pieces.items())},
        now=local.weekday() * 24 + local.hour + local.minute / 60,
        missing=missing,
    )


def _hours(baseline: Baseline, factor: float) -> tuple[Hour, ...]:
    samples = [baseline.of_hour(slot) for slot in range(168)]
    if not all(sample.n for sample in samples):
        return ()
    return tuple(Hour(*((sample.quantile(q) or 0.0) * factor for q in QUANTILES)) for sample in samples)


def facts_of(baseline: Baseline, now: datetime) -> tuple[str, ...]:
    """How far it may be trusted: its age, what it is made of, and its quality, a line each."""
    zone = zone_of(baseline.time_zone)
    levels = [baseline.of_hour(slot).level for slot in range(168)]
    own, by_day = levels.count(Level.HOUR_OF_WEEK), levels.count(Level.HOUR_OF_DAY)
    rest = [
        f"{count} by {how}" for count, how in ((by_day, "their hour of the day"), (168 - own - by_day, "all hours"))
    ]
    speak = "; ".join([f"{own} of 168 hours speak for themselves", *(text for text in rest if text[0] != "0")])
    values = sum(map(len, baseline.slots.values()))
    days = max(0, (baseline.fitted_at - baseline.since) // timedelta(days=1))
    since = baseline.since.astimezone(zone)
    return (
        f"fitted {_age(baseline.age(now))} ago from {days} days, since {since:%Y-%m-%d %H:%M}",
        f"{speak}; {values:,} values",
        f"quality: {_QUALITY[baseline.quality_at(now)]}",
    )


def _age(age: timedelta) -> str:
    hours = max(0.0, age.total_seconds()) / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def figure(value: float) -> str:
    """Three digits, so that 0.4 ms and 4,000 ms are both told."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
