"""
What a backtest of a year costs: one service with one check, one probe a minute, as Prometheus recorded it.

    python tests/bench/bench_backtest.py [--days 365] [--profile]

The samples lie in memory, so neither Prometheus nor the reading of its answers is part of it. CPU time of the replay
alone, hours of objectives and weekly fits of its baselines included.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import time
from datetime import timedelta
from math import pi, sin
from pathlib import Path
from random import Random

import rig

from checks.check import Check, HttpQuestion
from monitor.backtest.history import Recorded, past_of
from monitor.backtest.learning import Baselines
from monitor.backtest.replay import Reading, Replay
from monitor.config.config import Config, Monitor, Service, Slo, Tracker, Traffic
from monitor.core.severity import POLICIES
from monitor.sources.recorded import Samples

T0 = 1_740_960_000.0  # a Monday, midnight
DAY = 86_400.0
SLOS = (
    Slo(sli="success", objective=0.999),
    Slo(name="fast", sli="latency", objective=0.99, under=timedelta(seconds=1)),
    Slo(name="month", sli="success", objective=0.995, over="month"),
)


def config_of(slos: tuple[Slo, ...], traffic: bool) -> Config:
    check = Check(service="orders", name="ready", question=HttpQuestion(url="http://x/"), interval=60.0, timeout=10.0)
    asked = Traffic(requests="requests", errors="errors") if traffic else None
    service = Service(name="orders", checks=(check,), slos=slos, traffic=asked)
    return Config(
        monitor=Monitor(state=Path("/nowhere")), services={"orders": service}, tracker=Tracker(), contacts={},
        policy=dict(POLICIES),
    )  # fmt: skip


def recorded(config: Config, days: float, flakes: float, outages: float, measured: bool) -> Recorded:
    """*flakes* and *outages* a day; an outage lasts from 5 to 60 minutes."""
    chance = Random(7)
    minutes = int(days * 1440)
    at = [T0 + 60.0 * minute for minute in range(minutes)]
    values = [1.0] * minutes
    for _ in range(int(flakes * days)):
        values[chance.randrange(minutes)] = 0.0
    for _ in range(int(outages * days)):
        begin = chance.randrange(minutes)
        for minute in range(begin, min(minutes, begin + chance.randrange(5, 60))):
            values[minute] = 0.0
    duration = {}
    if measured:
        duration = {when: 0.12 * (1 + 0.25 * sin(when / DAY * 2 * pi)) * chance.lognormvariate(0, 0.3) for when in at}
    (check,) = config.all_checks()
    return Recorded(
        check=check, selector="probe_success", interval=60.0, success=Samples(at, values), duration=duration
    )


def readings(days: float) -> list[Reading]:
    chance = Random(8)
    return [
        Reading(T0 + 30 + 60 * minute, "orders", 40.0, 0.08 * chance.random()) for minute in range(int(days * 1440))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=365.0)
    parser.add_argument("--only", default="", help="a part of a scenario's name")
    parser.add_argument("--profile", action="store_true", help="where the time goes, instead of the figures alone")
    options = parser.parse_args()
    print(f"backtest of {options.days:g} days {rig.machine()}; goal: 10 s")
    for name, slos, flakes, outages, measured, traffic in (
        ("calm, without latency", SLOS[:1], 0.0, 0.0, False, False),
        ("calm", SLOS[:1], 0.0, 0.0, True, False),
        ("a flake a day, an outage in three", SLOS[:1], 1.0, 0.33, True, False),
        ("the same, three objectives", SLOS, 1.0, 0.33, True, False),
        ("the same, one objective and traffic", SLOS[:1], 1.0, 0.33, True, True),
    ):
        if options.only not in name:
            continue
        config = config_of(slos, traffic)
        found = recorded(config, options.days, flakes, outages, measured)
        seen = readings(options.days) if traffic else []
        begun = time.process_time()
        replay = Replay(config, T0, Baselines())
        profile = cProfile.Profile()
        if options.profile:
            profile.enable()
        replay.play(past_of({"orders/ready": found}, [seen] if traffic else []))
        profile.disable()
        spent = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name:38} {spent:6.2f} s CPU, {len(replay.cases)} incidents, peak {peak:.0f} MB", flush=True)
        if options.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
