"""
How often the whole latency rule cries wolf, and how fast it finds a shift: CUSUM onset, Mann-Whitney and effect size,
put together by the daemon's own track. No run of this chose a parameter: they were chosen in a model with other seeds,
levels and seasons, and with tails of Pareto and Laplace beside the log-normal one.

    python tests/bench/bench_latency_rule.py [--months 600] [--processes 2] [--seed 20260301] [--only tail ...]

Each month has a baseline of its own: for every hour of the week as many values as six weeks of sketches hold. Latency
is log-normal (median 120 ms, sigma 0.35 if nothing else is said) with 1 % outliers of 3 to 10 times; no season. Where
the level wanders it does so for most of an hour, and the baseline has seen that too. Alarms within 30 minutes count
once. The interval is the exact Poisson one at 95 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import exp, log
from random import Random
from statistics import median

from intervals import poisson_interval

from monitor.core.baseline import Baseline, Quality, Signal
from monitor.response.tracks import LatencyTrack

T0 = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MONTH = 30 * 1440
MEMORY = 0.98
"""Of a wandering level from one minute to the next: half of it is gone after 34."""
SHIFTS = (1.3, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class World:
    """
    Attributes:
        minutes: Between two scores.
        probes: Of which each score is the median.
        per_slot: Values that a slot of the baseline was made from.
        wander: Standard deviation of the level's logarithm.
        heavy: Share of answers that take Pareto times as long, with an index of 1.2: its mean is six, and its variance
            infinite.
    """

    minutes: int = 1
    probes: int = 1
    per_slot: int = 360
    sigma: float = 0.35
    wander: float = 0.0
    heavy: float = 0.0


WORLDS = {
    "a score a minute": World(),
    "the median of three": World(probes=3),
    "sigma 0.7": World(sigma=0.7),
    "sigma 0.1, wandering by 5 %": World(sigma=0.1, wander=0.05),
    "of two weeks": World(per_slot=120),
    "24 values in a slot": World(per_slot=24),
    "a score in five minutes, two weeks": World(minutes=5, per_slot=24),
    "a score in five minutes, six weeks": World(minutes=5, per_slot=72),
    "the median of six": World(probes=6),
    "a heavy tail": World(heavy=0.05),
    "a heavy tail, the median of three": World(heavy=0.05, probes=3),
}


def latency(world: World, random: Random) -> float:
    def one() -> float:
        value = random.lognormvariate(log(0.120), world.sigma)
        if world.heavy and random.random() < world.heavy:
            value *= random.paretovariate(1.2)
        return value * random.uniform(3, 10) if random.random() < 0.01 else value

    return one() if world.probes == 1 else median(one() for _ in range(world.probes))


def fitted(world: World, random: Random, hours: int) -> Baseline:
    def usual() -> float:
        return latency(world, random) * exp(random.gauss(0, world.wander))

    return Baseline(
        service="orders", check="ready", signal=Signal.PROBE_LATENCY, time_zone="UTC", fitted_at=T0,
        since=T0 - timedelta(weeks=6), quality=Quality.FITTED,
        slots={hour: [usual() for _ in range(world.per_slot)] for hour in range(hours)},
    )  # fmt: skip


def alarms(world: World, random: Random, minutes: int, shift: float = 1.0, since: int = 0) -> list[int]:
    """Minutes at which the track became shifted; *shift* multiplies what comes after the minute *since*."""
    track, baseline = LatencyTrack(), fitted(world, random, min(168, minutes // 60 + 1))
    level, found, last = 0.0, list[int](), -MONTH
    for minute in range(world.minutes, minutes + 1, world.minutes):
        seconds = latency(world, random)
        if world.wander:
            level = MEMORY * level + world.wander * (1 - MEMORY**2) ** 0.5 * random.gauss(0, 1)
            seconds *= exp(level)
        track.take(T0 + minute * MINUTE, seconds * (shift if minute > since else 1.0), baseline)
        if track.shift:
            if minute - last > 30:
                found.append(minute)
            last = minute
            if shift > 1 and minute > since:
                break
    return found


def false_ones(world: World, seed: int) -> int:
    return len(alarms(world, Random(seed), MONTH))


def delay(world: World, shift: float, seed: int) -> int | None:
    """Minutes from the beginning to the score that confirms it; None within eight hours, or if one was there before."""
    found = alarms(world, Random(seed), 1080, shift, 600)
    return found[0] - 600 if found and found[0] > 600 else None


def told(name: str, months: int, counts: list[int]) -> None:
    total = sum(counts)
    low, high = (bound / months for bound in poisson_interval(total))
    print(f"{name:36} {total / months:.3f} false in 30 days [{low:.3f}-{high:.3f}], {months} months", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=600, help="of the first world; the others get a sixth")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20_260_301)
    parser.add_argument("--only", nargs="*", help="parts of the worlds' names")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as pool:

        def over(count: int, number: int, function: Callable[[int], object]) -> list:
            first = options.seed + number * 1_000_000
            return list(pool.map(function, range(first, first + count), chunksize=5))

        for number, (name, world) in enumerate(WORLDS.items()):
            if options.only and not any(word in name for word in options.only):
                continue
            months = options.months if number == 0 else max(1, options.months // 6)
            told(name, months, over(months, number, partial(false_ones, world)))
            for shift in SHIFTS:
                runs = over(200, number, partial(delay, world, shift))
                found = sorted(minutes for minutes in runs if minutes is not None)
                late = f"after {median(found):.0f} min, p90 {found[int(0.9 * len(found))]}" if found else "never"
                print(f"{name:36} x{shift:g} found in {len(found)} of {len(runs)} runs, {late}", flush=True)


if __name__ == "__main__":
    main()
