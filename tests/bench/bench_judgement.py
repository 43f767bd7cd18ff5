"""
How often the rules cry wolf, and how fast they find what is wrong: the daemon's own judge over invented months, beside
the textbook's multi-window burn rates and mean + 3 sigma on the very same probes.

    python tests/bench/bench_judgement.py [--runs 200] [--processes 2] [--seed 7] [--only burst x2 ...]

A false incident is one that opens while nothing is wrong but chance. Textbook alarms within 30 minutes count once. The
intervals are Poisson's at 95 %. Latency is log-normal with a day and a week in it, and 1 % outliers. Probes in
flakes of minutes fail together, and so do their re-probes: the path is broken. An independent flake's re-probe is ok.

No run of this chose a parameter: those were chosen by a field study, with other seeds and no correlated flakes. Those
of the latency rule were chosen in a model with other seeds, levels and seasons, and with other tails beside these.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import log, pi, sin
from pathlib import Path
from random import Random
from statistics import fmean, median, pstdev

from bench_latency_rule import poisson_interval as small_interval

from checks.check import Check, HttpQuestion
from checks.result import Confirmation, Outcome
from monitor.backtest.learning import Baselines
from monitor.backtest.replay import Probe, Replay
from monitor.config.config import Config, Incidents, Monitor, Service, Slo, Tracker
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.core.severity import POLICIES, Severity

T0 = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
CHECK = "orders/ready"
MONTH = 30 * 86_400
PAGES = (Severity.SEV1, Severity.SEV2)


@dataclass(frozen=True)
class World:
    """
    What happens to one check.

    Attributes:
        flake: Share of independent failures.
        bursts: Correlated flakes in 30 days, each of one to three minutes.
        failing: Share of failures from `breaks_at` on (seconds).
        slower: Factor on latency from `breaks_at` on.
        measured: With latency; without it a month takes half as long.
    """

    interval: float = 60.0
    objective: float = 0.999
    flake: float = 0.0005
    bursts: float = 0.0
    failing: float = 0.0
    slower: float = 1.0
    breaks_at: float = float("inf")
    seconds: float = MONTH
    measured: bool = False
    open_after: float = 60.0
    sigma: float = 0.35


def usual(at: float) -> float:
    """Seconds at the median: busier by day, quieter at weekends."""
    weekend = (at // 86_400 + 3) % 7 >= 5
    return 0.120 * (1 + 0.25 * sin((at / 3600 - 9) / 24 * 2 * pi)) * (0.85 if weekend else 1.0)


def latency(random: Random, at: float, world: World) -> float:
    value = random.lognormvariate(log(usual(at)), world.sigma)
    return value * random.uniform(3, 10) if random.random() < 0.01 else value


def past(world: World, random: Random) -> Iterator[Probe]:
    bursts = sorted(
        random.uniform(0, world.seconds) for _ in range(_poisson(random, world.bursts * world.seconds / MONTH))
    )
    spells = deque((begin, begin + random.uniform(60, 180)) for begin in bursts)
    for slot in range(int(world.seconds / world.interval)):
        since = slot * world.interval
        at = T0 + since
        while spells and since >= spells[0][1]:
            spells.popleft()
        broken = since >= world.breaks_at
        outcome, confirmation = Outcome.OK, Confirmation.NONE
        if spells and since >= spells[0][0]:
            outcome, confirmation = Outcome.FAILED, Confirmation.CONFIRMED
        elif broken and random.random() < world.failing:
            outcome = Outcome.FAILED
            confirmed = random.random() < world.failing
            confirmation = Confirmation.CONFIRMED if confirmed else Confirmation.UNCONFIRMED
        elif random.random() < world.flake:
            outcome, confirmation = Outcome.FAILED, Confirmation.UNCONFIRMED
        seconds = None
        if world.measured and outcome is Outcome.OK:
            seconds = latency(random, at, world) * (world.slower if broken else 1.0)
        yield Probe(at, CHECK, outcome, confirmation, seconds)


def _poisson(random: Random, mean: float) -> int:
    count, left = 0, random.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + random.expovariate(1.0)
    return count


def config_of(world: World) -> Config:
    check = Check(
        service="orders", name="ready", question=HttpQuestion(url="http://x/"), interval=world.interval,
        timeout=min(10.0, world.interval * 0.8),
    )  # fmt: skip
    service = Service(name="orders", checks=(check,), slos=(Slo(sli="success", objective=world.objective),))
    return Config(
        monitor=Monitor(state=Path("/nowhere")), services={"orders": service}, tracker=Tracker(), contacts={},
        incidents=Incidents(open_after=timedelta(seconds=world.open_after)), policy=dict(POLICIES),
    )  # fmt: skip


def fitted(world: World, random: Random) -> Baselines:
    """As six weeks of minute medians would have given it."""
    if not world.measured:
        return Baselines(learns=False)
    key = ("orders", Signal.PROBE_LATENCY, "ready")
    a_minute = max(1, round(60 / world.interval))
    slots = {
        hour: [
            median(latency(random, T0 + hour * 3600 + random.uniform(0, 3600), world) for _ in range(a_minute))
            for _ in range(360)
        ]
        for hour in range(168)
    }
    began = datetime.fromtimestamp(T0, UTC)
    baseline = Baseline(
        service="orders", check="ready", signal=Signal.PROBE_LATENCY, time_zone="UTC", fitted_at=began,
        since=began - timedelta(weeks=6), quality=Quality.FITTED, slots=slots,
    )  # fmt: skip
    return Baselines(given={key: baseline}, learns=False)


class Textbook:
    """Burn rates over 1 h and 5 m above 14.4, or over 6 h and 30 m above 6 (SRE Workbook, table 5-8): a page."""

    def __init__(self, world: World) -> None:
        budget = 1 - world.objective
        per_minute = 60 / world.interval
        self._pairs = [
            (_Count(int(60 * per_minute)), _Count(int(5 * per_minute)), 14.4 * budget),
            (_Count(int(360 * per_minute)), _Count(int(30 * per_minute)), 6 * budget),
        ]
        self._last = -1e9
        self.alarms: list[float] = []

    def take(self, at: float, failed: bool) -> None:
        for long, short, threshold in self._pairs:
            long.add(failed)
            short.add(failed)
            if failed and long.ratio > threshold and short.ratio > threshold:
                if at - self._last > 1800:
                    self.alarms.append(at)
                self._last = at


class _Count:
    def __init__(self, length: int) -> None:
        self._length, self._kept, self._bad = length, deque[int](), 0

    def add(self, failed: bool) -> None:
        self._kept.append(failed)
        self._bad += failed
        if len(self._kept) > self._length:
            self._bad -= self._kept.popleft()

    @property
    def ratio(self) -> float:
        """Of the whole window: a start without a past would page on its first failure."""
        return self._bad / self._length


class ThreeSigma:
    """A minute's median above mean + 3 standard deviations of the hour's usual ones."""

    def __init__(self, baselines: Baselines) -> None:
        baseline = baselines.get(("orders", Signal.PROBE_LATENCY, "ready"))
        self._limits = {}
        if baseline is not None:
            self._limits = {hour: fmean(v) + 3 * pstdev(v) for hour, v in baseline.slots.items()}
        self._minute: list[float] = []
        self._begin = T0
        self._last = -1e9
        self.alarms: list[float] = []

    def take(self, at: float, seconds: float | None) -> None:
        if at >= self._begin + 60:
            if self._minute and median(self._minute) > self._limits[int((at - T0) // 3600) % 168]:
                if at - self._last > 1800:
                    self.alarms.append(at)
                self._last = at
            self._begin, self._minute = at, []
        if seconds is not None:
            self._minute.append(seconds)


@dataclass(frozen=True)
class Run:
    """Seconds since T0 at which each opened; pages are those of them that page."""

    opened: tuple[float, ...]
    pages: int
    textbook: tuple[float, ...]
    sigma: tuple[float, ...]


def run(world: World, seed: int) -> Run:
    random = Random(seed)
    baselines = fitted(world, random)
    replay = Replay(config_of(world), T0, baselines)
    book, sigma = Textbook(world), ThreeSigma(baselines)

    def watched(probes: Iterable[Probe]) -> Iterator[Probe]:
        for probe in probes:
            found = [replay.cases, book.alarms, *([sigma.alarms] if world.measured else [])]
            if probe.at - T0 > world.breaks_at and all(found):
                return  # everybody has found it
            book.take(probe.at, probe.outcome is Outcome.FAILED)
            if world.measured:
                sigma.take(probe.at, probe.latency)
            yield probe

    replay.play(watched(past(world, random)))
    incidents = [case.incident for case in replay.cases]
    return Run(
        tuple(i.opened_at.timestamp() - T0 for i in incidents if i.opened_at is not None),
        sum(i.severity in PAGES for i in incidents),
        tuple(at - T0 for at in book.alarms),
        tuple(at - T0 for at in sigma.alarms),
    )


def interval_of(count: int) -> tuple[float, float]:
    """At 95 %: exact while that can be summed, then Wilson and Hilferty's, which differs by less than a tenth."""
    if count <= 100:
        return small_interval(count)

    def bound(n: int, z: float) -> float:
        return n * (1 - 1 / (9 * n) + z / (3 * n**0.5)) ** 3

    return bound(count, -1.96), bound(count + 1, 1.96)


def rate(counts: Iterable[int], months: float) -> str:
    total = sum(counts)
    low, high = (bound / months for bound in interval_of(total))
    return f"{total / months:7.3f} [{low:.3f}-{high:.3f}]"


def quiet(name: str, world: World, runs: list[Run]) -> None:
    """False ones in 30 days and check."""
    months = len(runs) * world.seconds / MONTH
    line = f"{name:46} ours {rate((len(r.opened) for r in runs), months)}"
    line += f"  that page {rate((r.pages for r in runs), months)}"
    line += f"  textbook {rate((len(r.textbook) for r in runs), months)}"
    if world.measured:
        line += f"  mean+3s {rate((len(r.sigma) for r in runs), months)}"
    print(f"{line}  ({months:.0f} months)", flush=True)


def delay(name: str, world: World, runs: list[Run]) -> None:
    """Minutes from the break to the incident; a run in which one was open before counts for nobody."""

    def told(found: list[tuple[float, ...]]) -> str:
        after = [[at for at in alarms if at >= world.breaks_at] for alarms in found]
        minutes = sorted((a[0] - world.breaks_at) / 60 for a in after if a)
        if not minutes:
            return f"{'-':>6} (p90 {'-':>5}, found 0/{len(found)})"
        p90 = minutes[min(len(minutes) - 1, int(0.9 * len(minutes)))]
        return f"{median(minutes):6.1f} (p90 {p90:5.1f}, found {len(minutes)}/{len(found)})"

    line = f"{name:46} ours {told([r.opened for r in runs])}  textbook {told([r.textbook for r in runs])}"
    if world.measured:
        line += f"  mean+3s {told([r.sigma for r in runs])}"
    print(line, flush=True)


CADENCES = {"1 a minute": 60.0, "3 a minute": 20.0, "every 10 s": 10.0}
OBJECTIVES = (0.99, 0.995, 0.999)


def scenarios() -> Iterator[tuple[str, str, World, float]]:
    """Kind, name, world, and the share of the runs that it gets: months at 10 s are long."""
    for cadence, interval in CADENCES.items():
        share = interval / 60
        for objective in OBJECTIVES:
            world = World(interval=interval, objective=objective)
            yield (
                "flake",
                f"0.05 % flake, {objective:.1%}, {cadence}",
                world,
                share if objective == 0.999 else share / 4,
            )
    yield "flake", "0.05 % flake, 99.9 %, 1 a minute, latency too", World(measured=True), 0.5
    for cadence, interval in CADENCES.items():
        for open_after in (60.0, 180.0) if interval == 10 else (60.0,):
            world = World(interval=interval, bursts=20, open_after=open_after)
            yield "burst", f"20 flakes of 1-3 min, {cadence}, open_after {open_after:.0f} s", world, interval / 60 / 2
    for cadence, interval in CADENCES.items():
        for objective in OBJECTIVES:
            for failing in (1.0, 0.5, 0.2, 0.05):
                world = World(interval=interval, objective=objective, failing=failing)
                yield "outage", f"{failing:.0%} fail, {objective:.1%}, {cadence}", _broken(world, 8), 0.25
    for cadence, interval in CADENCES.items():
        for slower in (1.3, 1.5, 2.0, 3.0):
            world = World(interval=interval, slower=slower, measured=True)
            yield "slower", f"x{slower:g}, {cadence}", _broken(world, 4), 0.25
    yield (
        "slower",
        "x1.5 for good, as a deploy does, sigma 0.1",
        _broken(World(slower=1.5, measured=True, sigma=0.1), 48),
        0.25,
    )


def _broken(world: World, hours: float) -> World:
    """After seven quiet hours, which fill the long windows."""
    return replace(world, breaks_at=7 * 3600.0 + 13, seconds=7 * 3600 + hours * 3600)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="months of one check, one probe a minute (default 200)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="*", help="flake, burst, outage, slower, or a part of a scenario's name")
    options = parser.parse_args()
    print("false incidents in 30 days and check, then minutes from a break to the incident", flush=True)
    with ProcessPoolExecutor(options.processes) as pool:
        for number, (kind, name, world, share) in enumerate(scenarios()):
            if options.only and not any(word == kind or word in name for word in options.only):
                continue
            seeds = range(
                number * 1_000_000 + options.seed, number * 1_000_000 + options.seed + max(4, int(options.runs * share))
            )
            runs = list(pool.map(partial(run, world), seeds, chunksize=4))
            (quiet if kind in ("flake", "burst") else delay)(name, world, runs)


if __name__ == "__main__":
    main()
