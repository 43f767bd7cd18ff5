"""What the ledger keeps for the next start beside events and effects, and how it is read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from ulid import ULID

from monitor.clock import SteadyClock
from monitor.ledger.records import LedgerEvent
from monitor.ledger.store import Ledger
from monitor.response import roles, updates
from monitor.response.case import Case
from monitor.response.mitigation_runs import runs
from monitor.response.triage import because_of, reported_by

TIMELINE = "timeline"
UNPROVEN = "unproven"
VERSIONS = "versions"
FLAPS = "flaps"
UNMET = "unmet"


def case_from(ledger: Ledger, incident_id: str) -> Case:
    """A case as the ledger has it, whole."""
    incident = ledger.incident(incident_id)
    if incident is None:
        raise LookupError(f"the ledger knows no incident {incident_id}")
    case = Case(incident, events=ledger.events_of(incident_id))
    case.unproven_since = unproven_of(ledger).get(incident_id)
    case.unmet_since = unmet_of(ledger).get(incident_id, {})
    case.members = {member.service: member for member in ledger.members(incident_id)}
    case.alerts = {link.fingerprint: link for link in ledger.alerts(incident_id)}
    for effect in ledger.effects(incident_id):
        if effect.order > case.orders.get(effect.outlet, 0):
            case.orders[effect.outlet], case.last_asked[effect.outlet] = effect.order, effect.kind
    for event in case.events:
        updates.restore(case, event)
        if event.name == "incident.opened":
            case.symptoms = tuple(event.attributes.get("symptoms") or (incident.reason,))  # type: ignore[arg-type]
            case.reporter = event.author
            case.said = case.symptoms if incident.declared_by else ()
        if event.name == "incident.reported":
            case.say(reported_by(event.author, event.text))
        if event.name == "incident.muted":
            _remember_muted(case, event)
        if event.name == "incident.unmuted":
            case.muted_by = ""
        if event.name == "incident.evidence_wait" and case.unproven_since and event.at >= case.unproven_since:
            case.asked_at = event.at  # in this wait; an earlier one was ended by a condition that broke
    case.why = because_of(case.events)
    case.has_runs = any(runs(case.events))
    roles.restore(case)
    return case


def _remember_muted(case: Case, event: LedgerEvent) -> None:
    case.muted_by = str(event.attributes["muted_by"])
    failed: Mapping[str, list[str]] = event.attributes["checks"]  # type: ignore[assignment]
    case.failed = {service: set(checks) for service, checks in failed.items()}
    case.beyond = set(event.attributes["beyond"])  # type: ignore[call-overload]


def unproven_of(ledger: Ledger) -> dict[str, datetime]:
    """Incident -> since when proof of its recovery is wanting, as the last run left it."""
    kept = json.loads(ledger.meta(UNPROVEN) or "{}")
    return {incident: datetime.fromisoformat(since) for incident, since in kept.items()}


def unmet_of(ledger: Ledger) -> dict[str, dict[str, datetime]]:
    """Incident -> since when which recovery condition is not met, as the last run left it."""
    kept = json.loads(ledger.meta(UNMET) or "{}")
    return {
        incident: {name: datetime.fromisoformat(since) for name, since in conditions.items()}
        for incident, conditions in kept.items()
    }


def clock_of(ledger: Ledger) -> SteadyClock:
    """The timeline continued from the last run, if this is the same boot."""
    kept = ledger.meta(TIMELINE)
    if kept is None:
        return SteadyClock.begin()
    timeline = json.loads(kept)
    last, last_wall = (datetime.fromisoformat(timeline[name]) for name in ("last", "wall"))
    return SteadyClock.resume(float(timeline["origin"]), str(timeline["boot_id"]), last, last_wall)


def instance_id_of(ledger: Ledger) -> str:
    """The same across restarts: it is the state folder's, not the process's."""
    if (kept := ledger.meta("instance_id")) is None:
        kept = str(ULID())
        ledger.set_meta("instance_id", kept)
    return kept
