"""
What a whole installation is told for nothing in 30 days: 100 services of five checks each, all of them critical, so
that as much pages as can.

    python tests/bench/bench_installation.py [--runs 200 | --quick] [--processes 2] [--seed 20261124]

Every probe fails with 0.05 %, independently; its re-probe is ok. Failures are judged by the daemon's own judge, each
service with its five checks; slow leaks as bench_leak.py counts them, each service's checks together; latency is what
the latency rule says of four times as many checks as there are runs (bench_latency_rule.py), times 500, as if no two
of them were ever told in one incident. Intervals are at 95 %; that of the sum adds the bounds of its parts, and is too
wide.

Then what is opened when all 500 checks fail for one to three minutes together, with and without references that fail
as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from heapq import merge
from time import process_time

import bench_latency_rule
import bench_leak
import numpy as np
from bench_judgement import QUICK, SEED, alarming, around, instant
from intervals import poisson_interval
from textbook import apart, burn_pages
from worlds import NEVER, T0, Past, World, config_of, invent

from checks.check import Check, HttpQuestion
from monitor.backtest.learning import Baselines
from monitor.backtest.replay import Probe, Replay
from monitor.config import Config
from monitor.core.leak import SLOW_WINDOWS
from monitor.core.severity import Severity

SERVICES, CHECKS = 100, 5
CADENCES = {"1 a minute": 60.0, "3 a minute": 20.0}
BREAK = 40 * 60.0
AFTER_BREAK = 75 * 60.0
"""Until what opened is resolved and can reopen no more."""


@dataclass(frozen=True)
class Month:
    """Of failures alone. `textbook` pages per check, `together` where each service's checks are counted as one."""

    opened: int
    pages: int
    leaks: int
    textbook: int
    together: int
    cost: float


def month(world: World, seed: Sequence[int]) -> Month:
    began, rng = process_time(), np.random.default_rng(seed)
    opened, leaks, textbook, together = list[Severity](), 0, 0, 0
    for _ in range(SERVICES):
        pasts = [invent(world, rng) for _ in range(CHECKS)]
        slots = sorted(slot for past in pasts for slot in alarming(world, past))
        for first, last in around(world, slots, len(pasts[0].since)):
            replay = Replay(
                installation(world, 1), T0 + float(pasts[0].since[first]), Baselines(learns=False), leaks=False
            )
            replay.play(merge(*probes(world, {"service-0": pasts}, first, last), key=lambda probe: probe.at))
            opened += [case.incident.severity or Severity.SEV4 for case in replay.cases]
        leaks += leaks_of(world, pasts)
        textbook += sum(len(apart(burn_pages(world, past))) for past in pasts)
        together += len(apart(burn_pages(replace(world, interval=world.interval / CHECKS), interleaved(pasts))))
    pages = sum(severity <= Severity.SEV2 for severity in opened)
    return Month(len(opened), pages, leaks, textbook, together, process_time() - began)


def probes(world: World, pasts: dict[str, list[Past]], first: int, last: int) -> Iterator[Iterator[Probe]]:
    """Of each check, its slots spread over the interval as the timetable spreads them."""
    count = sum(map(len, pasts.values()))
    checks = [(f"{service}/check-{i}", past) for service, its in pasts.items() for i, past in enumerate(its)]
    for place, (check, past) in enumerate(checks):
        yield shifted(past.probes(first, last), check, place * world.interval / count)


def shifted(probes: Iterable[Probe], check: str, by: float) -> Iterator[Probe]:
    return (probe._replace(at=probe.at + by, check=check) for probe in probes)


def interleaved(pasts: list[Past]) -> Past:
    """The results of a service's checks as one stream."""
    failed = np.stack([past.failed for past in pasts], axis=1).reshape(-1)
    none = np.zeros(0, dtype=bool)
    step = pasts[0].since[1] / len(pasts)
    return Past(np.arange(len(failed)) * step, failed, none, none, None, (), NEVER)


def leaks_of(world: World, pasts: list[Past]) -> int:
    a_minute = int(60 / world.interval)
    bad = sum(past.failed.reshape(-1, a_minute).sum(axis=1) for past in pasts)
    minutes = bench_leak.Past(np.concatenate([np.zeros(bench_leak.WARM, int), bad]), a_minute * CHECKS)
    if not any(may_burn(minutes, window.long, window.threshold(bench_leak.MONTH)) for window in SLOW_WINDOWS):
        return 0
    return bench_leak.alarms(minutes, bench_leak.proven(SLOW_WINDOWS))


def may_burn(past: bench_leak.Past, width: timedelta, threshold: float) -> bool:
    """Whether the window, with the hour that its start may reach back, ever holds as many as its threshold asks."""
    length = round(width.total_seconds() / 60)
    most = (past.sums[length + 60 :] - past.sums[: -length - 60]).max()
    return bool(most > threshold * bench_leak.OBJECTIVE.error_budget * length * past.per_minute)


def installation(world: World, services: int) -> Config:
    one = config_of(world)
    [orders] = one.services.values()

    def checks(name: str) -> tuple[Check, ...]:
        timeout = orders.checks[0].timeout
        question = HttpQuestion(url="http://x/")
        return tuple(
            Check(service=name, name=f"check-{i}", question=question, interval=world.interval, timeout=timeout)
            for i in range(CHECKS)
        )

    names = [f"service-{number}" for number in range(services)]
    return one.model_copy(
        update={"services": {n: orders.model_copy(update={"name": n, "checks": checks(n)}) for n in names}}
    )


@dataclass(frozen=True)
class Break:
    opened: int
    pages: int
    cost: float


def broken_path(world: World, seed: Sequence[int]) -> Break:
    """Everything fails together once."""
    began, rng = process_time(), np.random.default_rng(seed)
    calm = invent(replace(world, flake=0.0, seconds=BREAK + AFTER_BREAK), rng)
    begin, length = BREAK + rng.uniform(0, world.interval), rng.uniform(60, 180)
    count = SERVICES * CHECKS

    def past(place: int) -> Past:
        at = calm.since + place * world.interval / count
        failed = (at >= begin) & (at < begin + length)
        return replace(calm, failed=failed, confirmed=failed, unknown=failed & world.excused)

    pasts = {f"service-{s}": [past(s * CHECKS + i) for i in range(CHECKS)] for s in range(SERVICES)}
    replay = Replay(installation(world, SERVICES), T0, Baselines(learns=False), leaks=False)
    replay.play(merge(*probes(world, pasts, 0, len(calm.since) - 1), key=lambda probe: probe.at))
    assert all(instant(case.incident.opened_at) > begin for case in replay.cases)
    pages = sum((case.incident.severity or Severity.SEV4) <= Severity.SEV2 for case in replay.cases)
    return Break(len(replay.cases), pages, process_time() - began)


def rate(total: int, of: float, times: float = 1.0) -> str:
    low, high = (bound / of * times for bound in poisson_interval(total))
    return f"{total / of * times:9.3f} [{low:.3f}-{high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} runs: enough to see that it works, no more")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    runs = QUICK if options.quick else options.runs
    if runs < 100:
        print(f"only {runs} runs: read the intervals, not the rates", flush=True)
    with ProcessPoolExecutor(options.processes) as pool:

        def over(function: partial, row: int, count: int) -> list:
            return list(pool.map(function, [(options.seed, row, number) for number in range(count)]))

        shifts = over(partial(latency_month), 0, 4 * runs)
        false_shifts = sum(count for count, _ in shifts)
        print(f"{SERVICES} services, {SERVICES * CHECKS} checks, told for nothing in 30 days; {runs} runs", flush=True)
        print(f"latency, one check x {SERVICES * CHECKS:3}       {rate(false_shifts, len(shifts), SERVICES * CHECKS)}"
              f"  ({sum(cost for _, cost in shifts):.0f} s of CPU)", flush=True)  # fmt: skip
        for row, (cadence, interval) in enumerate(CADENCES.items(), 1):
            months: list[Month] = over(partial(month, World(interval=interval)), row, runs)
            told_of(cadence, months, false_shifts, len(shifts))
        for row, (cadence, interval) in enumerate(CADENCES.items(), 10):
            for excused in (False, True):
                world = World(interval=interval, excused=excused)
                breaks: list[Break] = over(partial(broken_path, world), row, max(6, runs // 10))
                told_of_break(f"{cadence}{', references too' if excused else ''}", breaks)


def latency_month(seed: Sequence[int]) -> tuple[int, float]:
    began = process_time()
    first, _, number = seed
    # Far from that bench's own seeds: a million of them are one world's.
    count = bench_latency_rule.false_ones(bench_latency_rule.World(), first * 1000 + number)
    return count, process_time() - began


def told_of(cadence: str, months: list[Month], false_shifts: int, of_checks: int) -> None:
    runs, checks = len(months), SERVICES * CHECKS
    parts = {
        "failures": rate(opened := sum(m.opened for m in months), runs),
        "of them page": rate(sum(m.pages for m in months), runs),
        "leaks, SEV4": rate(leaks := sum(m.leaks for m in months), runs),
    }
    bounds = [poisson_interval(n) for n in (opened, leaks, false_shifts)]
    shares = (1 / runs, 1 / runs, checks / of_checks)
    low, high = (sum(b[i] * share for b, share in zip(bounds, shares, strict=True)) for i in (0, 1))
    every = sum(n * share for n, share in zip((opened, leaks, false_shifts), shares, strict=True))
    parts["with latency, in all"] = f"{every:9.3f} [{low:.3f}-{high:.3f}]"
    parts["textbook pages, of checks"] = rate(sum(m.textbook for m in months), runs)
    parts["textbook pages, of services"] = rate(sum(m.together for m in months), runs)
    for what, text in parts.items():
        print(f"{cadence:12} {what:28} {text}", flush=True)
    print(f"{cadence:12} {sum(m.cost for m in months):.0f} s of CPU", flush=True)


def told_of_break(name: str, breaks: list[Break]) -> None:
    opened, pages = (
        rate(sum(numbers), len(breaks)) for numbers in zip(*((b.opened, b.pages) for b in breaks), strict=True)
    )
    cost = f"({len(breaks)} breaks, {sum(b.cost for b in breaks):.0f} s of CPU)"
    print(f"all fail for 1-3 min, {name:28} opened each time {opened}  page {pages}  {cost}", flush=True)


if __name__ == "__main__":
    main()
