"""What a change writes down: the event's name for a transition, and the effects that its events ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from monitor.core.incident import Incident, State, Transition
from monitor.core.severity import Severity
from monitor.ledger.records import Effect, EffectKind, LedgerEvent
from monitor.response.case import Case

POSTMORTEMS: Final = "postmortems"
"""The outlet that keeps postmortem drafts."""
RECORDS: Final = frozenset({"folder", "jira", "github", POSTMORTEMS})
"""Trackers and drafts keep a record and wake nobody, so they are written to as ever while an incident is muted. All
other outlets tell people."""

_NAMES: Final[Mapping[tuple[State, State], str]] = {
    (State.CLEAR, State.PENDING): "incident.pending",
    (State.PENDING, State.CLEAR): "incident.cleared",
    (State.CLEAR, State.OPEN): "incident.opened",
    (State.PENDING, State.OPEN): "incident.opened",
    (State.OPEN, State.RECOVERING): "incident.recovering",
    (State.RECOVERING, State.RECOVERING): "incident.recovery_restarted",
    (State.RECOVERING, State.OPEN): "incident.relapsed",
    (State.RECOVERING, State.RESOLVED): "incident.resolved",
    (State.OPEN, State.RESOLVED): "incident.resolved",
    (State.RESOLVED, State.OPEN): "incident.reopened",
    (State.RESOLVED, State.CLEAR): "incident.closed",
}

_EFFECTS: Final[Mapping[str, EffectKind]] = {
    "incident.opened": EffectKind.CREATE,
    "incident.reopened": EffectKind.REOPEN,
    "incident.resolved": EffectKind.CLOSE,
    "incident.merged": EffectKind.CLOSE,
}
"""Any other event of a live incident updates the ticket."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be an event, before it is one of an incident."""

    name: str
    text: str
    attributes: Mapping[str, object] = field(default_factory=dict)


def name_of(transition: Transition) -> str:
    return _NAMES.get((transition.old, transition.new), f"incident.{transition.new}")


def moved(transition: Transition) -> dict[str, object]:
    """What an event tells of the change of state that it stands for."""
    return {"old": str(transition.old), "new": str(transition.new), "event": str(transition.event)}


def entry(
    incident: Incident, name: str, text: str, author: str, now: datetime, wall: datetime, *,
    attributes: Mapping[str, object] | None = None, trace_id: str = "", span_id: str = "",
) -> LedgerEvent:  # fmt: skip
    """One line of the log of *incident*: what was seen, or what a person said or did."""
    return LedgerEvent(
        name=name, at=now, wall=wall, text=text, author=author, incident=incident.id, service=incident.service,
        attributes={"severity": str(incident.severity or ""), **(attributes or {})},
        trace_id=trace_id or incident.trace_id, span_id=span_id or incident.span_id,
    )  # fmt: skip


def effects_for(case: Case, events: Iterable[LedgerEvent], outlets: tuple[str, ...]) -> tuple[Effect, ...]:
    """One effect per outlet for all the events of one commit: the strongest of what they ask for."""
    names = [event.name for event in events]
    asked = [_EFFECTS[name] for name in names if name in _EFFECTS]
    kind = asked[0] if asked else EffectKind.UPDATE
    told = [outlet for outlet in outlets if outlet != POSTMORTEMS and _is_told(case, outlet, kind)]
    # That it was reopened may have been muted, so it is told with the rest.
    again = kind is EffectKind.UPDATE and "incident.unmuted" in names and case.incident.reopened > 0
    kinds = {outlet: EffectKind.REOPEN if again and outlet not in RECORDS else kind for outlet in told}
    effects = [_next(case, outlet, kind) for outlet, kind in kinds.items()] if names else []
    first = case.orders.get(POSTMORTEMS, 0) == 0
    # A draft that is there follows what becomes of it; none is begun by an action item alone.
    is_news = any(name.startswith("postmortem.") for name in names) and not first
    if POSTMORTEMS in outlets and ("postmortem.scheduled" in names or is_news):
        effects.append(_next(case, POSTMORTEMS, EffectKind.CREATE if first else EffectKind.UPDATE))
    at = max((event.at for event in case.events), default=case.incident.since)
    urgent = case.incident.severity in (Severity.SEV1, Severity.SEV2)
    return tuple(
        Effect(
            key=f"{case.incident.id}/{outlet}/{order:04d}/{kind}", incident=case.incident.id,
            service=case.incident.service, outlet=outlet, kind=kind, order=order,
            created_at=at, next_at=at, urgent=urgent,
        )
        for outlet, order, kind in effects
    )  # fmt: skip


def _is_told(case: Case, outlet: str, kind: EffectKind) -> bool:
    """What was announced to an outlet is also ended there: else a page would stay open for ever."""
    if not case.muted_by or outlet in RECORDS:
        return True
    return kind is EffectKind.CLOSE and case.orders.get(outlet, 0) > 0


def _next(case: Case, outlet: str, kind: EffectKind) -> tuple[str, int, EffectKind]:
    order = case.orders[outlet] = case.orders.get(outlet, 0) + 1
    if order == 1 and kind in (EffectKind.UPDATE, EffectKind.REOPEN):
        kind = EffectKind.CREATE  # this outlet was configured after the incident had opened, or was not told of it
    return outlet, order, kind
