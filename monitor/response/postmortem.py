"""Chapter 5, postmortem: the first draft. Its timeline is the ledger's own events, in UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.incident import duration_text
from monitor.outlets.outlet import Message
from monitor.response.case import Case
from monitor.response.communicate import compose, timeline
from monitor.response.triage import Role, reference, utc


def draft(case: Case, roles: tuple[Role, ...], due: datetime) -> str:
    """The playbook's checklist, with the parts filled in that the ledger knows and questions where only people know."""
    incident = case.incident
    lines = [
        f"# Postmortem of {reference(incident.number)}: {incident.service}",
        "",
        f"Due by {utc(due)}. Draft: what the ledger knows is filled in; the questions are for people.",
        "",
        *(f"- {role}" for role in roles),
        f"- Severity: {incident.severity}",
        *_durations(case),
        "",
        "## Timeline (UTC)",
        "",
        *timeline(case.events),
        "",
        "## Root cause and contributing factors",
        "",
        "What was seen first:",
        "",
        *(f"- {symptom}" for symptom in case.symptoms),
        "",
        "_What changed before it began? Why did that lead to this?_",
        "",
        "## Detection and response gaps",
        "",
        "_Who noticed first, and how? What would have shown it sooner?_",
        "",
        "## Action items",
        "",
        "| What | Who | By when |",
        "|---|---|---|",
        "| | | |",
        "",
        "## Runbooks, alerts and tests to update",
        "",
        "- [ ] _Which runbook, alert or test would have made this shorter?_",
    ]
    return "\n".join(lines) + "\n"


def postmortem_message(case: Case, roles: tuple[Role, ...], now: datetime, within: timedelta) -> Message:
    """The draft as an outlet wants it."""
    resolved = next((e.wall for e in reversed(case.events) if e.name == "incident.resolved"), now)
    text = draft(case, roles, resolved + within)
    return replace(compose(case, roles, now), heading="Postmortem draft", markdown=text)


def _durations(case: Case) -> list[str]:
    incident = case.incident
    lines = []
    if incident.first_failure_at and incident.opened_at:
        lines.append(f"- Time to detect: {duration_text(incident.opened_at - incident.first_failure_at)}")
    if incident.acknowledged_at and incident.opened_at:
        lines.append(f"- Time to acknowledge: {duration_text(incident.acknowledged_at - incident.opened_at)}")
    if incident.resolved_at and incident.opened_at:
        lines.append(f"- Open for: {duration_text(incident.resolved_at - incident.opened_at)}")
    return lines
