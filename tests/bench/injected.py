"""
The daemon's judging path at the speed of the processor: a real house (ledger, history, effects, telemetry, log lines)
whose clock is moved by hand. No prober, no web: results are made up here.
"""

from __future__ import annotations

import gc
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import cast

from ulid import ULID

from checks.check import Check
from checks.result import Attempt, CheckResult, Outcome, Reason, Timings
from monitor.clock import SteadyClock
from monitor.config import Config, changes, load
from monitor.core.slots import phase
from monitor.daemon.arrears import Arrears, effects_part
from monitor.daemon.house import House
from monitor.daemon.keeping import Housekeeping
from monitor.daemon.surroundings import Surveyor
from monitor.daemon.wiring import rules_of
from monitor.ledger.history import History
from monitor.ledger.store import Ledger
from monitor.response.casebook import Casebook
from monitor.telemetry import Telemetry

T0 = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(seconds=10)
"""Between two turns: as often as the judge evaluates."""
PER_SERVICE = 5
BROKEN_EVERY = 4
"""Every fourth service breaks and heals; the one after it depends on it, and joins its incident by turns."""
_NO_DATA = (type, ModuleType, FunctionType, CodeType, FrameType, sqlite3.Connection)
BROKEN_FOR, HEALED_FOR = timedelta(minutes=4), timedelta(minutes=16)


@dataclass
class Hand:
    """A steady clock that is moved by hand; the wall goes with it."""

    at: datetime = T0
    boot_id: str = "injected"
    origin: float = 0.0

    def now(self) -> datetime:
        return self.at

    wall = now

    def seconds(self) -> float:
        return self.at.timestamp()


def write_config(folder: Path, checks: int, interval: int = 30) -> Path:
    """*interval* is that of the last check: what a reload changes there and back."""
    lines = ["monitor:", f"  state: {folder}/state", "tracker:", f"  folder: {folder}/tickets"]
    lines += ["incidents: {open_after: 1m, stable_for: 3m, reopen_within: 5m}", "services:"]
    for n in range(checks):
        service = n // PER_SERVICE
        if n % PER_SERVICE == 0:
            lines.append(f"  service-{service}:")
            if service % BROKEN_EVERY == 1:
                lines.append(f"    depends_on: [service-{service - 1}]")
            lines.append("    checks:")
        every = interval if n == checks - 1 else 30
        lines.append(f'      ready-{n}: {{http: "http://127.0.0.1:9/{n}", interval: {every}s}}')
    path = folder / "config.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


class InjectedHouse:
    """
    Attributes:
        results: So far.
    """

    def __init__(self, folder: Path, checks: int, otlp: str | None = None) -> None:
        self.folder, self.checks = folder, checks
        self.clock = Hand()
        config = self._config(30)
        config.monitor.state.mkdir(parents=True, exist_ok=True)
        steady = cast(SteadyClock, self.clock)
        ledger = Ledger.open(config.monitor.state)
        casebook = Casebook(rules_of(config), new_id=lambda: str(ULID()), new_number=ledger.next_number)
        history = History.open(config.monitor.state / "history.sqlite")
        environ = {"OTEL_METRIC_EXPORT_INTERVAL": "1000"}
        telemetry = Telemetry.start(otlp, "test", "here", "one", steady, environ=environ)
        self.house = House(config, steady, ledger, history, telemetry, casebook, Surveyor(config, steady), "token")
        self.house.worker.start()
        self.keeping = Housekeeping(self.house)
        self.arrears = Arrears(self.house)
        self.results = 0
        self._ids = count(1)
        self._until = T0

    def play(self, span: timedelta) -> None:
        end = self.clock.at + span
        while self.clock.at < end:
            self._turn()

    def settle(self) -> None:
        """What threads still have in their hands is done with: whatever is left then is kept."""
        self.house.worker.drain(30.0)
        self.house.ledger.set_meta("settled", "").result(30.0)
        while self.house.telemetry.stats()["queued"]:
            time.sleep(0.05)

    def reload(self, interval: int) -> None:
        config = self._config(interval)
        self.house.replace(config, changes(self.house.config, config), self.clock.at)

    def close(self) -> None:
        self.house.close(write_last=self.keeping.close)

    def _config(self, interval: int) -> Config:
        return load([write_config(self.folder, self.checks, interval)], {})

    def _turn(self) -> None:
        begin, self.clock.at = self.clock.at, self.clock.at + STEP
        now = self.clock.at
        results = list(self._results(begin, now))
        self.results += len(results)
        for result in results:
            self.house.telemetry.probe(self.house.checks[result.id], result)
        self.house.judge.take(results, now, now)
        self.house.judge.tick(now, now)
        self.keeping.tick(now, now)
        if now.second == 0:
            self.arrears.tick(now, now)
            effects_part(self.house)
        if now.minute == 0 and now.second == 0:
            # Housekeeping would do so by the real wall clock.
            self.house.history.compact(now)

    def _results(self, begin: datetime, end: datetime) -> Iterator[CheckResult]:
        for check in self.house.checks.values():
            offset = phase(check.id, check.interval)
            slot = (begin.timestamp() - offset) // check.interval * check.interval + check.interval + offset
            if slot <= end.timestamp():
                at = datetime.fromtimestamp(slot, UTC)
                yield self._result(check, at, self._is_broken(check, at))

    def _is_broken(self, check: Check, at: datetime) -> bool:
        service = int(check.service.removeprefix("service-"))
        cycle, into = divmod(at - T0 + service * timedelta(seconds=50), BROKEN_FOR + HEALED_FOR)
        if service % BROKEN_EVERY == 0:
            return into < BROKEN_FOR
        # The dependant joins an incident by turns, and has one of its own between.
        return service % BROKEN_EVERY == 1 and cycle % 2 == 0 and timedelta(minutes=1) < into < BROKEN_FOR

    def _result(self, check: Check, at: datetime, broken: bool) -> CheckResult:
        number = next(self._ids)
        first = Attempt(
            started_at=at,
            outcome=Outcome.FAILED if broken else Outcome.OK,
            reason=Reason.STATUS if broken else None,
            detail="answered 503, wanted 200-299" if broken else "",
            latency=0.05 + number % 7 / 1000,
            timings=Timings(connect=0.001, first_byte=0.04, transfer=0.001),
            status=503 if broken else 200,
            address="127.0.0.1",
            span_id=f"{number:016x}",
        )
        again = (replace(first, span_id=f"{number + 2**40:016x}"),) if broken else ()
        trace = f"{number:032x}"
        return CheckResult(
            service=check.service, check=check.name, scheduled_at=at, attempts=(first, *again), trace_id=trace
        )


def kept(root: object) -> Counter[str]:
    """
    How much is kept under *root*: objects of ours by type, and what the containers among them hold by where they hang.
    Numbers and texts by themselves are not counted: they come and go with caches of SQLite and of the interpreter.
    """
    found: Counter[str] = Counter()
    seen = {id(root)}
    todo: list[tuple[object, str]] = [(root, "")]
    while todo:
        one, owner = todo.pop()
        kind = type(one)
        if kind.__module__.startswith(("monitor.", "checks.")):
            owner = f"{kind.__module__}.{kind.__qualname__}"
            found[owner] += 1
        elif isinstance(one, (dict, list, set, frozenset, deque)):
            found[f"entries below {owner}"] += len(one)
        for other in gc.get_referents(one):
            if id(other) not in seen and not isinstance(other, _NO_DATA):
                seen.add(id(other))
                todo.append((other, owner))
    return found
