"""Whether what is measured now lies above what is normal: scores by rank, tests of rank, and an effect size."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, inf, isfinite, isnan, sqrt
from statistics import NormalDist, median
from typing import Final

from monitor.core.baseline import Level, Sample, thin, tidy

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


def _ms(seconds: float, sign: str = "") -> str:
    """Milliseconds without decimals from 10 on; below that a health endpoint would read 0."""
    milliseconds = seconds * 1000
    return f"{milliseconds:{sign}.0f}" if abs(milliseconds) >= 10 else f"{milliseconds:{sign}.1f}"
