"""What can be done about an incident, as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from monitor.core.incident import Incident
from monitor.core.mitigations import Ranked
from monitor.response.mitigation import called
from monitor.response.mitigation_runs import Run
from monitor.response.triage import reference


class MitigationDocument(TypedDict):
    """
    `name`: what a command calls it by. `holds`: the evidence speaks for it, or against it; null where it says nothing.
    `run_by`: who runs it once a person has approved: `copy` is nobody, people copy its `command`.
    """

    name: str
    service: str
    description: str
    holds: bool | None
    reason: str
    run_by: str
    command: str
    argv: list[str]
    timeout_seconds: float


class RunDocument(TypedDict):
    """A mitigation that was approved. `run`: its id, as its events have it."""

    incident: str
    service: str
    mitigation: str
    by: str
    run: str


def mitigation_documents(ranked: Sequence[Ranked]) -> list[MitigationDocument]:
    return [
        {
            "name": called(one, ranked),
            "service": one.mitigation.service,
            "description": one.mitigation.description,
            "holds": one.holds,
            "reason": one.reason,
            "run_by": str(one.mitigation.run_by),
            "command": one.mitigation.command,
            "argv": list(one.mitigation.run),
            "timeout_seconds": one.mitigation.timeout,
        }
        for one in ranked
    ]


def run_document(incident: Incident, run: Run) -> RunDocument:
    return {
        "incident": reference(incident.number),
        "service": run.service,
        "mitigation": run.name,
        "by": run.by,
        "run": run.id,
    }
