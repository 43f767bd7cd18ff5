"""
How often the alarm of slow leaks cries wolf, and how fast it finds one: next to the same windows without a proof.

Each run is 30 days of one check at an objective of 99.9 % over 30 days, with independent failures, and with correlated
ones: eight times in 30 days everything fails for one to three minutes, beside 0.02 % that fail alone. An alarm counts
again when its pair had stopped burning. The interval is the exact Poisson one at 95 %. A leak begins at any hour.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from intervals import poisson_interval

from monitor.core.leak import SLOW_WINDOWS, leak
from monitor.core.sli import Tally
from monitor.core.slo import BURN_WINDOWS, BurnWindow, Objective, burn_rate

DAYS = 30
MINUTES = DAYS * 1440
WARM = 3 * 1440
"""Clean minutes before, so that every window is full."""
OBJECTIVE, MONTH = Objective(0.999), timedelta(days=30)
Minutes = NDArray[np.int64]


class Past:
    """Failures by the minute, and how many lie in a window: as the daemon counts, in whole hours beyond six hours."""

    def __init__(self, bad: Minutes, per_minute: int) -> None:
        self.bad = bad
        self.per_minute = per_minute
        self.sums = np.concatenate([[0], np.cumsum(bad)])

    def tally(self, minute: int, width: timedelta) -> Tally:
        """Of the window that ends with *minute*, which is counted whole."""
        end = minute + 1
        start = end - int(width.total_seconds() // 60)
        if width > timedelta(hours=6):
            start = start // 60 * 60
        start = max(0, start)
        bad = int(self.sums[end] - self.sums[start])
        return Tally(good=(end - start) * self.per_minute - bad, bad=bad)


class Seen:
    """A past, at one minute."""

    def __init__(self, past: Past, at: int) -> None:
        self.past, self.at = past, at

    def tally(self, width: timedelta) -> Tally:
        return self.past.tally(self.at, width)

    def scheduled(self, width: timedelta) -> int:
        return self.tally(width).total

    def bad_cells(self, width: timedelta) -> list[int]:
        end, length = self.at + 1, int(width.total_seconds() // 60)
        if width <= timedelta(hours=6):
            return [int(bad) for bad in self.past.bad[max(0, end - length) : end] if bad]
        edges = range(max(0, (end - length) // 60 * 60), end, 60)
        hours = [int(self.past.sums[min(begin + 60, end)] - self.past.sums[begin]) for begin in edges]
        return [bad for bad in hours if bad]


Rule = Callable[[Past, int], bool]


def proven(windows: tuple[BurnWindow, ...]) -> Rule:
    return lambda past, at: leak(Seen(past, at), OBJECTIVE, MONTH, windows) is not None


def textbook(windows: tuple[BurnWindow, ...]) -> Rule:
    def burns(past: Past, at: int) -> bool:
        for window in windows:
            limit = window.threshold(MONTH)
            if all((burn_rate(past.tally(at, width), OBJECTIVE) or 0) > limit for width in (window.short, window.long)):
                return True
        return False

    return burns


RULES: dict[str, Rule] = {
    "proven, slow pairs (success)": proven(SLOW_WINDOWS),
    "proven, all pairs (latency)": proven(BURN_WINDOWS),
    "the same slow pairs, unproven": textbook(SLOW_WINDOWS),
    "all four pairs, unproven": textbook(BURN_WINDOWS),
}


def alarms(past: Past, rule: Rule) -> int:
    """A window's burn rises with a failure alone, so nothing begins in between."""
    return sum(
        1 for at in np.flatnonzero(past.bad) if at >= WARM and rule(past, int(at)) and not rule(past, int(at) - 1)
    )


def flakes(rng: np.random.Generator, per_minute: int, ratio: float, episodes: float) -> Past:
    bad = rng.binomial(per_minute, ratio, WARM + MINUTES)
    for _ in range(rng.poisson(episodes)):
        at = int(rng.integers(WARM, WARM + MINUTES - 3))
        bad[at : at + int(rng.integers(1, 4))] = per_minute
    return Past(bad, per_minute)


def found_after(rng: np.random.Generator, per_minute: int, ratio: float, rule: Rule) -> float | None:
    """Hours from the begin of a leak."""
    bad = np.concatenate([np.zeros(WARM, int), rng.binomial(per_minute, ratio, MINUTES)])
    past = Past(bad, per_minute)
    return next(((int(at) - WARM) / 60 for at in np.flatnonzero(past.bad) if rule(past, int(at))), None)


def main(runs: int) -> None:
    kinds = [("0.05 % alone", 0.0005, 0.0), ("0.1 % alone", 0.001, 0.0), ("0.02 % alone, 8 of 1-3 min", 0.0002, 8.0)]
    print(f"alarms in 30 days and check, {runs} runs (95 %)")
    for number, (kind, ratio, episodes) in enumerate(kinds):
        for per_minute in (1, 3, 6):
            rng = np.random.default_rng([2026, number, per_minute])
            pasts = [flakes(rng, per_minute, ratio, episodes) for _ in range(runs)]
            for name, rule in RULES.items():
                count = sum(alarms(past, rule) for past in pasts)
                low, high = poisson_interval(count)
                print(
                    f"  {kind:28} {per_minute}/min  {name:30} {count / runs:7.3f} ({low / runs:.3f}-{high / runs:.3f})"
                )
    print(f"a leak is found after hours: median, p90 of {runs} runs; not within 30 days")
    for ratio in (0.0015, 0.002, 0.003, 0.005, 0.01):
        for per_minute in (1, 6):
            rng = np.random.default_rng([2027, round(ratio * 1e4), per_minute])
            hours = [found_after(rng, per_minute, ratio, RULES["proven, slow pairs (success)"]) for _ in range(runs)]
            known = [one for one in hours if one is not None]
            if len(known) < 2:
                print(f"  {ratio:.2%} {per_minute}/min  hardly ever")
                continue
            p90 = quantiles(known, n=10)[-1]
            print(f"  {ratio:.2%} {per_minute}/min  {median(known):6.1f}  {p90:6.1f}  {runs - len(known)} not")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
