"""The daemon's own numbers, looked at four times a minute: how late, how often restarted, how much is waiting."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from monitor.daemon.arrears import Arrears
from monitor.daemon.exposing import muted_services
from monitor.daemon.house import House
from monitor.ledger.records import EffectState
from monitor.probing.supervisor import Supervisor
from monitor.telemetry import names

EVERY = timedelta(seconds=15)


class Vitals:
    def __init__(self, house: House, supervisor: Supervisor) -> None:
        self._house = house
        self._supervisor = supervisor
        self._arrears = Arrears(house)
        self._told_at = house.clock.now()
        self._restarts = 0
        self._counted: set[tuple[str, EffectState]] = set()

    def tick(self, now: datetime) -> None:
        if now - self._told_at < EVERY:
            return
        self._told_at = now
        self._arrears.tick(now, self._house.clock.wall())
        status = self._supervisor.status()
        # Of a minute without a probe, or without a prober, nobody knows how late it was.
        self._house.telemetry.gauge(names.TIMETABLE_LAG.name, status.lag.p99 if status.lag.count else None)
        self._house.telemetry.gauge(names.LEDGER_QUEUE.name, self._house.ledger.waiting)
        if status.restarts > self._restarts:
            self._house.telemetry.counter(names.PROBER_RESTARTS.name, status.restarts - self._restarts)
            self._restarts = status.restarts
        self._effects()
        for service, values in muted_services(self._house):
            self._house.telemetry.muting(service, values)

    def _effects(self) -> None:
        try:
            counts = self._house.ledger.effect_counts()
        except sqlite3.Error:
            return  # the daemon's readiness says it
        # What was counted before and is gone now is zero: a gauge that falls silent keeps its last value.
        self._counted |= counts.keys()
        for outlet, state in self._counted:
            attributes = {names.OUTLET: outlet, names.EFFECT_STATE: str(state)}
            self._house.telemetry.gauge(names.EFFECTS.name, counts.get((outlet, state), 0), attributes)
