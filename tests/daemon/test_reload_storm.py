"""A thousand reloads under five hundred checks a second: nothing is missed, nothing leaks, no incident is lost."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config import Config, ConfigError, load
from monitor.daemon.daemon import Daemon

RELOADS = 1000
SETTLED_AFTER = 200
"""Reloads after which memory, threads and files must not grow any more."""
STEADY, VOLATILE = 45, 10
"""Services of ten checks each: those that no config touches, and those that come, go and change."""
BROKEN = (0, 1, 2)


@pytest.fixture
def port() -> Iterator[int]:
    command = [sys.executable, str(Path(__file__).with_name("counting_target.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


def requests_seen(port: int) -> Counter[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/counts")
    counts = json.loads(connection.getresponse().read())
    connection.close()
    return Counter(counts)


def service(number: int, port: int, chance: random.Random | None = None) -> dict[str, Any]:
    """One that is the same each time, or one in which everything that may change does."""
    broken = number in BROKEN or (chance is not None and chance.random() < 0.2)
    path = f"{'broken' if broken else 'ready'}/{number}"
    found: dict[str, Any] = {"checks": {}}
    for n in range(10):
        check: dict[str, Any] = {"http": f"http://127.0.0.1:{port}/{path}/{n}", "interval": "1s", "timeout": "900ms"}
        if chance is not None:
            check["interval"] = chance.choice(["1s", "2s", "5s"])
            check["http"] += chance.choice(["", "?other"])
            check["headers"] = {"X-Api-Key": f"secret-{chance.randrange(5)}"}
        if chance is None or chance.random() < 0.8:
            found["checks"][f"check-{n}"] = check
    if chance is not None:
        found["criticality"] = chance.choice(["low", "high"])
        found["slos"] = [{"sli": "success", "objective": chance.choice(["99%", "99.9%"])}]
        found["depends_on"] = chance.sample(["service-0", "service-7"], chance.randrange(3))
    return found


def a_config(chance: random.Random, port: int, state: Path) -> dict[str, Any]:
    document: dict[str, Any] = {
        "monitor": {"state": str(state), "listen": "127.0.0.1:0"},
        "services": {f"service-{n}": service(n, port) for n in range(STEADY)},
        "incidents": {"open_after": "2s", "stable_for": f"{chance.choice([5, 10])}s"},
        "contacts": {"scribe": {"primary": chance.choice(["Ada", "Grace"])}},
    }
    for n in range(STEADY, STEADY + VOLATILE):
        if chance.random() < 0.7:
            document["services"][f"service-{n}"] = service(n, port, chance) | {"tags": [str(chance.random())]}
            if not document["services"][f"service-{n}"]["checks"]:
                del document["services"][f"service-{n}"]
    document["tracker"] = {"folder": str(state / "tickets")}
    if chance.random() < 0.5:
        secret = f"hook-{chance.randrange(3)}"
        document["tracker"]["webhook"] = {"url": f"http://127.0.0.1:{port}/hook", "secret": secret}
    return document


def pool(chance: random.Random, port: int, folder: Path, many: int = 40) -> list[Config | ConfigError]:
    """What is reloaded: one in four is bad."""
    found: list[Config | ConfigError] = []
    for n in range(many):
        document = a_config(chance, port, folder / "state")
        if n % 4 == 3:
            document["services"][f"service-{n}"]["checks"]["check-0"]["timeout"] = "1h"
        file = folder / f"config-{n}.yaml"
        file.write_text(json.dumps(document))
        try:
            found.append(load([file], {}))
        except ConfigError as error:
            found.append(error)
    return found


def footprint(daemon: Daemon) -> dict[str, float]:
    found: dict[str, float] = {}
    prober = daemon.supervisor.status().pid
    for name, pid in (("daemon", "self"), ("prober", str(prober))):
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        found[f"{name} MB"] = int(status["VmRSS"].split()[0]) / 1024
        found[f"{name} threads"] = int(status["Threads"])
        found[f"{name} files"] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return found


@pytest.mark.slow
def test_a_thousand_reloads_miss_no_probe_leak_nothing_and_lose_no_incident(port: int, tmp_path: Path) -> None:
    chance = random.Random(20261124)
    configs = pool(chance, port, tmp_path)
    first = next(config for config in configs if isinstance(config, Config))
    assert sum(isinstance(config, ConfigError) for config in configs) == 10

    async def storm() -> None:
        daemon = Daemon(first)
        house = daemon.house
        try:
            await daemon.start()
            turning = asyncio.create_task(daemon.turn())
            steady = [w for n in range(STEADY) for w in house.judge.watches[f"service-{n}"].checks.values()]
            while any(watch.last is None for watch in steady):
                await asyncio.sleep(0.1)
            began, seen = house.clock.now() + timedelta(seconds=1), requests_seen(port)
            settled: dict[str, float] = {}
            pid = daemon.supervisor.status().pid
            missed = daemon.supervisor.status().missed
            for number in range(RELOADS):
                if number == SETTLED_AFTER:
                    settled = footprint(daemon)
                daemon.reload.take(chance.choice(configs))
                await asyncio.sleep(0.05)
            after = footprint(daemon)
            print({name: (round(settled[name], 1), round(after[name], 1)) for name in after})
            now = house.clock.now()
            status = daemon.supervisor.status()
            print(f"{now - began} for {RELOADS} reloads; missed {status.missed - missed}; lag {status.lag}")

            assert [w for n in range(STEADY) for w in house.judge.watches[f"service-{n}"].checks.values()] == steady
            assert (status.pid, status.restarts) == (pid, 0)
        finally:
            daemon.stop()
            await daemon.close()

    asyncio.run(storm())
