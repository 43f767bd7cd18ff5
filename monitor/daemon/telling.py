"""How an event of the ledger reads in the log: its level, its line, and the fields that lead on from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from loguru import logger

from monitor.core.incident import Event, State, Transition, transition_text
from monitor.core.severity import Severity
from monitor.ledger.records import Commit, LedgerEvent
from monitor.response.triage import reference

LEVELS: Final[Mapping[str, str]] = {
    "incident.opened": "WARNING",
    "incident.reopened": "WARNING",
    "incident.relapsed": "WARNING",
    "incident.flapping": "WARNING",
    "incident.storm": "WARNING",
    "incident.suggested": "WARNING",
    "incident.severity_changed": "WARNING",
    "incident.escalated": "WARNING",
    "incident.alert_attached": "WARNING",
    "alert.unmatched": "WARNING",
    "incident.evidence_wait": "WARNING",
    "baseline.proposed": "WARNING",
    "clock.stepped": "WARNING",
    "slo.burn_rate.exceeded": "WARNING",
    "slo.budget.exhausting": "WARNING",
    "effect.overdue": "WARNING",
    "playbook.review_due": "WARNING",
    "ticket.gone": "WARNING",
}
"""Of what people should look at. Anything else that becomes of an incident is INFO."""


def tell(commit: Commit) -> None:
    """One line for each event, however often it comes: two transitions in the same words are two transitions."""
    numbers = {incident.id: incident.number for incident in commit.incidents}
    for event in commit.events:
        number = numbers.get(event.incident, 0) if event.incident else 0
        bound = logger.bind(always=True, event=event.name, **fields(event, number))
        bound.log(LEVELS.get(event.name, "INFO"), "{}", log_line(event))


def fields(event: LedgerEvent, number: int) -> dict[str, str]:
    """What the line is about; the trace is that of the probe that caused it."""
    return {
        "service": event.service,
        "check": str(event.attributes.get("check") or ""),
        "incident": reference(number) if number else "",
        "incident_id": event.incident,
        "trace_id": event.trace_id,
        "span_id": event.span_id,
    }


def log_line(event: LedgerEvent) -> str:
    """
    `orders-service: pending => open (SEV2), breached for 1m0s: ...`, or `orders-service: update due (SEV2): ...` for
    what moves no state: the service first, as that is what people look for.
    """
    family, _, word = event.name.partition(".")
    if (transition := _transition(event)) is not None:
        return transition_text(transition, _severity(event))
    what = word if family == "incident" else f"{family} {word}"
    severity = event.attributes.get("severity")
    grade = f" ({severity})" if severity else ""
    told = what.replace("_", " ").replace(".", " ")
    return f"{event.service or 'watchkeeper'}: {told}{grade}: {_gist(event.text)}"


def _transition(event: LedgerEvent) -> Transition | None:
    old, new, trigger = (event.attributes.get(key) for key in ("old", "new", "event"))
    if not (old and new and trigger):
        return None
    return Transition(
        service=event.service, old=State(str(old)), new=State(str(new)), event=Event(str(trigger)), at=event.at,
        reason=_gist(event.text),
    )  # fmt: skip


def _severity(event: LedgerEvent) -> Severity | None:
    named = event.attributes.get("severity")
    return Severity[str(named)] if named else None


def _gist(text: str) -> str:
    """Of an update for people the line that says where the incident stands; of anything else the first."""
    lines = text.splitlines() or [""]
    return next((line for line in lines if line.startswith("status: ")), lines[0])
