"""What a change writes down: the event's name for a transition, and the effects that its events ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from monitor.core.incident import Incident, State, Transition
from monitor.core.severity import Policy, Severity
from monitor.ledger.records import Effect, EffectKind, LedgerEvent
from monitor.response.audiences import AUDIENCES, Audience, kind_for
from monitor.response.case import Case
from monitor.response.notice import published_stage

POSTMORTEMS: Final = "postmortems"
"""The outlet that keeps postmortem drafts. A tracker that keeps them too has one beside its own: `jira.postmortems`."""
TRACKERS: Final = frozenset({"folder", "jira", "github", "notion"})
RECORDS: Final = TRACKERS | {POSTMORTEMS}
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


def effects_for(
    case: Case, events: Iterable[LedgerEvent], outlets: tuple[str, ...], policies: Mapping[Severity, Policy]
) -> tuple[Effect, ...]:
    """
    At most one effect per outlet for all the events of one commit: the strongest of what they ask for, if the policy
    of its severity tells that outlet.
    """
    events = tuple(events)
    names = [event.name for event in events]
    effects = [] if not names else list(_told(case, names, outlets, policies, published_stage(events)))
    drafted = [outlet for outlet in outlets if _is_drafted(case, outlet, names)]
    effects += [_next(case, outlet, _of_draft(case, outlet, names)) for outlet in drafted]
    return tuple(_effect(case, *effect) for effect in effects)


def keeps_drafts(outlet: str) -> bool:
    return outlet.rpartition(".")[2] == POSTMORTEMS


def _is_drafted(case: Case, outlet: str, names: Sequence[str]) -> bool:
    """A draft that is there follows what becomes of it; none is begun by an action item alone."""
    is_there = case.orders.get(outlet, 0) > 0
    is_news = any(name.startswith("postmortem.") for name in names)
    return keeps_drafts(outlet) and ("postmortem.scheduled" in names or (is_news and is_there))


def _of_draft(case: Case, outlet: str, names: Sequence[str]) -> EffectKind:
    if case.orders.get(outlet, 0) == 0:
        return EffectKind.CREATE
    # A file is nothing that is closed.
    return EffectKind.CLOSE if "postmortem.held" in names and outlet != POSTMORTEMS else EffectKind.UPDATE


def effect_for(case: Case, outlet: str, kind: EffectKind) -> Effect:
    """One for this outlet alone, behind all that it was told of the incident."""
    return _effect(case, *_next(case, outlet, kind))


def _effect(case: Case, outlet: str, order: int, kind: EffectKind) -> Effect:
    at = max((event.at for event in case.events), default=case.incident.since)
    return Effect(
        key=f"{case.incident.id}/{outlet}/{order:04d}/{kind}", incident=case.incident.id,
        service=case.incident.service, outlet=outlet, kind=kind, order=order,
        created_at=at, next_at=at, urgent=case.incident.severity in (Severity.SEV1, Severity.SEV2),
    )  # fmt: skip


def _told(
    case: Case, names: Sequence[str], outlets: tuple[str, ...], policies: Mapping[Severity, Policy], published: str
) -> Iterator[tuple[str, int, EffectKind]]:
    asked = next((_EFFECTS[name] for name in names if name in _EFFECTS), EffectKind.UPDATE)
    for outlet in outlets:
        if keeps_drafts(outlet):
            continue
        kind = kind_for(
            AUDIENCES.get(outlet, Audience.RECORD), asked, case.last_asked.get(outlet), names,
            policies[case.incident.severity or Severity.SEV4],
            live=case.incident.is_live, muted=bool(case.muted_by) and outlet not in RECORDS,
            published=published,
        )  # fmt: skip
        if kind is not None:
            yield _next(case, outlet, kind)


def _next(case: Case, outlet: str, kind: EffectKind) -> tuple[str, int, EffectKind]:
    order = case.orders[outlet] = case.orders.get(outlet, 0) + 1
    case.last_asked[outlet] = kind
    return outlet, order, kind
