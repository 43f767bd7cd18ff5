"""Why an incident is as severe as it is, as JSON values: the row that decided, its inputs, and the table around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from monitor.core.incident import Incident
from monitor.core.severity import Criticality
from monitor.core.severity_table import Row, Suggestion, Table
from monitor.response.triage import reference
from monitor.web.documents import timestamp


class RowDocument(TypedDict):
    """
    One line of the table. `severities`: by criticality. `holds`: its condition does; null where nothing was evaluated.
    `decides`: it is the first that holds.
    """

    name: str
    condition: str
    severities: Mapping[str, str]
    holds: bool | None
    decides: bool


class ExplanationDocument(TypedDict):
    """
    What the table says of one piece of evidence. `suggested` and `row` are null when no row holds. `inputs`: what was
    looked at, a line each. `higher`, `lower`: what would have made it one step worse or milder, empty where nothing.
    """

    criticality: str | None
    suggested: str | None
    row: str | None
    reason: str
    inputs: list[str]
    higher: str
    lower: str
    table: list[RowDocument]


class IncidentSeverityDocument(ExplanationDocument):
    """
    Of an incident. `severity` is what is in force: it rises when two evaluations agree, and falls by a person alone.
    `because`: how that came about, with what was looked at then. The rest is the evaluation of `evaluated_at`; that is
    null when there was none since the daemon began, or when only the ledger is read: then `row` is the row of then.
    """

    incident: str
    service: str
    severity: str | None
    lowered_from: str | None
    because: list[str]
    evaluated_at: str | None


def explanation(suggestion: Suggestion) -> ExplanationDocument:
    evidence, row = suggestion.evidence, suggestion.row
    return {
        "criticality": str(evidence.criticality),
        "suggested": str(suggestion.severity) if suggestion.severity is not None else None,
        "row": row.name if row is not None else None,
        "reason": suggestion.reason,
        "inputs": list(suggestion.inputs),
        "higher": suggestion.higher,
        "lower": suggestion.lower,
        "table": [_row(one, one.holds(evidence), one is row) for one in suggestion.table],
    }


def incident_severity(
    incident: Incident,
    because: Sequence[str],
    table: Table,
    suggestion: Suggestion | None = None,
    evaluated_at: datetime | None = None,
) -> IncidentSeverityDocument:
    """
    Args:
        because: As `triage.why` gave it when the severity came into force.
        table: Of the configuration.
        suggestion: Of the last evaluation, which was at *evaluated_at* (wall clock); None when nothing is known of one.
    """
    found = explanation(suggestion) if suggestion is not None else _remembered(because, table)
    return {
        "incident": reference(incident.number),
        "service": incident.service,
        "severity": str(incident.severity) if incident.severity is not None else None,
        "lowered_from": str(incident.lowered_from) if incident.lowered_from is not None else None,
        "because": list(because),
        "evaluated_at": timestamp(evaluated_at) if evaluated_at is not None and suggestion is not None else None,
        **found,
    }


def _remembered(because: Sequence[str], table: Table) -> ExplanationDocument:
    """The row is known by its words: a table that was changed since has it no more."""
    reason = because[0] if because else ""
    row = next((row for row in table if reason.endswith(f": {row.condition} ({row.name})")), None)
    return {
        "criticality": None,
        "suggested": None,
        "row": row.name if row is not None else None,
        "reason": reason,
        "inputs": [],
        "higher": "",
        "lower": "",
        "table": [_row(one, None, one is row) for one in table],
    }


def _row(row: Row, holds: bool | None, decides: bool) -> RowDocument:
    return {
        "name": row.name,
        "condition": row.condition,
        "severities": {str(criticality): str(row.severity(criticality)) for criticality in Criticality},
        "holds": holds,
        "decides": decides,
    }
