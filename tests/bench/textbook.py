"""What others do with the same probes: the textbook's burn rates, and mean + 3 sigma. Instants in seconds since T0."""

from __future__ import annotations

import numpy as np
from worlds import KEY, Numbers, Past, World

from monitor.backtest.learning import Baselines

APART = 1800.0
"""Alarms no further apart than this are one."""


def burn_pages(world: World, past: Past) -> Numbers:
    """
    Burn rates over 1 h and 5 m above 14.4, or over 6 h and 30 m above 6 (SRE Workbook, table 5-8): a page.

    Ratios are of the whole window: a start without a past would page on its first failure. A burn rises with a
    failure alone, so nothing begins in between. Each failure at which they burn; `apart` gives the alarms.
    """
    slots = np.flatnonzero(past.failed)
    burns = np.zeros(len(slots), dtype=bool)
    for long, short, threshold in ((60, 5, 14.4), (360, 30, 6.0)):
        limit = threshold * (1 - world.objective)
        burns |= (_ratio(slots, long, world) > limit) & (_ratio(slots, short, world) > limit)
    return past.since[slots[burns]]


def _ratio(slots: np.ndarray, minutes: int, world: World) -> Numbers:
    """Of failures in the window that ends with each of *slots*."""
    length = int(minutes * 60 / world.interval)
    inside = np.arange(1, len(slots) + 1) - np.searchsorted(slots, slots - length + 1)
    return inside / length


def sigma_alarms(world: World, past: Past, baselines: Baselines) -> Numbers:
    """Each minute's median above mean + 3 standard deviations of the hour's usual ones."""
    baseline = baselines.get(KEY)
    if past.latency is None or baseline is None:
        return np.array([])
    limits = np.array([np.mean(values) + 3 * np.std(values) for _, values in sorted(baseline.slots.items())])
    a_minute = max(1, round(60 / world.interval))
    minutes = past.latency[: len(past.latency) // a_minute * a_minute].reshape(-1, a_minute)
    some = ~np.isnan(minutes).all(axis=1)
    since = np.arange(len(minutes))[some] * 60.0
    above = np.nanmedian(minutes[some], axis=1) > limits[(since // 3600).astype(int) % 168]
    return since[above] + 60


def apart(instants: Numbers) -> Numbers:
    """The first of each group."""
    return instants[np.diff(instants, prepend=-np.inf) > APART]
