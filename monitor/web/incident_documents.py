"""An incident with its log and all that hangs on it, as JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypedDict

from monitor.core.incident import Incident
from monitor.ledger.records import AlertLink, Effect, LedgerEvent, MemberLink, TicketLink
from monitor.response.actions import actions
from monitor.response.roles import roles_of
from monitor.web.documents import (
    ActionDocument,
    IncidentDocument,
    action_document,
    incident_document,
    timestamp,
    timestamp_or_none,
)


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


class IncidentDetail(IncidentDocument):
    """An incident with its log and all that hangs on it; `roles`: who has which."""

    actions: list[ActionDocument]
    events: list[EventDocument]
    effects: list[EffectDocument]
    members: list[MemberDocument]
    alerts: list[AlertDocument]
    tickets: list[TicketDocument]
    roles: dict[str, str]


class IncidentRecords(Protocol):
    """What must be readable of a ledger to tell the whole of an incident: a `LedgerReader` or a `Ledger`."""

    def events(self, incident: str = ..., after: int = ..., limit: int = ...) -> Sequence[LedgerEvent]: ...
    def effects(self, incident: str = ...) -> Sequence[Effect]: ...
    def members(self, incident: str) -> Sequence[MemberLink]: ...
    def alerts(self, incident: str) -> Sequence[AlertLink]: ...
    def tickets(self, incident: str) -> Sequence[TicketLink]: ...


PAGE_OF_EVENTS = 1000


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
        "left_at": timestamp_or_none(member.left_at),
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
        "starts_at": timestamp_or_none(alert.starts_at),
        "ends_at": timestamp_or_none(alert.ends_at),
        "expired": alert.expired,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "links": dict(alert.links),
    }


def _ticket(ticket: TicketLink) -> TicketDocument:
    return {"outlet": ticket.outlet, "external_id": ticket.external_id, "url": ticket.url}


def incident_list(incidents: Iterable[Incident], muted_by: Callable[[Incident], str]) -> list[IncidentDocument]:
    """
    Args:
        muted_by: Of one that is live; of others it is not asked.
    """
    return [incident_document(one, muted_by(one) if one.is_live else "") for one in incidents]
