"""
Reloads of a daemon at work, with random configs, good and bad: what became of the checks that none of them touches.

The daemon runs in this process, the prober and the target in processes of their own, as always.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from loguru import logger

from monitor.config import Config, ConfigError, load
from monitor.core.slots import slots_between
from monitor.daemon.daemon import Daemon
from monitor.probing.wire import Batch

EVERY = 0.05  # seconds between two reloads
INTERVAL = 2.0  # seconds, of the checks that stay: late by a second, a slot is missed
CHECKS = 20  # of each service
BROKEN = (0, 1, 2)
PATIENCE = 120.0


@dataclass(frozen=True)
class Storm:
    """
    Attributes:
        steady, volatile: Services that no config touches, and those that come, go and change.
        warm_after: Reloads after which memory, threads and files must not grow any more.
    """

    reloads: int
    steady: int
    volatile: int
    warm_after: int
    seed: int = 20261124


@dataclass(frozen=True)
class Outcome:
    """
    Attributes:
        expected, came: Slots of the checks that stayed, and results of them.
        missed: Slots of any check that the prober came too late for, because the machine was busy.
        went_on: Whether all that was known of the checks that stayed is still what is known of them.
        warm, last: Memory, threads and files of both processes.
        incidents: Of what was broken all the time: before and after.
        merged: Those that ended because an elder one went on with what they were about: enough of what comes and goes
            fails at once for a storm.
        opened, kept: Incidents that opened, and those that the ledger has.
        live, live_in_ledger: Those that are not over.
    """

    seconds: float
    lag: object
    expected: int
    came: int
    missed: int
    dropped: int
    restarts: int
    went_on: bool
    warm: Counter[str]
    last: Counter[str]
    incidents: tuple[list[str], list[str]]
    merged: set[str]
    opened: set[str]
    kept: set[str]
    live: set[str]
    live_in_ledger: set[str]
    events: Counter[str]

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {self.warm[name]} -> {self.last[name]}" for name in self.warm)
        return (
            f"{self.events['config.reloaded']} applied and {self.events['config.refused']} refused in "
            f"{self.seconds:.0f} s; lag {self.lag}\n"
            f"checks that stayed: {self.expected} slots, {self.came} results; too late for {self.missed} of all\n"
            f"{sizes}\n{len(self.opened)} incidents opened, {len(self.kept)} kept, {len(self.live)} live"
        )


def run(storm: Storm, folder: Path) -> Outcome:
    command = [sys.executable, str(Path(__file__).with_name("lean_target.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        logger.disable("monitor")  # three lines for each reload
        try:
            return asyncio.run(_life(storm, int(process.stdout.readline()), folder))
        finally:
            logger.enable("monitor")
            process.terminate()


async def _life(storm: Storm, port: int, folder: Path) -> Outcome:
    chance = random.Random(storm.seed)
    configs = _pool(storm, chance, port, folder)
    daemon = Listening(next(config for config in configs if isinstance(config, Config)))
    try:
        await daemon.start()
        turning = asyncio.create_task(daemon.turn())
        outcome = await _play(storm, daemon, configs, chance)
    finally:
        daemon.stop()
        await daemon.close()
    await turning
    return outcome


class Listening(Daemon):
    """Counts the slots of which a result came."""

    def __init__(self, config: Config) -> None:
        self.slots: set[tuple[str, datetime]] = set()
        super().__init__(config)

    def take(self, batch: Batch) -> None:
        self.slots |= {(result.id, result.scheduled_at) for result in batch.results if not result.extra}
        super().take(batch)

    def steady(self, storm: Storm) -> dict[str, Any]:
        watches = self.house.judge.watches
        return {w.check.id: w for n in range(storm.steady) for w in watches[f"service-{n}"].checks.values()}

    def incidents(self) -> list[str]:
        return [case.incident.id for n in BROKEN if (case := self.house.casebook.case_of(f"service-{n}"))]


async def _play(storm: Storm, daemon: Listening, configs: list[Config | ConfigError], chance: random.Random) -> Outcome:
    house, ledger = daemon.house, daemon.house.ledger
    steady = daemon.steady(storm)
    await _until(lambda: all(watch.last for watch in steady.values()), "a result of each check")
    await _until(lambda: len(daemon.incidents()) == len(BROKEN), "incidents of what is broken")
    incidents, before, began = daemon.incidents(), daemon.supervisor.status(), house.clock.now()
    warm: Counter[str] = Counter()
    for number in range(storm.reloads):
        if number == storm.warm_after:
            warm = await _footprint(daemon)
        config = chance.choice(configs)
        prepared = await asyncio.to_thread(daemon.reload.prepare, config) if isinstance(config, Config) else None
        daemon.reload.take(config, prepared)
        await asyncio.sleep(EVERY)
    end, last = house.clock.now(), await _footprint(daemon)
    await _until(lambda: all(w.last.scheduled_at >= end for w in steady.values()), "results of the last slots")
    # Who shared the incident of a service that has just left the configuration is pending again for a moment.
    await _until(lambda: len(daemon.incidents()) == len(BROKEN), "incidents of what is still broken")
    await _until(lambda: ledger.waiting == 0, "everything written")
    after, events = daemon.supervisor.status(), _all_events(ledger)
    return Outcome(
        seconds=(end - began).total_seconds(),
        lag=after.lag,
        expected=sum(slots_between(name, INTERVAL, began, end) for name in steady),
        came=sum(1 for name, at in daemon.slots if name in steady and began < at <= end),
        missed=after.missed - before.missed,
        dropped=after.dropped - before.dropped,
        restarts=after.restarts - before.restarts,
        went_on=all(watch is steady[name] for name, watch in daemon.steady(storm).items()),
        warm=warm,
        last=last,
        incidents=(incidents, daemon.incidents()),
        merged={event.incident for event in events if event.name == "incident.merged"},
        opened={event.incident for event in events if event.name == "incident.opened"},
        kept={incident.id for incident in ledger.incidents()},
        live={case.incident.id for case in house.casebook.live()},
        live_in_ledger={incident.id for incident in ledger.incidents(live_only=True)},
        events=Counter(event.name for event in events),
    )


def _service(number: int, port: int, chance: random.Random | None = None) -> dict[str, Any]:
    """One that is the same each time, or one in which everything that may change does."""
    broken = number in BROKEN or (chance is not None and chance.random() < 0.2)
    path = f"{'broken' if broken else 'ready'}/{number}"
    found: dict[str, Any] = {"checks": {}}
    for n in range(CHECKS):
        check: dict[str, Any] = {
            "http": f"http://127.0.0.1:{port}/{path}/{n}",
            "interval": f"{INTERVAL:g}s",
            "timeout": "900ms",
        }
        if chance is not None:
            check["interval"] = chance.choice(["1s", "2s", "5s"])
            check["http"] += chance.choice(["", "?other"])
            check["headers"] = {"X-Api-Key": f"secret-{chance.randrange(5)}"}
        if chance is None or chance.random() < 0.8:
            found["checks"][f"check-{n}"] = check
    if chance is not None:
        found["criticality"] = chance.choice(["low", "high"])
        found["slos"] = [{"sli": "success", "objective": chance.choice(["99%", "99.9%"])}]
        found["depends_on"] = chance.sample(["service-0", "service-3"], chance.randrange(3))
    return found


def _document(storm: Storm, chance: random.Random, port: int, state: Path) -> dict[str, Any]:
    services = {f"service-{n}": _service(n, port) for n in range(storm.steady)}
    for n in range(storm.steady, storm.steady + storm.volatile):
        if chance.random() < 0.7:
            services[f"service-{n}"] = _service(n, port, chance)
    tracker: dict[str, Any] = {"folder": str(state / "tickets")}
    if chance.random() < 0.5:
        tracker["webhook"] = {"url": f"http://127.0.0.1:{port}/hook", "secret": f"hook-{chance.randrange(3)}"}
    return {
        "monitor": {"state": str(state), "listen": "127.0.0.1:0"},
        "services": services,
        "incidents": {"open_after": "2s", "stable_for": f"{chance.choice([5, 10])}s"},
        "contacts": {"scribe": {"primary": chance.choice(["Ada", "Grace"])}},
        "tracker": tracker,
    }


def _pool(storm: Storm, chance: random.Random, port: int, folder: Path, many: int = 40) -> list[Config | ConfigError]:
    """What is reloaded, read beforehand; every fourth is bad."""
    found: list[Config | ConfigError] = []
    for n in range(many):
        written = _document(storm, chance, port, folder / "state")
        if n % 4 == 3:
            written["services"]["service-3"]["checks"]["check-0"]["timeout"] = "1h"
        file = folder / f"config-{n}.yaml"
        file.write_text(json.dumps(written))
        try:
            found.append(load([file], {}))
        except ConfigError as error:
            found.append(error)
    return found


async def _until(fact: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


async def _footprint(daemon: Daemon) -> Counter[str]:
    """Of daemon and prober: memory, threads, and the fewest files of some moments, for each probe in flight has one."""
    found: Counter[str] = Counter()
    for name, pid in (("daemon", "self"), ("prober", str(daemon.supervisor.status().pid))):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines if ":" in line)
        found[f"{name} MB"] = int(status["VmRSS"].split()[0]) // 1024
        found[f"{name} threads"] = int(status["Threads"])
        counts = []
        for _ in range(20):
            counts.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))
            await asyncio.sleep(0.02)
        found[f"{name} files"] = min(counts)
    return found


def _all_events(ledger: Any) -> list[Any]:
    found: list[Any] = []
    while page := ledger.events(after=found[-1].seq if found else 0):
        found += page
    return found
