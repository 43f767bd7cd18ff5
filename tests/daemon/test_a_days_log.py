"""
A normal day at INFO is a page, not a book: three services, flaky probes, an incident with its updates, two fittings.

The day is played through the real house (judge, ledger, tickets, fitting process) on a clock that is moved by hand.
"""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor import logs
from monitor.config import load
from monitor.daemon.arrears import Arrears
from monitor.daemon.house import House
from monitor.daemon.keeping import Housekeeping
from monitor.daemon.surroundings import Surveyor
from monitor.daemon.wiring import rules_of
from monitor.ledger.history import History
from monitor.ledger.store import Ledger
from monitor.response.casebook import Casebook
from monitor.telemetry import Telemetry

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
SERVICES = ("orders-service", "payments-service", "search-service")
PAGE = 60
"""Lines."""


@dataclass
class HandClock:
    at: datetime = MIDNIGHT
    origin: float = 0.0
    boot_id: str = "a boot"

    def now(self) -> datetime:
        return self.at

    def wall(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()


@dataclass
class Day:
    house: House
    clock: HandClock
    log: io.StringIO
    housekeeping: Housekeeping = field(init=False)
    arrears: Arrears = field(init=False)

    def __post_init__(self) -> None:
        self.housekeeping = Housekeeping(self.house)
        self.arrears = Arrears(self.house)

    def minute(self, letters: dict[str, str]) -> None:
        """One minute: two probes of each check, an evaluation every ten seconds, deliveries, housekeeping."""
        for ten in range(6):
            self.clock.at += timedelta(seconds=10)
            now = self.clock.at
            if ten % 3 == 0:
                column = ten // 3
                results = [result(name, now, letters.get(name, "..")[column]) for name in SERVICES]
                self.house.judge.take(results, now, now)
            self.house.judge.tick(now, now)
        self.deliver()
        self.arrears.tick(self.clock.at, self.clock.at)
        self.housekeeping.tick(self.clock.at, self.clock.at)

    def deliver(self) -> None:
        """What was asked for is written and sent before the day goes on: by this clock it would else wait for hours."""
        if not self.house.casebook.cases:
            return
        deadline = time.monotonic() + 60
        while self.house.ledger.waiting:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        if any(backlog.waiting for backlog in self.house.ledger.backlogs()):
            assert self.house.worker.drain(60)

    def fit(self, times: int) -> None:
        """The fitting is a process: it is waited for, as often as its line must have come by then."""
        deadline = time.monotonic() + 300  # it gives way to all others on a busy machine
        while self.log.getvalue().count("baselines: ") < times:
            assert time.monotonic() < deadline, self.log.getvalue()
            time.sleep(0.05)
            self.house.surveyor.tick(self.clock.at)

    def lines(self) -> list[str]:
        """Without instants: only how they read."""
        return [line.partition("Z ")[2] for line in self.log.getvalue().splitlines()]


def result(service: str, at: datetime, letter: str) -> CheckResult:
    """`.` ok, `f` failed and ok when asked again, `F` failed both times."""
    ok = Attempt(started_at=at, outcome=Outcome.OK, latency=0.05, status=200, span_id="ab" * 8)
    failed = Attempt(
        started_at=at, outcome=Outcome.FAILED, reason=Reason.STATUS, detail="answered 503, wanted 200-299",
        latency=0.05, status=503, span_id="ab" * 8,
    )  # fmt: skip
    attempts = {".": (ok,), "f": (failed, ok), "F": (failed, failed)}[letter]
    return CheckResult(service=service, check="ready", scheduled_at=at, attempts=attempts, trace_id="cd" * 16)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    document = {
        "monitor": {"environment": "test", "state": str(tmp_path / "state")},
        "services": {
            name: {"criticality": "high", "checks": {"ready": {"http": "http://127.0.0.1:9/", "timeout": "5s"}}}
            for name in SERVICES
        },
    }
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(document))
    config = load([path], {})
    config.monitor.state.mkdir(mode=0o700)
    clock, ids, log = HandClock(), count(1), io.StringIO()
    logs.begin("INFO", stream=log, environ={})
    ledger = Ledger.open(config.monitor.state)
    casebook = Casebook(rules_of(config), new_id=lambda: f"INCIDENT{next(ids)}", new_number=ledger.next_number)
    history = History.open(config.monitor.state / "history.sqlite")
    house = House(config, clock, ledger, history, Telemetry(), casebook, Surveyor(config, clock), "a token")
    house.start()
    yield Day(house, clock, log)
    house.close()
    logs.end()


@pytest.mark.slow
def test_a_normal_day_at_info_is_a_page(day: Day) -> None:
    day.fit(1)
    for minute in range(24 * 60):
        letters = {}
        if minute % 97 == 0:
            letters["search-service"] = "f."  # flaky: failed once, ok when asked again
        if minute == 9 * 60:
            letters["orders-service"] = "F."  # for half a minute: pending, and clear again
        if 14 * 60 <= minute < 14 * 60 + 50:
            letters["payments-service"] = "FF"
        day.minute(letters)
        if minute == 3 * 60 + 17:
            day.house.refresh_baselines()
            day.fit(2)

    lines = day.lines()
    print("\n".join(lines))
    assert len(lines) < PAGE
    assert all(len(line) < 400 for line in lines)
    incident = [line for line in lines if "payments-service" in line]
    assert [re.sub(r"[,:].*", "", line.partition("payments-service: ")[2]) for line in incident] == [
        "clear => pending",
        "pending => open (SEV2)",
        *["update due (SEV2)"] * 3,
        "open => recovering (SEV2)",
        *["update due (SEV2)"] * 2,
        "recovering => resolved (SEV2)",
        "postmortem scheduled (SEV2)",
    ]
    assert [line.split()[0] for line in incident].count("WARNING") == 1
    assert all(line.endswith("[INC-0001]") for line in incident[1:])
    assert [line for line in lines if "orders-service" in line] == [
        "INFO    orders-service: clear => pending, breached: ready: status: answered 503, wanted 200-299",
        "INFO    orders-service: pending => clear, no breach in 2 evaluations",
    ]
    assert [line for line in lines if line.startswith("ERROR")] == []
