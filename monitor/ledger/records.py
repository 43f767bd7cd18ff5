"""What the ledger keeps, as values. A `Commit` is one transaction: a transition, its events and its effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from monitor.core.incident import Incident

SCHEMA_VERSION = 1
"""Of an event's attributes. Raised when a name or a meaning changes; readers look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEvent:
    """
    One line of the log, appended and never changed.

    Attributes:
        seq: Given by the ledger when it is appended; 0 before.
        name: `incident.opened`, `incident.update_due`, ... as listed in docs/telemetry.md.
        at: Steady timeline, UTC: what intervals are counted from.
        wall: What the wall clock said, UTC: what people read.
        text: For the timeline. The log shows the first line alone.
        author: A person's name, or "watchkeeper".
        attributes: JSON values only.
    """

    name: str
    at: datetime
    wall: datetime
    text: str
    author: str = "watchkeeper"
    incident: str = ""
    service: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    trace_id: str = ""
    span_id: str = ""
    schema: int = SCHEMA_VERSION
    seq: int = 0


class EffectKind(StrEnum):
    """What is to be done outside. Per incident and outlet they go out in order."""

    CREATE = "create"  # made with the state of now; never superseded
    UPDATE = "update"  # an older one that is not sent yet is superseded by a newer one
    CLOSE = "close"
    REOPEN = "reopen"


class EffectState(StrEnum):
    WAITING = "waiting"  # to be sent at `next_at`
    SENDING = "sending"  # claimed; found after a crash it means: outcome unknown, reconcile by key first
    CONFIRMED = "confirmed"
    SUPERSEDED = "superseded"
    DEAD = "dead"  # refused for good; shown to people, blocks nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """
    One thing to be done outside because of a transition.

    Attributes:
        key: Deterministic, for example `01J.../ticket.folder/0003/update`: what makes it happen once.
        order: Position among the effects of this incident and outlet, from 1.
        outlet: Name of the outlet, for example `folder` or `webhook`.
        urgent: SEV1 or SEV2: goes out even when the ledger cannot take it.
        external_id: The other side's id once confirmed.
        detail: What the last attempt said.
    """

    key: str
    incident: str
    service: str
    outlet: str
    kind: EffectKind
    order: int
    created_at: datetime
    next_at: datetime
    urgent: bool = False
    state: EffectState = EffectState.WAITING
    attempts: int = 0
    external_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """
    What one outlet has not taken.

    Attributes:
        waiting: Effects that are neither confirmed, superseded nor dead.
        dead: Effects that were refused for good, of all time.
        oldest_at: When the oldest of those that wait was asked for; None when none does.
        error: What the last attempt at that one said; empty before the first.
        refusal: Why the newest of those was refused that were refused for good; empty when none was.
    """

    outlet: str
    waiting: int
    dead: int
    oldest_at: datetime | None
    error: str
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLink:
    """incident-ticket: which ticket in which outlet belongs to which incident."""

    incident: str
    outlet: str
    external_id: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLink:
    """
    incident-alert: an alert of another system, or a user report, on an incident. Firing, it bars recovery.

    Attributes:
        incident: Empty of an alert that belongs to none.
        fingerprint: With its source before it, or the key of a report: unique in its incident.
        at: When it was attached, or reported.
        service: Whose alert it is.
        starts_at, ends_at: As its sender says, by the sender's clock.
        heard_at: When it was last told; None of a report.
        expired: It counts as over because nobody repeated it.
    """

    incident: str
    fingerprint: str
    source: str
    summary: str
    firing: bool
    at: datetime
    service: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    heard_at: datetime | None = None
    expired: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLink:
    """incident-service: a service affected by an incident, the subject itself or one that depends on it."""

    incident: str
    service: str
    joined_at: datetime
    why: str
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetCheckpoint:
    """
    What one check did in one hour, kept with the ledger: a lost history must not forgive a spent budget.

    Attributes:
        check: Its identity, service/check.
        hour: The hour's first instant, UTC.
    """

    check: str
    hour: datetime
    expected: int
    good: int
    bad: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPast:
    """
    All hours of one check that are older than the hourly checkpoints still need to be, packed.

    Attributes:
        until: Where it ends; hourly checkpoints from then on come on top of it.
        hours: As `monitor.core.sli.SliWindow.hours_before` gives them.
    """

    check: str
    until: datetime
    hours: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What must become true together or not at all."""

    events: tuple[LedgerEvent, ...] = ()
    incidents: tuple[Incident, ...] = ()
    effects: tuple[Effect, ...] = ()
    members: tuple[MemberLink, ...] = ()
    alerts: tuple[AlertLink, ...] = ()
