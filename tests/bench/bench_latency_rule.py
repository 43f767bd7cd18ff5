"""
How often the whole latency rule cries wolf, and how fast it finds a shift: CUSUM onset, Mann-Whitney and effect size.

Each run draws a baseline and a day of its own: log-normal latency (median 120 ms, sigma 0.35) with 1 % outliers of 3 to
10 times, one score a minute from four weeks of minutes, or one every five minutes from two weeks of those. Alarms
within 30 minutes count once. The interval is the exact Poisson one at 95 %.
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from math import exp, log
from random import Random
from statistics import median

from monitor.core.baseline import RECENT, Sample, latency_shift, rank_normal, thin, tidy
from monitor.core.sequential import RankCusum

RUNS = 400
CUSUM = RankCusum()


@dataclass(frozen=True)
class Cadence:
    name: str
    minutes: int
    per_slot: int


CADENCES = (Cadence("a score a minute", 1, 240), Cadence("a score in five minutes", 5, 24))


def latency(random: Random) -> float:
    value = random.lognormvariate(log(0.120), 0.35)
    return value * random.uniform(3, 10) if random.random() < 0.01 else value


def day(cadence: Cadence, random: Random, shift: float) -> tuple[list[int], list[int]]:
    """Minutes of the onsets, and of the confirmed shifts; *shift* multiplies the whole day, not the time before."""
    slots = [Sample(thin(tidy(latency(random) for _ in range(cadence.per_slot)))) for _ in range(24)]
    # What came before is in the window of the test too, and dilutes a young shift.
    s, recent = 0.0, deque((latency(random) for _ in range(RECENT)), maxlen=RECENT)
    onsets: list[int] = []
    confirmed: list[int] = []
    for minute in range(cadence.minutes, 1441, cadence.minutes):
        sample = slots[(minute - 1) // 60]
        recent.append(latency(random) * shift)
        s = CUSUM.step(s, rank_normal(recent[-1], sample.values))
        if CUSUM.alarmed(s):
            onsets.append(minute)
            if latency_shift(list(recent), sample, True).confirmed:
                confirmed.append(minute)
                if shift > 1:
                    break
    return onsets, confirmed


def episodes(minutes: list[int]) -> int:
    return sum(1 for before, at in zip([-1000, *minutes], minutes, strict=False) if at - before > 30)


def poisson_interval(count: int) -> tuple[float, float]:
    """Exact, at 95 %, by bisection on the Poisson tail."""

    def at_most(k: int, mean: float) -> float:
        term = total = exp(-mean)
        for i in range(1, k + 1):
            term *= mean / i
            total += term
        return total

    def solve(k: int, tail: float) -> float:
        low, high = 0.0, 10.0 * (count + 5)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(k, middle) > tail else (low, middle)
        return low

    return (solve(count - 1, 0.975) if count else 0.0), solve(count, 0.025)


def main() -> None:
    for cadence in CADENCES:
        random = Random(20_260_301)
        days = [day(cadence, random, 1.0) for _ in range(RUNS)]
        for what, count in (
            ("CUSUM alone", sum(episodes(onsets) for onsets, _ in days)),
            ("whole rule", sum(episodes(confirmed) for _, confirmed in days)),
        ):
            low, high = (bound * 30 / RUNS for bound in poisson_interval(count))
            month = count * 30 / RUNS
            print(f"{cadence.name}, {what}: {month:.2f} false in 30 days [{low:.2f}-{high:.2f}], {RUNS} days")
        for shift in (1.3, 1.5, 2.0, 3.0):
            found = sorted(c[0] for _, c in (day(cadence, random, shift) for _ in range(100)) if c)
            p90 = f"{found[int(0.9 * len(found))]}" if found else "-"
            middle = f"{median(found):.0f}" if found else "-"
            print(f"{cadence.name}, x{shift:g}: found {len(found)} of 100 days, after {middle} min (p90 {p90})")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
