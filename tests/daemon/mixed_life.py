"""
A daemon at work for SECONDS on the config FILE: `python mixed_life.py FILE SECONDS`. Prints a line of JSON, see `Life`.

Kinds are told apart by the names of checks: `https-17` is one of `https`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from loguru import logger

from checks.result import CheckResult
from monitor.config import Config, load
from monitor.core.slots import slots_between
from monitor.daemon.daemon import Daemon
from monitor.ledger.history import History, MinuteRow
from monitor.ledger.schema import HISTORY_FILE
from monitor.probing.wire import Batch

PATIENCE = 600.0
ANSWERED = 3.0  # seconds for what was asked last and answers at once


@dataclass(frozen=True)
class Life:
    """
    Counts are by kind.

    Attributes:
        expected, came: Slots in the seconds that were given, and results of these.
        outcomes: Of any result: kind, outcome and reason.
        heard, kept: Results in the minutes that the history has, and what it has of them. What a machine that is busy
            brings when its minute was written is not heard: nothing is written twice.
        restarts, dropped: The prober's.
        said: Lines of the prober.
    """

    expected: dict[str, int]
    came: dict[str, int]
    outcomes: list[tuple[str, str, str]]
    heard: dict[str, int]
    kept: dict[str, int]
    restarts: int
    dropped: int
    said: list[str]


class Listening(Daemon):
    """Keeps what came, by check and slot."""

    def __init__(self, config: Config) -> None:
        self.came: dict[tuple[str, datetime], CheckResult] = {}
        self.late: set[tuple[str, datetime]] = set()
        super().__init__(config)

    def take(self, batch: Batch) -> None:
        assert self.housekeeping is not None
        for result in batch.results:
            if not result.extra:
                key = result.id, result.scheduled_at
                self.came[key] = result
                if result.scheduled_at <= self.housekeeping.written_until:
                    self.late.add(key)
        super().take(batch)


async def live(config: Config, seconds: float, said: list[str]) -> Life:
    daemon = Listening(config)
    house = daemon.house
    try:
        await daemon.start()
        turning = asyncio.create_task(daemon.turn())
        await _until(lambda: bool(daemon.came), "a first result")
        began = house.clock.now()
        end = began + timedelta(seconds=seconds)
        await _until(lambda: house.clock.now() > end + timedelta(seconds=ANSWERED), "the end")
        came = dict(daemon.came)
        await _until(lambda: bool(minutes(house.history, began)), "a minute that is over in the history")
        status = daemon.supervisor.status()
    finally:
        daemon.stop()
        await daemon.close()
    await turning
    with closing(History.open(config.monitor.state / HISTORY_FILE)) as history:
        rows = minutes(history, began)
    first, last = min(row.minute for row in rows), max(row.minute for row in rows) + timedelta(minutes=1)
    expected: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for check in config.all_checks():
        expected[kind_of(check.id)] += slots_between(check.id, check.interval, began, end)
    for row in rows:
        kept[kind_of(row.check)] += row.good + row.bad + row.unknown
    return Life(
        expected=expected,
        came=Counter(kind_of(check) for check, at in came if began < at <= end),
        outcomes=sorted({(kind_of(check), r.outcome, r.reason or "") for (check, _), r in daemon.came.items()}),
        heard=Counter(kind_of(check) for check, at in daemon.came.keys() - daemon.late if first < at <= last),
        kept=kept,
        restarts=status.restarts,
        dropped=status.dropped,
        said=said,
    )


def kind_of(check: str) -> str:
    return check.partition("/")[2].partition("-")[0]


def minutes(history: History, around: datetime) -> tuple[MinuteRow, ...]:
    return history.minutes_of_all(around - timedelta(hours=1), around + timedelta(hours=1))


async def _until(fact: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


def main(file: Path, seconds: float) -> None:
    said: list[str] = []
    logger.remove()
    logger.add(lambda line: said.append(str(line)), format="{message}", filter="monitor.probing")
    print(json.dumps(vars(asyncio.run(live(load([file], {}), seconds, said)))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
