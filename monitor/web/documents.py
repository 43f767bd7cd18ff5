"""
What the web and the command line show, as JSON values: one shape, whether a daemon answers or only the ledger is read.

Instants are ISO 8601 in UTC, durations are seconds and say so in their name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NotRequired, Protocol, TypedDict

from checks.check import Check
from checks.result import CheckResult
from monitor.core.incident import Incident, State
from monitor.ledger.records import AlertLink, Effect, LedgerEvent, MemberLink, TicketLink
from monitor.response.actions import Action, actions
from monitor.response.roles import roles_of
from monitor.response.triage import reference

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


class EventDocument(TypedDict):
    seq: int
    name: str
    at: str
    text: str
    author: str
    service: str
    attributes: dict[str, object]
    trace_id: str


class EffectDocument(TypedDict):
    key: str
    outlet: str
    kind: str
    state: str
    attempts: int
    created_at: str
    next_at: str
    external_id: str
    detail: str


class MemberDocument(TypedDict):
    service: str
    joined_at: str
    left_at: str | None
    why: str


class AlertDocument(TypedDict):
    """
    An alert of another system, or a user report, on an incident. `starts_at` and `ends_at` are by the sender's clock;
    `expired`: it counts as over because nobody repeated it. `links` are addresses for people by what is found there.
    """

    fingerprint: str
    source: str
    summary: str
    firing: bool
    at: str
    service: str
    starts_at: str | None
    ends_at: str | None
    expired: bool
    labels: dict[str, str]
    annotations: dict[str, str]
    links: dict[str, str]


class TicketDocument(TypedDict):
    outlet: str
    external_id: str
    url: str


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
    """An action item of a postmortem. `number` is its own, within the incident. `done_by` is null while it is not."""

    incident: str
    number: int
    what: str
    owner: str
    due: str
    done_by: str | None


class IncidentDetail(IncidentDocument):
    """An incident with its log and all that hangs on it; `roles`: who has which."""

    actions: list[ActionDocument]
    events: list[EventDocument]
    effects: list[EffectDocument]
    members: list[MemberDocument]
    alerts: list[AlertDocument]
    tickets: list[TicketDocument]
    roles: dict[str, str]


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


class IncidentRecords(Protocol):
    """What must be readable of a ledger to tell the whole of an incident: a `LedgerReader` or a `Ledger`."""

    def events(self, incident: str = ..., after: int = ..., limit: int = ...) -> Sequence[LedgerEvent]: ...
    def effects(self, incident: str = ...) -> Sequence[Effect]: ...
    def members(self, incident: str) -> Sequence[MemberLink]: ...
    def alerts(self, incident: str) -> Sequence[AlertLink]: ...
    def tickets(self, incident: str) -> Sequence[TicketLink]: ...


PAGE_OF_EVENTS = 1000


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _timestamp_or_none(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)


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
        "budget_incomplete_since": _timestamp_or_none(budget_incomplete_since),
        "burn_rate": burn_rate,
        "maintenance": maintenance or None,
        "muted_by": muted_by or None,
        "checks": list(checks),
        "series": list(series),
    }


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
        "first_failure_at": _timestamp_or_none(incident.first_failure_at),
        "opened_at": _timestamp_or_none(incident.opened_at),
        "resolved_at": _timestamp_or_none(incident.resolved_at),
        "acknowledged_by": incident.acknowledged_by or None,
        "acknowledged_at": _timestamp_or_none(incident.acknowledged_at),
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
        "done_by": action.done_by or None,
    }


def incident_detail(incident: Incident, records: IncidentRecords) -> IncidentDetail:
    events = _all_events(incident.id, records)
    return {
        **incident_document(incident, muted_by_of(incident, events)),
        "actions": [action_document(incident.number, action) for action in actions(events).values()],
        "events": [_event(event) for event in events],
        "effects": [_effect(effect) for effect in records.effects(incident.id)],
        "members": [_member(member) for member in records.members(incident.id)],
        "alerts": [_alert(alert) for alert in records.alerts(incident.id)],
        "tickets": [_ticket(ticket) for ticket in records.tickets(incident.id)],
        "roles": {role.name: role.holder for role in roles_of(events).values()},
    }


def muted_by_of(incident: Incident, events: Sequence[LedgerEvent]) -> str:
    """Why nobody is told of it now, as its log has it."""
    if not incident.is_live:
        return ""
    told = [event for event in events if event.name in ("incident.muted", "incident.unmuted")]
    return str(told[-1].attributes["muted_by"]) if told and told[-1].name == "incident.muted" else ""


def _all_events(incident: str, records: IncidentRecords) -> list[LedgerEvent]:
    events: list[LedgerEvent] = []
    while page := records.events(incident, events[-1].seq if events else 0, PAGE_OF_EVENTS):
        events += page
    return events


def _event(event: LedgerEvent) -> EventDocument:
    return {
        "seq": event.seq,
        "name": event.name,
        "at": timestamp(event.wall),  # people compare it with their own logs, which tell the wall clock
        "text": event.text,
        "author": event.author,
        "service": event.service,
        "attributes": dict(event.attributes),
        "trace_id": event.trace_id,
    }


def _effect(effect: Effect) -> EffectDocument:
    return {
        "key": effect.key,
        "outlet": effect.outlet,
        "kind": str(effect.kind),
        "state": str(effect.state),
        "attempts": effect.attempts,
        "created_at": timestamp(effect.created_at),
        "next_at": timestamp(effect.next_at),
        "external_id": effect.external_id,
        "detail": effect.detail,
    }


def _member(member: MemberLink) -> MemberDocument:
    return {
        "service": member.service,
        "joined_at": timestamp(member.joined_at),
        "left_at": _timestamp_or_none(member.left_at),
        "why": member.why,
    }


def _alert(alert: AlertLink) -> AlertDocument:
    return {
        "fingerprint": alert.fingerprint,
        "source": alert.source,
        "summary": alert.summary,
        "firing": alert.firing,
        "at": timestamp(alert.at),
        "service": alert.service,
        "starts_at": _timestamp_or_none(alert.starts_at),
        "ends_at": _timestamp_or_none(alert.ends_at),
        "expired": alert.expired,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "links": dict(alert.links),
    }


def _ticket(ticket: TicketLink) -> TicketDocument:
    return {"outlet": ticket.outlet, "external_id": ticket.external_id, "url": ticket.url}


STATES: Mapping[str, frozenset[State]] = {
    "live": frozenset({State.OPEN, State.RECOVERING}),
    "open": frozenset({State.OPEN}),
    "recovering": frozenset({State.RECOVERING}),
    "resolved": frozenset({State.RESOLVED}),
    "all": frozenset({State.OPEN, State.RECOVERING, State.RESOLVED}),
}
"""What one may ask a list of incidents for."""


def select_incidents(
    incidents: Iterable[Incident], state: str, limit: int, records: IncidentRecords
) -> list[IncidentDocument]:
    """The newest *limit* of those in *state*, a key of STATES; newest first."""
    wanted = [incident for incident in incidents if incident.state in STATES[state] and incident.id]
    wanted.sort(key=lambda incident: incident.number, reverse=True)
    return [
        incident_document(one, muted_by_of(one, _all_events(one.id, records)) if one.is_live else "")
        for one in wanted[:limit]
    ]


def plain_reference(ref: str) -> str:
    """What the ledger knows an incident by: `7` for `INC-0007`, `#7` and `007`; a ULID in capitals."""
    text = ref.strip().upper().removeprefix("INC-").removeprefix("#")
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text
