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
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor, inf, isfinite, isnan, sqrt
from statistics import NormalDist, fmean, median
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
RECENT: Final = 10
"""How many of the newest scores the tests look at. More would hold the time before a young shift and dilute it."""
FEWEST: Final = 6
"""Recent values without which nothing is judged: the normal approximation of z is no better than that."""
SIGNIFICANT: Final = 3.0
"""z against the usual values that confirms a shift. 3.5 gave as many false ones, and found half as much again 3 minutes
later: the CUSUM has asked for more already."""
CLEARLY: Final = 2.0
"""
z that it takes besides, against the usual values moved by the effect size: slower by more than that, not merely slower.
Levels that wander by 5 % for most of an hour gave about eight false alarms in 30 simulated days without it (CUSUM
threshold of 7.5), and one in half a year with it.
"""
STILL: Final = 2.0
"""z from which on a shift is not over: what was hard to prove must not be dropped for a few ordinary minutes."""
AT_LEAST: Final = 0.0
"""The same against the moved values: over is what lies, by its Hodges-Lehmann shift, below the effect size."""
_NORMAL: Final = NormalDist()


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


def rank_normal(x: float, sample: Sequence[float]) -> float:
    """
    The standard normal score of the rank of *x* in the sorted *sample*: 0 at its median, about 2.3 at the 99th of 100.

    Distribution-free, so that one CUSUM threshold gives every service the same rate of false alarms. Ties count half.
    0.0, which says nothing, of an empty sample or NaN.
    """
    if not sample or isnan(x):
        return 0.0
    rank = (bisect_left(sample, x) + bisect_right(sample, x)) / 2
    return _NORMAL.inv_cdf((rank + 0.5) / (len(sample) + 1))


def ordinary_below(sample: Sequence[float], z: float) -> float:
    """
    A value below which no score (`rank_normal`) in the sorted *sample* lies above *z*, for a *z* of 0 or more.

    Most scores need no rank then. A bound and not an edge: one above it may be ordinary too.
    """
    n = len(sample)
    rank = min(n, floor(_NORMAL.cdf(z) * (n + 1) - 0.5))
    while rank >= 0 and _NORMAL.inv_cdf((rank + 0.5) / (n + 1)) > z - 1e-9:
        rank -= 1
    return inf if not n or rank == n else sample[rank] if rank >= 0 else -inf


def mann_whitney(recent: Sequence[float], sample: Sequence[float]) -> float:
    """
    z of the Mann-Whitney U test, positive when *recent* is the larger; 0.0 when nothing can be compared.

    Normal approximation with tie correction and without continuity correction: good from five values a side.
    """
    ours, theirs = tidy(recent), tidy(sample)
    n, m = len(ours), len(theirs)
    if not n or not m:
        return 0.0
    wins = sum((bisect_left(theirs, x) + bisect_right(theirs, x)) / 2 for x in ours)
    ties = sum(t**3 - t for t in Counter(ours + theirs).values())
    total = n + m
    variance = n * m / 12 * ((total + 1) - ties / (total * (total - 1)))
    return (wins - n * m / 2) / sqrt(variance) if variance > 0 else 0.0


def hodges_lehmann(recent: Sequence[float], sample: Sequence[float]) -> float:
    """How far *recent* lies above *sample*: the median of all differences, in their unit. 0.0 if either is empty."""
    ours, theirs = tidy(recent), thin(tidy(sample))
    return median(x - y for x in ours for y in theirs) if ours and theirs else 0.0


@dataclass(frozen=True, slots=True)
class Effect:
    """The smallest shift worth telling anyone: as a share of the usual median and in seconds. Both must be met."""

    ratio: float = 0.2
    seconds: float = 0.020

    def of(self, usual: float) -> float:
        """In seconds, where *usual* is the median."""
        return max(self.seconds, self.ratio * usual)


@dataclass(frozen=True, slots=True)
class Shift:
    """
    Attributes:
        confirmed: Onset, test and effect size agree.
        seconds: Hodges-Lehmann shift.
        ratio: The shift as a share of the usual median; infinite when that is zero.
        z: Of the Mann-Whitney test against the usual values.
        text: One line with numbers once there was an onset, whatever the verdict; else why nothing was compared.
    """

    confirmed: bool
    seconds: float
    ratio: float
    z: float
    text: str


_NO_ONSET: Final = Shift(False, 0.0, 0.0, 0.0, "latency shows no onset of a shift")


def latency_shift(recent: Sequence[float], sample: Sample, onset: bool, effect: Effect | None = None) -> Shift:
    """
    Whether latency has moved up: a CUSUM *onset*, a Mann-Whitney test and an effect size, all three.

    Args:
        recent: The scores since the CUSUM was last zero, in seconds, oldest first; the last `RECENT` are looked at.
            Older ones would dilute a shift that the CUSUM found within minutes.
        sample: What is normal at this hour.
    """
    if not onset:  # the usual case, every minute for every check: the test is not paid for
        return _NO_ONSET
    shift = _compare(recent[-RECENT:], sample, effect or Effect(), SIGNIFICANT, CLEARLY)
    return shift or Shift(False, 0.0, 0.0, 0.0, "latency not judged: too few values to compare")


def latency_shifted(
    recent: Sequence[float], sample: Sample, effect: Effect | None = None, run: int = RECENT
) -> bool | None:
    """
    The alarm's test reversed, for recovery: whether latency is still shifted. None when nobody can say.

    On the same scores it takes a lower z to stay shifted than to become so.

    Args:
        run: Scores since the CUSUM was last zero. Where it rises anew, only those are looked at.
    """
    looked_at = recent[-min(max(run or RECENT, FEWEST), RECENT) :]
    shift = _compare(looked_at, sample, effect or Effect(), STILL, AT_LEAST)
    return None if shift is None else shift.confirmed


def lies_above(seconds: float, sample: Sample, effect: Effect | None = None) -> bool:
    """Whether a single score is past the usual median by the effect size."""
    usual = sample.median
    return usual is not None and seconds >= usual + (effect or Effect()).of(usual)


def _compare(recent: Sequence[float], sample: Sample, effect: Effect, threshold: float, clearly: float) -> Shift | None:
    usual = sample.median
    ours = tidy(recent)
    if usual is None or len(ours) < FEWEST or sample.n < FEWEST:
        return None
    z, seconds = mann_whitney(ours, sample.values), hodges_lehmann(ours, sample.values)
    beyond = mann_whitney(ours, [value + effect.of(usual) for value in sample.values])
    ratio = seconds / usual if usual > 0 else (inf if seconds > 0 else 0.0)
    confirmed = z >= threshold and beyond >= clearly
    where = {Level.HOUR_OF_WEEK: "at this hour", Level.HOUR_OF_DAY: "at this hour of the day", Level.GLOBAL: "usually"}
    share = f"{ratio * 100:+.0f} %" if isfinite(ratio) else "from nothing"
    text = f"latency {_ms(usual + seconds)} ms against {_ms(usual)} ms {where[sample.level]}"
    return Shift(confirmed, seconds, ratio, z, f"{text}: {_ms(seconds, '+')} ms, {share}")


def error_limit(baseline_q99: float | None, error_budget: float, requests_in_window: float | None) -> float:
    """
    Up to which errors / requests a service counts as within its baseline.

    The largest of three, as the baseline of a healthy service is zero and would make a single error an anomaly: its
    99th percentile for this hour, the error budget, and one request of those in the window.
    """
    single = 1 / requests_in_window if requests_in_window is not None and requests_in_window > 0 else 0.0
    usual = baseline_q99 if baseline_q99 is not None and isfinite(baseline_q99) else 0.0
    return min(1.0, max(usual, error_budget, single))


def _ms(seconds: float, sign: str = "") -> str:
    """Milliseconds without decimals from 10 on; below that a health endpoint would read 0."""
    milliseconds = seconds * 1000
    return f"{milliseconds:{sign}.0f}" if abs(milliseconds) >= 10 else f"{milliseconds:{sign}.1f}"


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at
