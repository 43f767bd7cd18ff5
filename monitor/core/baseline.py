"""
What is normal for this hour of the week, and whether what we see now is not.

A baseline is a sample, not a mean and a deviation: latency has a long tail, and rules of mean + 3 sigma or a median and
its deviation gave 240 to 330 false alarms in 30 simulated days where ranks gave one or two. Everything here compares by
rank, so one threshold means the same for every service. An effect size stands beside every test, because with enough
samples two milliseconds are significant too.

Values may come unsorted, with NaN, infinities and negative ones among them: those are left out.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor, isfinite
from statistics import fmean
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SLOT_CAP: Final = 100
"""Values kept per slot: a quantile that anyone reads stays put, and a week of slots is 134 kB."""
ENOUGH: Final = 20
"""Values that a slot needs before it speaks for itself: two weeks of five-minute readings are 24."""
SEASON: Final = timedelta(days=14)
"""Before two weeks have passed every hour of the week was seen once, and one Monday is not what Mondays are like."""
STALE_AFTER: Final = timedelta(days=7)
"""The refresh is daily; a week without one means that nobody fits any more."""
AFTER_DEPLOY: Final = timedelta(hours=2)
"""For so long after a marked deploy nothing is normal: caches are cold, and what was wrong with it is found."""


class Signal(StrEnum):
    ERROR_RATIO = "error_ratio"  # of the traffic, 0 to 1
    LATENCY = "latency"  # of the traffic, seconds
    QUEUE_DEPTH = "queue_depth"  # of the traffic: what waits, in pieces of work
    PROBE_LATENCY = "probe_latency"  # of one check's probes, seconds: the median of each minute


class Quality(StrEnum):
    """How far a baseline may be trusted."""

    FITTED = "fitted"
    UNLABELLED = "unlabelled"  # part of its past lies before we kept a log: outlier hours were guessed, not known
    YOUNG = "young"  # less than two weeks: no hour of the week has been seen twice
    STALE = "stale"  # not refreshed for a week


class Level(StrEnum):
    HOUR_OF_WEEK = "hour of week"
    HOUR_OF_DAY = "hour of day"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class Sample:
    """
    Sorted values of one slot, and how coarse a slot it had to be.

    Attributes:
        drawn: How many values of the past these were thinned from; 0 stands for as many as there are here.
    """

    values: tuple[float, ...]
    level: Level = Level.HOUR_OF_WEEK
    drawn: int = 0
    _moments: tuple[float, float] | None = field(init=False, repr=False, compare=False, default=None)

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def known_from(self) -> int:
        """How many values of the past it speaks for."""
        return max(self.drawn, len(self.values))

    @property
    def median(self) -> float | None:
        return self.quantile(0.5)

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and variance of at least one value, summed once: an hour of readings is judged by the same sample."""
        if self._moments is None:
            mean = fmean(self.values)
            object.__setattr__(self, "_moments", (mean, fmean((value - mean) ** 2 for value in self.values)))
        assert self._moments is not None
        return self._moments

    def quantile(self, q: float) -> float | None:
        """Linear between the two nearest ranks (type 7 of Hyndman and Fan); None of an empty sample."""
        if not self.values:
            return None
        at = min(max(q, 0.0), 1.0) * (len(self.values) - 1)
        low = floor(at)
        high = min(low + 1, len(self.values) - 1)
        return self.values[low] + (at - low) * (self.values[high] - self.values[low])


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """
    What one signal of one service usually looks like.

    Attributes:
        check: The check's name, for a probe latency; empty for the signals of the traffic.
        time_zone: Name of the zone whose hours these are: people begin work at nine by their own clock.
        since: Where its past begins.
        quality: As it was fitted; ask `quality_at` for the one to show.
        slots: Hour of the week (0 is Monday 00:00 to 00:59) -> sorted values.
        drawn: The same -> how many values those were thinned from, of slots that were.
    """

    service: str
    signal: Signal
    time_zone: str
    fitted_at: datetime
    since: datetime
    quality: Quality
    slots: Mapping[int, Sequence[float]]
    check: str = ""
    drawn: Mapping[int, int] = field(default_factory=dict)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _days: dict[int, tuple[float, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _samples: dict[int, Sample] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_zone", zone_of(self.time_zone))
        # Packed: as Python floats the baselines of a hundred checks would be larger than the whole daemon.
        tidied = {hour: tidy(values) for hour, values in self.slots.items() if 0 <= hour < 168}
        drawn = {hour: max(len(values), self.drawn.get(hour, 0)) for hour, values in tidied.items()}
        object.__setattr__(self, "drawn", {hour: count for hour, count in drawn.items() if count > SLOT_CAP})
        object.__setattr__(self, "slots", {hour: array("d", thin(values)) for hour, values in tidied.items()})

    def hour(self, at: datetime) -> int:
        """The slot of *at*, by this baseline's own clock."""
        return hour_of_week(at, self._zone)

    def sample(self, at: datetime) -> Sample:
        """The finest slot that holds enough values; the whole baseline when none does, however little that is."""
        return self.of_hour(hour_of_week(at, self._zone))

    def of_hour(self, slot: int) -> Sample:
        """The same for an hour of the week, 0 to 167."""
        if (known := self._samples.get(slot)) is None:
            self._samples.clear()  # one hour at a time: they are asked for in order
            known = self._samples[slot] = self._sample(slot)
        return known

    def _sample(self, slot: int) -> Sample:
        own = self.slots.get(slot, ())
        if len(own) >= ENOUGH and self.quality is not Quality.YOUNG:
            return Sample(tuple(own), Level.HOUR_OF_WEEK, self._drawn([slot]))
        if len(day := self._pooled(slot % 24)) >= ENOUGH:
            return Sample(day, Level.HOUR_OF_DAY, self._drawn(range(slot % 24, 168, 24)))
        return Sample(self._pooled(-1), Level.GLOBAL, self._drawn(range(168)))

    def _drawn(self, hours: Iterable[int]) -> int:
        return sum(self.drawn.get(hour, len(self.slots.get(hour, ()))) for hour in hours)

    def quantile(self, at: datetime, q: float) -> float | None:
        return self.sample(at).quantile(q)

    def age(self, now: datetime) -> timedelta:
        return now - self.fitted_at

    def quality_at(self, now: datetime) -> Quality:
        return Quality.STALE if self.age(now) > STALE_AFTER else self.quality

    def _pooled(self, hour: int) -> tuple[float, ...]:
        """The seven slots of one hour of the day, or all of them for -1; pooled once and kept."""
        if hour not in self._days:
            pooled = (v for slot, values in self.slots.items() if hour in (-1, slot % 24) for v in values)
            self._days[hour] = thin(sorted(pooled))
        return self._days[hour]

    def to_json(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "check": self.check,
            "signal": str(self.signal),
            "time_zone": self.time_zone,
            "fitted_at": self.fitted_at.isoformat(),
            "since": self.since.isoformat(),
            "quality": str(self.quality),
            # Six digits are a microsecond in a second: far below what a network repeats.
            "slots": {str(hour): [float(f"{v:.6g}") for v in values] for hour, values in sorted(self.slots.items())},
            "drawn": {str(hour): count for hour, count in sorted(self.drawn.items())},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Baseline:
        """Raises ValueError naming what is wrong."""
        try:
            return cls(
                service=str(data["service"]),
                check=str(data.get("check", "")),
                signal=Signal(data["signal"]),
                time_zone=str(data["time_zone"]),
                fitted_at=_instant(data["fitted_at"]),
                since=_instant(data["since"]),
                quality=Quality(data["quality"]),
                slots={int(hour): tuple(float(v) for v in values) for hour, values in data["slots"].items()},
                drawn={int(hour): int(count) for hour, count in data.get("drawn", {}).items()},
            )
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise ValueError(f"not a baseline: {type(problem).__name__}: {problem}") from problem


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise ValueError(f"time zone {name!r} is not known here; write one like Europe/Berlin or UTC") from problem


def hour_of_week(at: datetime, zone: ZoneInfo) -> int:
    """
    0 for Monday 00:00 to 00:59 of the local clock, 167 for Sunday 23:00.

    By the local clock and not by counting hours: when summer time begins an hour of that night has no instant, when it
    ends one hour holds twice as many, and in both cases nine o'clock stays nine o'clock.
    """
    local = at.astimezone(zone)
    return local.weekday() * 24 + local.hour


def tidy(values: Iterable[float]) -> tuple[float, ...]:
    """Sorted, without NaN, infinities and negative values: none of our signals can be negative."""
    return tuple(sorted(v for v in values if isfinite(v) and v >= 0))


def thin(ordered: Sequence[float], cap: int = SLOT_CAP) -> tuple[float, ...]:
    """At most *cap* of the sorted values, one from the middle of each equal part, so that quantiles stay put."""
    if len(ordered) <= cap:
        return tuple(ordered)
    return tuple(ordered[floor((i + 0.5) * len(ordered) / cap)] for i in range(cap))


def error_limit(baseline_q99: float | None, error_budget: float, requests_in_window: float | None) -> float:
    """
    Up to which errors / requests a service counts as within its baseline.

    The largest of three, as the baseline of a healthy service is zero and would make a single error an anomaly: its
    99th percentile for this hour, the error budget, and one request of those in the window.
    """
    single = 1 / requests_in_window if requests_in_window is not None and requests_in_window > 0 else 0.0
    usual = baseline_q99 if baseline_q99 is not None and isfinite(baseline_q99) else 0.0
    return min(1.0, max(usual, error_budget, single))


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at
