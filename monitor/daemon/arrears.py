"""What has not been delivered: told when it grows old, measured, and shown in the status."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from loguru import logger

from monitor.daemon.house import House
from monitor.ledger.records import Backlog, Commit, LedgerEvent
from monitor.outlets.overdue import Alarm, Overdue
from monitor.telemetry import names


class Arrears:
    def __init__(self, house: House) -> None:
        self._house = house
        self._overdue = Overdue()
        self._measured: set[str] = set()

    def tick(self, now: datetime, wall: datetime) -> None:
        worker = self._house.worker
        try:
            backlogs = self._house.ledger.backlogs()
        except sqlite3.Error as error:  # the ledger tells of its own troubles; here they only hide what waits
            logger.debug("effects: what waits cannot be read: {}", error)
            return
        paused = {name: pause.detail for name, pause in worker.paused.items()}
        for alarm in self._overdue.look(backlogs, paused, worker.outlets, now):
            self._tell(alarm, now, wall)
        self._measure(backlogs, now)

    def _tell(self, alarm: Alarm, now: datetime, wall: datetime) -> None:
        if not alarm.turned:
            logger.bind(outlet=alarm.outlet).warning("{}", alarm.text)
            return
        event = LedgerEvent(
            name="effect.caught_up" if alarm.over else "effect.overdue",
            at=now,
            wall=wall,
            text=alarm.text,
            attributes={
                "outlet": alarm.outlet,
                "waiting": alarm.waiting,
                "oldest_age_seconds": round(alarm.age.total_seconds(), 3),
                "error": alarm.error,
            },
        )
        self._house.adopt(Commit(events=(event,)))

    def _measure(self, backlogs: tuple[Backlog, ...], now: datetime) -> None:
        ages = dict.fromkeys(self._house.worker.outlets, 0.0)
        # What waited before and does not now is zero: a gauge that falls silent keeps its last value.
        ages |= dict.fromkeys(self._measured, 0.0)
        ages |= {b.outlet: (now - b.oldest_at).total_seconds() for b in backlogs if b.oldest_at is not None}
        self._measured |= ages.keys()
        for outlet, age in ages.items():
            self._house.telemetry.gauge(names.EFFECTS_OLDEST_AGE.name, age, {names.OUTLET: outlet})


def effects_part(house: House) -> dict[str, object]:
    """For `status`: all outlets together, and each that has something to tell."""
    now = house.clock.now()
    by_outlet: dict[str, dict[str, object]] = {}
    try:
        backlogs = house.ledger.backlogs()
    except sqlite3.Error:
        backlogs = ()  # what is wrong with the ledger is in `missing`; the rest can still be told
    for backlog in backlogs:
        oldest = None if backlog.oldest_at is None else (now - backlog.oldest_at).total_seconds()
        by_outlet[backlog.outlet] = {
            "waiting": backlog.waiting,
            "dead": backlog.dead,
            "oldest_waiting_seconds": oldest,
            "last_error": backlog.error,
            "last_refusal": backlog.refusal,
        }
    oldest_at = min((b.oldest_at for b in backlogs if b.oldest_at is not None), default=None)
    return {
        "oldest_waiting_seconds": None if oldest_at is None else (now - oldest_at).total_seconds(),
        "waiting": sum(b.waiting for b in backlogs),
        "dead": sum(b.dead for b in backlogs),
        "paused": ", ".join(house.worker.paused),
        "by_outlet": by_outlet,
    }
