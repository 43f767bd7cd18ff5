"""What a live incident still lacks to be over, as JSON values: a part of `/api/v1/status`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypedDict

from monitor.core.incident import State
from monitor.core.recovery import Condition
from monitor.response.case import Case
from monitor.response.detect import Observation
from monitor.response.triage import reference
from monitor.web.documents import timestamp


class ConditionDocument(TypedDict):
    """
    `met` is true, false, or null while it is unproven: its source is away, or nothing was heard yet.
    `since`: since when it has not been met, null when it is.
    """

    name: str
    met: bool | None
    text: str
    since: str | None


class RecoveryDocument(TypedDict):
    """
    One for each live incident, as its last evaluation left it.

    `recovered`: true when every condition holds, false when one is broken, null when one is unproven or nothing was
    seen. `flapping`: its trouble comes and goes, and it stays open until that has calmed down. `stable_since` and
    `stable_left_seconds` are null while the incident is open: then the stable time has not begun. `proof` says what the
    probes have proven since then. `unproven_since`: since when proof is wanting; `asked_at`: when the Incident
    Commander was asked to close or wait. Before the first evaluation since the start there are no conditions. `roles`:
    who has which.
    """

    incident: str
    service: str
    recovered: bool | None
    flapping: bool
    conditions: list[ConditionDocument]
    notes: list[str]
    proof: str
    stable_since: str | None
    stable_left_seconds: float | None
    unproven_since: str | None
    asked_at: str | None
    roles: dict[str, str]


def recovery_document(case: Case, seen: Observation | None, stable_for: timedelta, now: datetime) -> RecoveryDocument:
    """
    Args:
        seen: The last evaluation of the incident's subject.
    """
    incident = case.incident
    recovering = incident.state is State.RECOVERING
    assessment = seen.assessment if seen is not None else None
    left = max(timedelta(0), incident.since + stable_for - now).total_seconds()
    return {
        "incident": reference(incident.number),
        "service": incident.service,
        "recovered": seen.recovered if seen is not None else None,
        "flapping": case.flapping,
        "conditions": [_condition(case, c) for c in assessment.conditions] if assessment else [],
        "notes": list(assessment.notes) if assessment else [],
        "proof": assessment.proof if assessment and recovering else "",
        "stable_since": timestamp(incident.since) if recovering else None,
        "stable_left_seconds": left if recovering else None,
        "unproven_since": timestamp(case.unproven_since) if case.unproven_since else None,
        "asked_at": timestamp(case.asked_at) if case.asked_at else None,
        "roles": {role.name: role.holder for role in case.roles.values()},
    }


def _condition(case: Case, condition: Condition) -> ConditionDocument:
    since = case.unmet_since.get(condition.name)
    return {
        "name": condition.name,
        "met": condition.met,
        "text": condition.text,
        "since": timestamp(since) if since is not None and condition.met is not True else None,
    }
