"""
How often the rules cry wolf, and how fast they find what is wrong: the daemon's own judge over invented months, beside
the textbook's multi-window burn rates and mean + 3 sigma on the very same probes.

    python tests/bench/bench_judgement.py [--runs 200 | --quick] [--processes 2] [--seed 20261124] [--only burst x2 ...]

A false incident is one that opens while nothing is wrong but chance. What pages depends on how critical the service is:
here it is critical, where every failing check pages, and beside it stands what would page were it of high criticality.
Of medium (the default) or low criticality nothing pages but a declared loss of data. Alarms of the others within 30
minutes count once; leaks are incidents too, of a SEV4. Intervals are at 95 %: Poisson's of a count, Wilson's of a
share.

A flake that lasts as long as the promise of detection (`World.promised`) must be found: how many of them there were is
told, since no rule that keeps the promise opens fewer.

Seeds are not those of any trial that chose a parameter. But the rule of trouble that is over was chosen with correlated
flakes like these, so of it the figures are no independent proof. Those of the latency rule were chosen in a model with
other seeds, levels and seasons, and with other tails beside these.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from statistics import median
from time import process_time
from zlib import crc32

import bench_leak
import numpy as np
from intervals import poisson_interval, wilson_interval
from textbook import apart, burn_pages, sigma_alarms
from worlds import MONTH, NEVER, T0, Numbers, Past, World, config_of, fitted, invent

from monitor.backtest.learning import Baselines
from monitor.backtest.replay import Probe, Reading, Replay
from monitor.core.leak import SLOW_WINDOWS
from monitor.core.sequential import FailureCusum, Trouble
from monitor.core.severity import Severity
from monitor.core.slo import Objective

SEED = 20_261_124
QUICK = 12
BEFORE, AFTER = 7 * 3600.0, 2 * 3600.0


@dataclass(frozen=True)
class Run:
    """
    What one past came to; instants in seconds since T0.

    Attributes:
        pages: Incidents of ours that page when the service is critical, and when it is high.
        leaks: Incidents of ours about a slow leak.
        owed: Correlated flakes that last as long as the promise of detection.
        textbook, sigma: How many alarms, and the first of them after the break.
        cost: CPU seconds.
    """

    breaks_at: float
    opened: tuple[float, ...]
    pages: tuple[int, int]
    leaks: int
    owed: int
    textbook: tuple[int, float]
    sigma: tuple[int, float]
    cost: float


def run(world: World, seed: Sequence[int]) -> Run:
    began = process_time()
    rng = np.random.default_rng(seed)
    baselines = fitted(world, rng)
    past = invent(world, rng)
    opened: list[tuple[float, Severity]] = []
    for first, last in stretches(world, past):
        opened += played(world, past, baselines, first, last)
    return Run(
        past.breaks_at,
        tuple(at for at, _ in opened),
        (sum(s <= Severity.SEV2 for _, s in opened), sum(s == Severity.SEV1 for _, s in opened)),
        leaks(world, past),
        sum(length >= world.promised for _, length in past.bursts),
        of_others(burn_pages(world, past), past.breaks_at),
        of_others(sigma_alarms(world, past, baselines), past.breaks_at),
        process_time() - began,
    )


def of_others(instants: Numbers, breaks_at: float) -> tuple[int, float]:
    """What rings when it breaks may have rung before: that is no second alarm, and it is found all the same."""
    return len(apart(instants)), first_after(instants.tolist(), breaks_at)


def first_after(instants: Iterable[float], breaks_at: float) -> float:
    return min((at for at in instants if at >= breaks_at), default=NEVER)


def played(world: World, past: Past, baselines: Baselines, first: int, last: int) -> list[tuple[float, Severity]]:
    """When incidents opened in the slots first..last, and how severe each became; after a break only the first."""
    replay = Replay(config_of(world), T0 + float(past.since[first]), baselines, leaks=False)

    def until_found() -> Iterator[Probe | Reading]:
        for seen in past.seen(first, last, world.traffic):
            if seen.at > T0 + past.breaks_at and any(
                instant(c.incident.opened_at) > past.breaks_at for c in replay.cases
            ):
                return
            yield seen

    replay.play(until_found())
    return [(instant(c.incident.opened_at), c.incident.severity or Severity.SEV4) for c in replay.cases]


def instant(at: datetime | None) -> float:
    return (at or datetime.fromtimestamp(T0, UTC)).timestamp() - T0


def stretches(world: World, past: Past) -> list[tuple[int, int]]:
    """
    The slots that must be played, as first and last of each stretch: the rest of the past opens nothing.

    Without latency only the detector's sum opens an incident, and only silence the monitor's own. So a stretch is what
    lies around the instants at which the sum, were it never set back by an incident, stands at its threshold, or at
    which a result is unknown. It begins early enough to hold all that the judge remembers of failures (flapping 3.5 h,
    burn windows that choose the severity 6 h) and ends when an incident that is not renewed must be over.
    """
    if world.measured or world.breaks:
        return [(0, len(past.since) - 1)]
    return around(world, alarming(world, past), len(past.since))


def around(world: World, slots: Iterable[int], length: int) -> list[tuple[int, int]]:
    """First and last slot of the stretches about *slots*, which are in order."""
    found: list[tuple[int, int]] = []
    before, after = int(BEFORE / world.interval), int(AFTER / world.interval)
    for slot in slots:
        first, last = max(0, slot - before), min(length - 1, slot + after)
        if found and first <= found[-1][1]:
            first = found.pop()[0]
        found.append((first, last))
    return found


def alarming(world: World, past: Past) -> list[int]:
    """The slots at which the detector's sum stands at its threshold, or the result is unknown."""
    cusum = FailureCusum.for_budget(Objective(world.objective).error_budget)
    s, trouble, before, found = 0.0, None, 0, []
    for slot in np.flatnonzero(past.failed).tolist():
        if past.unknown[slot]:
            found.append(slot)
            continue
        at = datetime.fromtimestamp(T0 + past.since[slot], UTC)
        s = max(0.0, s + (slot - before - 1) * cusum.per_success)
        if trouble is not None and trouble.is_over(at, world.interval):
            s = 0.0
        trouble = Trouble(at, at)
        s, before = cusum.step(s, True), slot
        if s > cusum.h - 1e-6:
            found.append(slot)
    return found


def leaks(world: World, past: Past) -> int:
    """As bench_leak.py counts them; only at its objective, and only of whole months."""
    if world.breaks or Objective(world.objective) != bench_leak.OBJECTIVE:
        return 0
    a_minute = int(60 / world.interval)
    bad = (past.failed & ~past.unknown).reshape(-1, a_minute).sum(axis=1)
    minutes = bench_leak.Past(np.concatenate([np.zeros(bench_leak.WARM, int), bad]), a_minute)
    return bench_leak.alarms(minutes, bench_leak.proven(SLOW_WINDOWS))


def rate(counts: Iterable[int], months: float) -> str:
    total = sum(counts)
    low, high = (bound / months for bound in poisson_interval(total))
    return f"{total / months:6.3f} [{low:.3f}-{high:.3f}]"


def quiet(name: str, world: World, runs: list[Run]) -> None:
    """False ones in 30 days and check."""
    months = len(runs) * world.seconds / MONTH
    told = {
        "ours": [len(r.opened) for r in runs],
        "page if critical": [r.pages[0] for r in runs],
        "if high": [r.pages[1] for r in runs],
        "leaks": [r.leaks for r in runs],
        "textbook pages": [r.textbook[0] for r in runs],
    }
    if world.measured:
        told["mean + 3 sigma"] = [r.sigma[0] for r in runs]
    if world.bursts:
        told["must be found"] = [r.owed for r in runs]
    columns = "  ".join(f"{what} {rate(counts, months)}" for what, counts in told.items())
    print(f"{name:52} {columns}  ({cost(runs)})", flush=True)


def delay(name: str, world: World, runs: list[Run]) -> None:
    """Minutes from the break to the first alarm after it."""

    def told(first: Callable[[Run], float]) -> str:
        late = sorted((first(r) - r.breaks_at) / 60 for r in runs)
        found = sum(minutes < NEVER for minutes in late)
        low, high = wilson_interval(found, len(runs))
        text = f"{minutes_of(median(late))} (p90 {minutes_of(late[int(0.9 * (len(late) - 1))])}, "
        text += f"found {found / len(runs):.1%} [{low:.1%}-{high:.1%}]"
        if world.failing == 1:
            kept = sum(minutes * 60 <= world.promised for minutes in late)
            text += f", within {world.promised / 60:.1f} min {kept / len(runs):.1%}"
        return text + ")"

    columns = f"ours {told(lambda r: first_after(r.opened, r.breaks_at))}  textbook {told(lambda r: r.textbook[1])}"
    if world.measured:
        columns += f"  mean + 3 sigma {told(lambda r: r.sigma[1])}"
    print(f"{name:52} {columns}  ({cost(runs)})", flush=True)


def minutes_of(minutes: float) -> str:
    """A dash where it is never."""
    return f"{minutes:6.1f}" if minutes < NEVER else f"{'-':>6}"


def cost(runs: list[Run]) -> str:
    return f"{len(runs)} runs, {sum(r.cost for r in runs):.0f} s of CPU"


CADENCES = {"1 a minute": 60.0, "3 a minute": 20.0, "every 10 s": 10.0}
OBJECTIVES = (0.99, 0.995, 0.999)
Scenario = tuple[str, str, World]


def scenarios() -> Iterator[Scenario]:
    """Kind, name, world."""
    for cadence, interval in CADENCES.items():
        for objective in OBJECTIVES:
            yield "flake", f"0.05 % flake, {objective:.1%}, {cadence}", World(interval=interval, objective=objective)
    yield "flake", "0.05 % flake, 99.9 %, 1 a minute, latency too", World(measured=True)
    yield from flakes_of_minutes()
    for cadence, interval in CADENCES.items():
        for objective in OBJECTIVES:
            for failing in (1.0, 0.5, 0.2, 0.05):
                world = World(interval=interval, objective=objective, failing=failing)
                yield "outage", f"{failing:.0%} fail, {objective:.1%}, {cadence}", broken(world, 8)
    for cadence, interval in CADENCES.items():
        for slower in (1.3, 1.5, 2.0, 3.0):
            yield "slower", f"x{slower:g}, {cadence}", broken(World(interval, slower=slower, measured=True), 4)
    world = World(slower=1.5, measured=True, sigma=0.1)
    yield "slower", "x1.5 for good, as a deploy does, sigma 0.1", broken(world, 48)


def flakes_of_minutes() -> Iterator[Scenario]:
    for cadence, interval in CADENCES.items():
        # An incident is looked at every ten seconds until it can reopen no more: five days have enough of them.
        world = World(interval=interval, bursts=20, seconds=MONTH if interval == 60 else MONTH / 6)
        yield "burst", f"20 flakes of 1-3 min, {cadence}", world
        if interval == 10:
            yield "burst", f"20 flakes of 1-3 min, {cadence}, open_after 3m", replace(world, open_after=180.0)
        else:
            yield "burst", f"20 flakes of 1-3 min, {cadence}, users see nothing", replace(world, traffic=True)
            blind = replace(world, excused=True, seconds=MONTH / 6)
            yield "burst", f"20 flakes of 1-3 min, {cadence}, references too", blind


def broken(world: World, hours: float) -> World:
    """After seven quiet hours, which fill the long windows."""
    return replace(world, breaks_at=7 * 3600.0, seconds=7 * 3600 + hours * 3600)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="of each row")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} runs: enough to see that it works, no more")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", nargs="*", help="flake, burst, outage, slower, or a part of a scenario's name")
    options = parser.parse_args()
    runs = QUICK if options.quick else options.runs
    print("false incidents in 30 days and check, then minutes from a break to the incident", flush=True)
    if runs < 100:
        print(f"only {runs} runs: read the intervals, not the rates; a p90 is that of a handful", flush=True)
    with ProcessPoolExecutor(options.processes) as pool:
        for kind, name, world in scenarios():
            if options.only and not any(word == kind or word in name for word in options.only):
                continue
            # By its name, so that a row stays what it is when others come and go.
            seeds = [(options.seed, crc32(name.encode()), number) for number in range(runs)]
            found = list(pool.map(partial(run, world), seeds, chunksize=4))
            (delay if world.breaks else quiet)(name, world, found)


if __name__ == "__main__":
    main()
