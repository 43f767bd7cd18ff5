"""Evidence of a latency shift outlives the process: whenever it ends, the next finds the shift at the same instant."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import cast

import pytest
from ulid import ULID

from checks.result import Attempt, CheckResult, Outcome
from monitor.clock import SteadyClock
from monitor.config import Config, load
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.core.incident import State
from monitor.daemon.house import House
from monitor.daemon.keeping import Housekeeping
from monitor.daemon.resuming import resume
from monitor.daemon.surroundings import Surveyor
from monitor.daemon.wiring import rules_of
from monitor.ledger.history import History
from monitor.ledger.store import Ledger
from monitor.response.casebook import Casebook
from monitor.sources.fitting import file_name
from monitor.telemetry import Telemetry

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
STEP, TURN = timedelta(seconds=20), timedelta(seconds=10)
SLOWER_AT = MONDAY + timedelta(minutes=6)
UNTIL = MONDAY + timedelta(minutes=20)


class Hand:
    """A steady clock that is moved by hand; the wall goes with it."""

    boot_id, origin = "test", 0.0

    def __init__(self) -> None:
        self.at = MONDAY

    def now(self) -> datetime:
        return self.at

    wall = now

    def seconds(self) -> float:
        return self.at.timestamp()


def config_in(folder: Path) -> Config:
    check = {"http": "http://127.0.0.1:9/", "interval": "20s"}
    document = {"monitor": {"state": str(folder / "state")}, "services": {"orders": {"checks": {"live": check}}}}
    (folder / "config.yaml").write_text(json.dumps(document))
    random = Random(1)
    baseline = Baseline(
        service="orders", check="live", signal=Signal.PROBE_LATENCY, time_zone="UTC", fitted_at=MONDAY,
        since=MONDAY - timedelta(days=42), quality=Quality.FITTED,
        slots={hour: [random.lognormvariate(-2.1, 0.25) for _ in range(100)] for hour in range(168)},
    )  # fmt: skip
    (folder / "state" / "baselines").mkdir(parents=True)
    path = folder / "state" / "baselines" / file_name("orders", Signal.PROBE_LATENCY, "live")
    path.write_text(json.dumps(baseline.to_json()))
    return load([folder / "config.yaml"], {})


class Process:
    """From a start to an end: everything of the daemon but its prober and its threads."""

    def __init__(self, config: Config, clock: Hand) -> None:
        steady = cast(SteadyClock, clock)
        ledger = Ledger.open(config.monitor.state)
        casebook = Casebook(rules_of(config), new_id=lambda: str(ULID()), new_number=ledger.next_number)
        history = History.open(config.monitor.state / "history.sqlite", clock.wall)
        telemetry = Telemetry.start(None, "test", "here", "one", steady)
        surveyor = Surveyor(config, steady, score_for=60.0)
        self.house = House(config, steady, ledger, history, telemetry, casebook, surveyor, "token")
        for commit in resume(self.house):
            self.house.adopt(commit)
        self.keeping = Housekeeping(self.house)

    def hear(self, now: datetime, latency: float) -> None:
        attempt = Attempt(started_at=now, outcome=Outcome.OK, latency=latency)
        result = CheckResult(service="orders", check="live", scheduled_at=now, attempts=(attempt,))
        self.house.judge.take([result], now, now)

    def turn(self, now: datetime) -> None:
        self.house.judge.tick(now, now)
        self.keeping.tick(now, now)

    def close(self) -> None:
        self.house.close(write_last=self.keeping.close)


def told(folder: Path, restarts: set[datetime]) -> tuple[datetime | None, datetime | None, str]:
    """
    When the incident of a service that becomes twice as slow began and opened, and why.

    Args:
        restarts: Instants ten seconds before which, and right after a result was taken, a process ends.
    """
    folder.mkdir()
    config, clock, random = config_in(folder), Hand(), Random(5)
    process = Process(config, clock)
    try:
        while clock.at < UNTIL:
            clock.at += TURN
            process.hear(clock.at, random.lognormvariate(-2.1, 0.25) * (2.0 if clock.at > SLOWER_AT else 1.0))
            process.turn(clock.at)
            if clock.at + TURN in restarts:
                process.close()
                process = Process(config, clock)
            clock.at += TURN
            process.turn(clock.at)
        incident = process.house.casebook.subjects["orders"].incident
        assert incident.state is State.OPEN
        return incident.first_failure_at, incident.opened_at, incident.reason
    finally:
        process.close()


def test_restarts_put_off_nothing(tmp_path: Path) -> None:
    """After each result once: in the middle of minutes, of the onset and of the shift."""
    undisturbed = told(tmp_path / "undisturbed", set())
    every = {MONDAY + n * STEP for n in range(1, 61)}

    assert told(tmp_path / "restarted", every) == undisturbed
    assert undisturbed[1] is not None
    assert SLOWER_AT < undisturbed[1] < SLOWER_AT + timedelta(minutes=10)


@pytest.mark.parametrize("seconds", [20, 40, 60])
def test_one_restart_in_the_onset_neither(tmp_path: Path, seconds: int) -> None:
    at = SLOWER_AT + timedelta(minutes=3, seconds=seconds)

    assert told(tmp_path / "restarted", {at}) == told(tmp_path / "undisturbed", set())
