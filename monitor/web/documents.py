"""
What the web and the command line show, as JSON values: one shape, whether a daemon answers or only the ledger is read.

Instants are ISO 8601 in UTC, durations are seconds and say so in their name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypedDict

from monitor.core.incident import Incident, State
from monitor.response.actions import Action
from monitor.response.triage import reference


class IncidentDocument(TypedDict):
    """`muted_by`: why nobody is told of it now, null while people are told or when it is over."""

    id: str
    reference: str
    number: int
    service: str
    state: str
    since: str
    severity: str | None
    reason: str
    first_failure_at: str | None
    opened_at: str | None
    resolved_at: str | None
    acknowledged_by: str | None
    acknowledged_at: str | None
    declared_by: str | None
    mitigated_by: str | None
    reopened: int
    muted_by: str | None
    trace_id: str


class DeployDocument(TypedDict):
    """
    A deploy as it was marked. `incident`: whose timeline it is in, null without a live one. `known`: it was marked
    before, and nothing was written.
    """

    service: str
    version: str
    at: str
    by: str
    incident: str | None
    known: bool


class AcceptedDocument(TypedDict):
    """A level that a person accepted: what came before `since` judges no more."""

    service: str
    since: str
    by: str
    reason: str


class TakenDocument(TypedDict):
    """
    What came of the alerts that another system sent: how many were `firing`, `repeated`, `resolved`, `late`, `unseen`
    (over before anybody told that they fire) or `unmatched` (of no service here), and the incidents that they touched.
    """

    counts: dict[str, int]
    incidents: list[str]


class ActionDocument(TypedDict):
    """
    An action item of a postmortem. `number` is its own, within the incident. `updates` is null of one that brings no
    runbook, alert or test up to date, and `done_by` while it is not done.
    """

    incident: str
    number: int
    what: str
    owner: str
    due: str
    updates: str | None
    done_by: str | None


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def timestamp_or_none(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)


def incident_document(incident: Incident, muted_by: str = "") -> IncidentDocument:
    return {
        "id": incident.id,
        "reference": reference(incident.number),
        "number": incident.number,
        "service": incident.service,
        "state": str(incident.state),
        "since": timestamp(incident.since),
        "severity": str(incident.severity) if incident.severity else None,
        "reason": incident.reason,
        "first_failure_at": timestamp_or_none(incident.first_failure_at),
        "opened_at": timestamp_or_none(incident.opened_at),
        "resolved_at": timestamp_or_none(incident.resolved_at),
        "acknowledged_by": incident.acknowledged_by or None,
        "acknowledged_at": timestamp_or_none(incident.acknowledged_at),
        "declared_by": incident.declared_by or None,
        "mitigated_by": incident.mitigated_by or None,
        "reopened": incident.reopened,
        "muted_by": muted_by or None,
        "trace_id": incident.trace_id,
    }


def action_document(number: int, action: Action) -> ActionDocument:
    """*number*: of the incident."""
    return {
        "incident": reference(number),
        "number": action.number,
        "what": action.what,
        "owner": action.owner,
        "due": action.due.isoformat(),
        "updates": action.updates or None,
        "done_by": action.done_by or None,
    }


STATES: Mapping[str, frozenset[State]] = {
    "live": frozenset({State.OPEN, State.RECOVERING}),
    "open": frozenset({State.OPEN}),
    "recovering": frozenset({State.RECOVERING}),
    "resolved": frozenset({State.RESOLVED}),
    "all": frozenset({State.OPEN, State.RECOVERING, State.RESOLVED}),
}
"""What one may ask a list of incidents for."""
