"""How the daemon stands: whether it is alive and ready, and all that `monitor status` shows of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from monitor import __version__
from monitor.core.slo import Objective, burn_rate
from monitor.daemon.afterwards import Afterwards
from monitor.daemon.arrears import effects_part
from monitor.daemon.heartbeat import Heartbeat
from monitor.daemon.house import House
from monitor.daemon.mitigating import Mitigating
from monitor.daemon.pushes import Pushes
from monitor.daemon.reload import Reload
from monitor.probing.supervisor import ProberStatus, Supervisor
from monitor.response.case import Case
from monitor.response.objectives import ObjectiveReading
from monitor.response.observe import SLO_PERIOD
from monitor.web.documents import (
    incident_document,
    timestamp,
)
from monitor.web.recovering import RecoveryDocument, recovery_document
from monitor.web.series import series_document
from monitor.web.silences import SilenceDocument, silence_document
from monitor.web.status_documents import ServiceDocument, StatusDocument, check_document, service_document

STUCK = timedelta(seconds=30)
"""A loop that has not turned for so long does not do its rounds."""


class Running(Protocol):
    house: House
    afterwards: Afterwards
    mitigating: Mitigating
    supervisor: Supervisor
    pushes: Pushes
    reload: Reload
    heartbeat: Heartbeat
    turned_at: datetime


class Standing:
    def __init__(self, daemon: Running) -> None:
        self._daemon = daemon
        self._house = daemon.house

    def alive(self) -> bool:
        return self._house.clock.now() - self._daemon.turned_at < STUCK

    def ready(self) -> tuple[bool, list[str]]:
        missing = []
        if not self._house.ledger.healthy:
            missing.append(f"the ledger cannot be written: {self._house.ledger.trouble}")
        if self._house.ledger.damage:
            missing.append(f"the ledger is damaged: {self._house.ledger.damage}")
        unheard = [
            check.check.id
            for watch in self._house.judge.watches.values()
            for check in watch.checks.values()
            # One that a reload added is waited for by nobody.
            if check.last is None and check.began_at <= self._house.judge.began_at
        ]
        if unheard:
            more = f" and {len(unheard) - 3} more" if len(unheard) > 3 else ""
            missing.append(f"no first result yet of {', '.join(unheard[:3])}{more}")
        return not missing, missing

    def status(self) -> StatusDocument:
        ready, missing = self.ready()
        monitor = self._house.config.monitor
        muted_by = self._house.casebook.muting.of_services(self._house.clock.wall())
        live = sorted(self._house.casebook.live(), key=lambda case: (case.incident.severity or 9, case.incident.number))
        return {
            "source": "daemon",
            "version": __version__,
            "environment": monitor.environment,
            "location": monitor.location,
            "now": timestamp(self._house.clock.wall()),
            "ready": ready,
            "missing": missing,
            "services": [self._service(name, muted_by(name)) for name in self._house.judge.watches],
            "incidents": [incident_document(case.incident, case.muted_by) for case in live],
            "silences": self._active_silences(),
            "recovery": [self._recovery(case) for case in live],
            "parts": self._parts(),
        }

    def _service(self, name: str, muted_by: str) -> ServiceDocument:
        now = self._house.clock.now()
        watch = self._house.judge.watches[name]
        service = self._house.config.services[name]
        subject = self._house.casebook.watch(name, now)
        case = self._house.casebook.case_of(name)
        readings = self._house.objectives.readings_of(name, now)
        tightest = min(readings, key=_left, default=None)
        inside = self._house.judge.maintenance.of(name, self._house.clock.wall())
        lost_until = self._house.history.incomplete_since
        begun = min((reading.start for reading in readings), default=now)
        incomplete = lost_until if lost_until and lost_until > begun else None
        return service_document(
            subject.incident,
            criticality=str(service.criticality),
            checks=[check_document(c.check, c.last, c.failing) for c in watch.checks.values()],
            incident=case.incident if case else None,
            budget_remaining=tightest.budget.left if tightest is not None else None,
            budget_incomplete_since=incomplete,
            burn_rate=burn_rate(watch.counted(now, timedelta(hours=1)), Objective(watch.objective)),
            maintenance=inside.text if inside is not None else "",
            muted_by=(case.muted_by if case is not None else "") or muted_by,
            series=[series_document(reading) for reading in self._house.anomalies.of(name)],
        )

    def _recovery(self, case: Case) -> RecoveryDocument:
        book = self._house.casebook
        seen = book.subjects[case.incident.service].seen
        return recovery_document(case, seen, book.rules.timing.stable_for, self._house.clock.now())

    def _parts(self) -> dict[str, dict[str, object]]:
        house = self._house
        incomplete_since = house.history.incomplete_since
        month = [w.tally(house.clock.now(), SLO_PERIOD) for w in house.judge.watches.values()]
        return {
            "prober": _prober(self._daemon.supervisor.status()),
            "results": {
                "expected": sum(t.expected for t in month),
                "good": sum(t.good for t in month),
                "bad": sum(t.bad for t in month),
                "unknown": sum(t.unknown for t in month),
                "missing": sum(t.missing for t in month),
            },
            "ledger": {
                "healthy": house.ledger.healthy,
                "trouble": house.ledger.trouble,
                "waiting": house.ledger.waiting,
            },
            "history": {"incomplete_since": timestamp(incomplete_since) if incomplete_since else None},
            "effects": effects_part(house),
            "telemetry": dict(house.telemetry.stats()),
            "sources": house.surveyor.sources(),
            "baselines": house.surveyor.state(),
            **({"series": series} if (series := house.anomalies.part()) else {}),
            "config": self._daemon.reload.state(),
            **({"heartbeat": beats} if (beats := self._daemon.heartbeat.state()) else {}),
            "fitting": house.surveyor.fitting(),
        }

    def _active_silences(self) -> list[SilenceDocument]:
        wall = self._house.clock.wall()
        active = self._house.casebook.muting.active.values()
        return [silence_document(silence, wall) for silence in active if silence.is_active(wall)]


def _left(reading: ObjectiveReading) -> float:
    """What is left of its budget; of one without data nothing is known, so it comes last."""
    return 1.0 if reading.budget.left is None else reading.budget.left


def _prober(status: ProberStatus) -> dict[str, object]:
    return {
        "pid": status.pid,
        "restarts": status.restarts,
        "dropped": status.dropped,
        "missed": status.missed,
        "checks": status.checks,
        "in_flight": status.in_flight,
        "lag_p99_seconds": status.lag.p99,
        "lag_max_seconds": status.lag.max,
    }
