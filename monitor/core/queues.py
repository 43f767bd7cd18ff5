"""Whether more waits than usually does. A queue is no latency: its neighbouring minutes hold the same work."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from monitor.core.baseline import ENOUGH, Sample
from monitor.core.shift import FEWEST, Effect, hodges_lehmann

EFFECT: Final = Effect(ratio=0.5, seconds=10.0)
"""Half as much again, and ten more that wait; `seconds` are pieces of work here."""


def queue_anomaly(recent: Sequence[float], sample: Sample, *, is_above: bool = False) -> str:
    """
    In one line, what is unusual; empty while nothing is.

    Half of the recent minutes must lie above what 99 of 100 are at this hour. A rank test would take the minutes of one
    hump for so many witnesses.

    Args:
        recent: One depth a minute; rubbish left out before.
        sample: What is normal at this hour.
        is_above: It was above before: then it is over when half of the minutes are back among 95 of 100.
    """
    limit = sample.quantile(0.95 if is_above else 0.99)
    usual = sample.median
    if limit is None or usual is None or sample.n < ENOUGH or len(recent) < FEWEST:
        return ""
    more = hodges_lehmann(recent, sample.values)
    if median(recent) <= limit or more < EFFECT.seconds or more < EFFECT.ratio * usual:
        return ""
    return f"queue depth {median(recent):.4g} against {usual:.4g} at this hour: {more:+.4g}"
