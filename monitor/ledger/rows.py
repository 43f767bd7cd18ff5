"""Records to rows and back. The only file besides schema.sql that spells the ledger's columns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from monitor.core.incident import Incident, State
from monitor.core.severity import Severity
from monitor.ledger.records import (
    AlertLink,
    Backlog,
    BudgetCheckpoint,
    BudgetPast,
    Commit,
    Effect,
    EffectKind,
    EffectState,
    LedgerEvent,
    MemberLink,
    TicketLink,
)

Row = Sequence[Any]
"""As SQLite gives it: the column types are kept by STRICT tables, not by Python."""

Statement = tuple[str, tuple[tuple[object, ...], ...]]
"""SQL and the rows to run it with."""

RESTORED: Final = "restored"
"""Of meta: what the next start of the daemon has to say, JSON; empty once it was said."""
NUMBERS_FROM: Final = "numbers_from"
"""Of meta: the number of an incident that may have been the last one, though the ledger does not know it."""

_EVENT = "seq, schema_version, name, at, wall, text, author, incident, service, attributes, trace_id, span_id"
_INCIDENT = (
    "service, id, number, state, since, first_failure_at, opened_at, resolved_at, severity, lowered_from, reason, "
    "acknowledged_by, acknowledged_at, declared_by, mitigated_by, reopened, trace_id, span_id"
)
_EFFECT = (
    "key, incident, service, outlet, kind, position, created_at, next_at, urgent, state, attempts, external_id, detail"
)
_MEMBER = "incident, service, joined_at, why, left_at"
_ALERT = "incident, fingerprint, source, summary, firing, at, service, starts_at, ends_at, heard_at, expired, details"
_TICKET = "incident, outlet, external_id, url"
_CHECKPOINT = "hour, check_name, expected, good, bad, unknown"
_PAST = "check_name, until, hours"


def _select(columns: str, table: str) -> str:
    return f"SELECT {columns} FROM {table} "  # noqa: S608 - both are written in this file


def _insert(columns: str, table: str, on_conflict: str = "") -> str:
    marks = ", ".join("?" * len(columns.split(", ")))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) {on_conflict}"  # noqa: S608 - both are written in this file


def _upsert(columns: str, table: str, key: str) -> str:
    rest = [name for name in columns.split(", ") if name not in key.split(", ")]
    changes = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return _insert(columns, table, f"ON CONFLICT ({key}) DO UPDATE SET {changes}")


SELECT_EVENTS = _select(_EVENT, "events")
SELECT_INCIDENTS = _select(_INCIDENT, "incidents")
SELECT_EFFECTS = _select(_EFFECT, "effects")
SELECT_MEMBERS = _select(_MEMBER, "incident_service")
SELECT_ALERTS = _select(_ALERT, "incident_alert")
SELECT_TICKETS = _select(_TICKET, "incident_ticket")
SELECT_CHECKPOINTS = _select(_CHECKPOINT, "budget_checkpoints")
SELECT_PASTS = _select(_PAST, "budget_past")

_ADD_EVENT = _insert(_EVENT, "events")
_PUT_INCIDENT = _upsert(_INCIDENT, "incidents", "service, id")
_LEAVE_PLACE = "DELETE FROM incidents WHERE service = ? AND id = ''"
# A commit that was retried may bring its effects twice; the key is what makes them one.
_ADD_EFFECT = _insert(_EFFECT, "effects", "ON CONFLICT (key) DO NOTHING")
_SET_EFFECT = "UPDATE effects SET state = ?, attempts = ?, next_at = ?, external_id = ?, detail = ? WHERE key = ?"
_PUT_MEMBER = _upsert(_MEMBER, "incident_service", "incident, service")
_PUT_ALERT = _upsert(_ALERT, "incident_alert", "incident, fingerprint")
_PUT_TICKET = _upsert(_TICKET, "incident_ticket", "incident, outlet")
_PUT_CHECKPOINT = _upsert(_CHECKPOINT, "budget_checkpoints", "hour, check_name")
_PUT_PAST = _upsert(_PAST, "budget_past", "check_name")
_PUT_META = _upsert("key, value", "meta", "key")


COUNTS: Final[Mapping[str, str]] = {
    "events": "SELECT count(*) FROM events",
    "incidents": "SELECT count(*) FROM incidents WHERE id <> ''",
    "live": "SELECT count(*) FROM incidents WHERE id <> '' AND state IN ('open', 'recovering')",
    "unsent": "SELECT count(*) FROM effects WHERE state IN ('waiting', 'sending')",
}
"""Of a ledger of any schema that was released: columns that all of them have."""

HIGHEST_NUMBER = "SELECT coalesce(max(number), 0) FROM incidents"

# Sent or not: that is unknown after a restore, and of what is unknown each outlet is asked first.
_ASK_FIRST = "UPDATE effects SET state = 'sending' WHERE state = 'waiting'"
# Places that were given after the backup was made are given again unless the count goes on from above all of them: the
# other side would take a new effect under an old key for one that it has. Only for incidents that may yet go on.
_SKIP_PLACES = f"""
    INSERT INTO effects ({_EFFECT})
    SELECT incident || '/' || outlet || '/' || :place || '/update', incident, max(service), outlet, 'update', :place,
           :at, :at, 0, 'superseded', 0, '', :detail
    FROM effects WHERE incident IN (
      SELECT id FROM incidents i WHERE id <> '' AND (state <> 'resolved' OR number = (
        SELECT max(number) FROM incidents other WHERE other.service = i.service)))
    GROUP BY incident, outlet"""  # noqa: S608 - the columns are ours


def to_text(at: datetime) -> str:
    """Raises ValueError on a naive instant: the guess of a zone would move every interval counted from it."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone: the ledger keeps UTC")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _to_text_or_none(at: datetime | None) -> str | None:
    return None if at is None else to_text(at)


def from_text(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _from_text_or_none(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


def commit_statements(commit: Commit) -> tuple[Statement, ...]:
    """Raises TypeError or ValueError for what the ledger cannot keep, in the thread that made it."""
    parts: tuple[Statement, ...] = (
        (_ADD_EVENT, tuple(map(_event_row, commit.events))),
        (_LEAVE_PLACE, tuple((incident.service,) for incident in commit.incidents if incident.id)),
        (_PUT_INCIDENT, tuple(map(_incident_row, commit.incidents))),
        (_ADD_EFFECT, tuple(map(_effect_row, commit.effects))),
        (_PUT_MEMBER, tuple(map(_member_row, commit.members))),
        (_PUT_ALERT, tuple(map(_alert_row, commit.alerts))),
    )
    return tuple(part for part in parts if part[1])


def effect_statements(effect: Effect, ticket: TicketLink | None) -> tuple[Statement, ...]:
    changed = (effect.state, effect.attempts, to_text(effect.next_at), effect.external_id, effect.detail, effect.key)
    statements: list[Statement] = [(_SET_EFFECT, (changed,))]
    if ticket is not None:
        statements.append((_PUT_TICKET, ((ticket.incident, ticket.outlet, ticket.external_id, ticket.url),)))
    return tuple(statements)


def meta_statements(key: str, value: str) -> tuple[Statement, ...]:
    return ((_PUT_META, ((key, value),)),)


def mark_restored(connection: sqlite3.Connection, at: datetime, notice: str, numbers_from: int) -> None:
    """In a ledger that nobody has opened yet: what it cannot know of the time since the backup was made."""
    place = int(at.timestamp())  # above every place before it, also when the same backup is restored twice
    detail = "no effect: places below may have been used after the backup was made"
    connection.execute(_ASK_FIRST)
    connection.execute(_SKIP_PLACES, {"place": place, "at": to_text(at), "detail": detail})
    connection.executemany(_PUT_META, ((RESTORED, notice), (NUMBERS_FROM, str(numbers_from))))


def checkpoint_statements(checkpoints: Sequence[BudgetCheckpoint]) -> tuple[Statement, ...]:
    rows = tuple((to_text(c.hour), c.check, c.expected, c.good, c.bad, c.unknown) for c in checkpoints)
    return ((_PUT_CHECKPOINT, rows),)


def past_statements(pasts: Sequence[BudgetPast]) -> tuple[Statement, ...]:
    return ((_PUT_PAST, tuple((past.check, to_text(past.until), past.hours) for past in pasts)),)


def forget_pasts_statements(before: datetime) -> tuple[Statement, ...]:
    return (("DELETE FROM budget_past WHERE until < ?", ((to_text(before),),)),)


def forget_checkpoints_statements(before: datetime) -> tuple[Statement, ...]:
    return (("DELETE FROM budget_checkpoints WHERE hour < ?", ((to_text(before),),)),)


def forget_alerts_statements(before: datetime) -> tuple[Statement, ...]:
    return (("DELETE FROM incident_alert WHERE incident = '' AND heard_at < ?", ((to_text(before),),)),)


def _event_row(event: LedgerEvent) -> tuple[object, ...]:
    return (
        None,
        event.schema,
        event.name,
        to_text(event.at),
        to_text(event.wall),
        event.text,
        event.author,
        event.incident,
        event.service,
        json.dumps(dict(event.attributes), ensure_ascii=False, allow_nan=False),
        event.trace_id,
        event.span_id,
    )


def event_of(row: Row) -> LedgerEvent:
    seq, schema, name, at, wall, text, author, incident, service, attributes, trace_id, span_id = row
    return LedgerEvent(
        seq=seq,
        schema=schema,
        name=name,
        at=from_text(at),
        wall=from_text(wall),
        text=text,
        author=author,
        incident=incident,
        service=service,
        attributes=json.loads(attributes),
        trace_id=trace_id,
        span_id=span_id,
    )


def _incident_row(incident: Incident) -> tuple[object, ...]:
    return (
        incident.service,
        incident.id,
        incident.number,
        incident.state,
        to_text(incident.since),
        _to_text_or_none(incident.first_failure_at),
        _to_text_or_none(incident.opened_at),
        _to_text_or_none(incident.resolved_at),
        incident.severity,
        incident.lowered_from,
        incident.reason,
        incident.acknowledged_by,
        _to_text_or_none(incident.acknowledged_at),
        incident.declared_by,
        incident.mitigated_by,
        incident.reopened,
        incident.trace_id,
        incident.span_id,
    )


def incident_of(row: Row) -> Incident:
    (service, id_, number, state, since, first_failure_at, opened_at, resolved_at, severity, lowered_from) = row[:10]
    (reason, acknowledged_by, acknowledged_at, declared_by, mitigated_by, reopened, trace_id, span_id) = row[10:]
    return Incident(
        service=service,
        id=id_,
        number=number,
        state=State(state),
        since=from_text(since),
        first_failure_at=_from_text_or_none(first_failure_at),
        opened_at=_from_text_or_none(opened_at),
        resolved_at=_from_text_or_none(resolved_at),
        severity=None if severity is None else Severity(severity),
        lowered_from=None if lowered_from is None else Severity(lowered_from),
        reason=reason,
        acknowledged_by=acknowledged_by,
        acknowledged_at=_from_text_or_none(acknowledged_at),
        declared_by=declared_by,
        mitigated_by=mitigated_by,
        reopened=reopened,
        trace_id=trace_id,
        span_id=span_id,
    )


def _effect_row(effect: Effect) -> tuple[object, ...]:
    return (
        effect.key,
        effect.incident,
        effect.service,
        effect.outlet,
        effect.kind,
        effect.order,
        to_text(effect.created_at),
        to_text(effect.next_at),
        int(effect.urgent),
        effect.state,
        effect.attempts,
        effect.external_id,
        effect.detail,
    )


def effect_of(row: Row) -> Effect:
    key, incident, service, outlet, kind, order, created_at, next_at, urgent, state, attempts, external_id, detail = row
    return Effect(
        key=key,
        incident=incident,
        service=service,
        outlet=outlet,
        kind=EffectKind(kind),
        order=order,
        created_at=from_text(created_at),
        next_at=from_text(next_at),
        urgent=bool(urgent),
        state=EffectState(state),
        attempts=attempts,
        external_id=external_id,
        detail=detail,
    )


def _member_row(member: MemberLink) -> tuple[object, ...]:
    left_at = _to_text_or_none(member.left_at)
    return (member.incident, member.service, to_text(member.joined_at), member.why, left_at)


def member_of(row: Row) -> MemberLink:
    incident, service, joined_at, why, left_at = row
    return MemberLink(
        incident=incident,
        service=service,
        joined_at=from_text(joined_at),
        why=why,
        left_at=_from_text_or_none(left_at),
    )


def _alert_row(alert: AlertLink) -> tuple[object, ...]:
    details = {"labels": dict(alert.labels), "annotations": dict(alert.annotations), "links": dict(alert.links)}
    return (
        alert.incident,
        alert.fingerprint,
        alert.source,
        alert.summary,
        int(alert.firing),
        to_text(alert.at),
        alert.service,
        _to_text_or_none(alert.starts_at),
        _to_text_or_none(alert.ends_at),
        _to_text_or_none(alert.heard_at),
        int(alert.expired),
        json.dumps({name: texts for name, texts in details.items() if texts}, ensure_ascii=False),
    )


def alert_of(row: Row) -> AlertLink:
    incident, fingerprint, source, summary, firing, at, service, starts_at, ends_at, heard_at, expired, details = row
    return AlertLink(
        incident=incident,
        fingerprint=fingerprint,
        source=source,
        summary=summary,
        firing=bool(firing),
        at=from_text(at),
        service=service,
        starts_at=_from_text_or_none(starts_at),
        ends_at=_from_text_or_none(ends_at),
        heard_at=_from_text_or_none(heard_at),
        expired=bool(expired),
        **json.loads(details),
    )


def backlog_of(row: Row) -> Backlog:
    outlet, waiting, dead, oldest, error, refusal = row
    return Backlog(
        outlet=str(outlet), waiting=int(waiting), dead=int(dead), error=str(error),
        # The newest one's instant goes before it: so one look over the rows is enough.
        refusal=str(refusal or "").partition("\x1f")[2],
        oldest_at=None if oldest is None else from_text(oldest),
    )  # fmt: skip


def ticket_of(row: Row) -> TicketLink:
    incident, outlet, external_id, url = row
    return TicketLink(incident=incident, outlet=outlet, external_id=external_id, url=url)


def checkpoint_of(row: Row) -> BudgetCheckpoint:
    hour, check, expected, good, bad, unknown = row
    return BudgetCheckpoint(check=check, hour=from_text(hour), expected=expected, good=good, bad=bad, unknown=unknown)


def past_of(row: Row) -> BudgetPast:
    check, until, hours = row
    return BudgetPast(check=check, until=from_text(until), hours=hours)
