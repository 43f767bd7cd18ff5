"""What the daemon sees now, as JSON values: checks, services, and its own parts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NotRequired, TypedDict

from checks.check import Check
from checks.result import CheckResult
from monitor.core.incident import Incident
from monitor.response.triage import reference
from monitor.web.documents import IncidentDocument, timestamp, timestamp_or_none

if TYPE_CHECKING:
    from monitor.web.recovering import RecoveryDocument
    from monitor.web.series import SeriesDocument
    from monitor.web.silences import SilenceDocument


class CheckDocument(TypedDict):
    """
    A check as its last result left it.

    `outcome` is ok, failed, unknown, or null before the first result. `failing`: its failure is confirmed.
    `maintenance`: the planned window that the result was due in, null outside.
    """

    id: str
    outcome: str | None
    failing: bool
    reason: str | None
    detail: str
    confirmation: str | None
    latency_seconds: float | None
    at: str | None
    trace_id: str
    warnings: list[str]
    notes: list[str]
    maintenance: str | None


class ServiceDocument(TypedDict):
    """
    A service's place in the incident machine. `budget_remaining` is a share of the budget, null without an SLO;
    `budget_incomplete_since`: what the checks did before is not all known, because the history was lost then.
    `maintenance`: the planned window that it is in, null outside. `muted_by`: why nobody is told of it now, by that
    window or by a silence; null while people are told. `series`: its requests and its queue, as far as Prometheus is
    asked for them; see `web/series.py`.
    """

    name: str
    criticality: str | None
    state: str
    since: str | None
    incident: str | None
    budget_remaining: float | None
    budget_incomplete_since: str | None
    burn_rate: float | None
    maintenance: str | None
    muted_by: str | None
    checks: list[CheckDocument]
    series: list[SeriesDocument]


class StatusDocument(TypedDict):
    """
    `source` is "daemon", or "ledger" when no daemon answered: then nothing is known of checks as they are now.
    `missing` says what a daemon that is not ready still lacks. `silences` are those that are active. `parts` are the
    daemon's own facts: the prober, the ledger, telemetry, outlets, and `sources`: which is away since when; each a flat
    mapping. `recovery` says of each live incident what it still lacks to be over. A ledger alone knows none of these.
    """

    source: str
    version: str
    environment: str
    location: str
    now: str
    ready: bool
    missing: list[str]
    services: list[ServiceDocument]
    incidents: list[IncidentDocument]
    recovery: NotRequired[list[RecoveryDocument]]
    silences: NotRequired[list[SilenceDocument]]
    parts: NotRequired[dict[str, dict[str, object]]]


def check_document(check: Check, last: CheckResult | None, failing: bool) -> CheckDocument:
    return {
        "id": check.id,
        "outcome": str(last.outcome) if last else None,
        "failing": failing,
        "reason": str(last.reason) if last and last.reason else None,
        "detail": last.detail if last else "",
        "confirmation": str(last.confirmation) if last else None,
        "latency_seconds": last.latency if last else None,
        "at": timestamp(last.scheduled_at) if last else None,
        "trace_id": last.trace_id if last else "",
        "warnings": list(last.warnings) if last else [],
        "notes": list(last.notes) if last else [],
        "maintenance": last.maintenance or None if last else None,
    }


def service_document(
    place: Incident,
    *,
    criticality: str | None = None,
    checks: Iterable[CheckDocument] = (),
    incident: Incident | None = None,
    budget_remaining: float | None = None,
    budget_incomplete_since: datetime | None = None,
    burn_rate: float | None = None,
    maintenance: str = "",
    muted_by: str = "",
    series: Iterable[SeriesDocument] = (),
) -> ServiceDocument:
    """
    Args:
        place: Where the service stands in the machine.
        incident: The live incident it belongs to, its own or the one that it joined.
    """
    return {
        "name": place.service,
        "criticality": criticality,
        "state": str(place.state),
        "since": timestamp(place.since),
        "incident": reference(incident.number) if incident else None,
        "budget_remaining": budget_remaining,
        "budget_incomplete_since": timestamp_or_none(budget_incomplete_since),
        "burn_rate": burn_rate,
        "maintenance": maintenance or None,
        "muted_by": muted_by or None,
        "checks": list(checks),
        "series": list(series),
    }
