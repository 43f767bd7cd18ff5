"""
Tickets besides an incident's own: one for each action item. Whose ticket it is stands where an incident's id stands, as
its subject, so that all that holds for an incident's ticket holds for this one: made once, found again, merged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from monitor.ledger.records import Effect, EffectKind, LedgerEvent
from monitor.outlets.outlet import Message
from monitor.response.actions import ADDED, DONE, OVERDUE, Action, actions
from monitor.response.case import Case
from monitor.response.communicate import compose, escape
from monitor.response.entries import TRACKERS
from monitor.response.triage import reference

_ACTION: Final = re.compile(r"(?P<incident>.+)-action-(?P<number>\d+)")
_KINDS: Final = {ADDED: EffectKind.CREATE, OVERDUE: EffectKind.UPDATE, DONE: EffectKind.CLOSE}


def action_subject(incident: str, number: int) -> str:
    return f"{incident}-action-{number}"


def action_of(subject: str) -> tuple[str, int] | None:
    """The incident and the number of the action item, where *subject* is one."""
    found = _ACTION.fullmatch(subject)
    return (found["incident"], int(found["number"])) if found else None


def action_effects(case: Case, events: Sequence[LedgerEvent], outlets: Sequence[str]) -> tuple[Effect, ...]:
    """*events* are new and in the case's log already: where they stand there among their own is their place."""
    effects: list[Effect] = []
    for event in events:
        if (kind := _KINDS.get(event.name)) is None:
            continue
        number = int(str(event.attributes["action"]))
        own = [e for e in case.events if e.name in _KINDS and e.attributes.get("action") == number]
        order = 1 + next(place for place, one in enumerate(own) if one is event)
        subject = action_subject(case.incident.id, number)
        effects += item_effects(subject, event, order, kind, outlets)
    return tuple(effects)


def item_effects(
    subject: str, event: LedgerEvent, order: int, kind: EffectKind, outlets: Sequence[str]
) -> tuple[Effect, ...]:
    """To each tracker. Whoever waits for an incident's news is not told of tickets."""
    return tuple(
        Effect(
            key=f"{subject}/{outlet}/{order:04d}/{kind}", incident=subject, service=event.service,
            outlet=outlet, kind=kind, order=order, created_at=event.at, next_at=event.at,
        )
        for outlet in outlets if outlet in TRACKERS
    )  # fmt: skip


def action_message(case: Case, number: int, now: datetime, *, ticket_url: str = "") -> Message:
    """
    Args:
        ticket_url: Of the incident's own ticket in the same tracker, once there is one.
    """
    action = actions(case.events)[number]
    told = [e.text for e in case.events if e.name in _KINDS and e.attributes.get("action") == number]
    subject, name = action_subject(case.incident.id, number), f"{reference(case.incident.number)} action {number}"
    return replace(
        compose(case, (), now),
        incident=subject,
        title=f"{name}: {action.updates + ' update: ' if action.updates else ''}{action.what}",
        name=f"{reference(case.incident.number)}-{case.incident.service}-action-{number}",
        due=action.due.isoformat(),
        severity="",
        status=_status(action),
        heading="Action item",
        markdown=_markdown(case, action, ticket_url),
        update=told[-1],
        document={},
    )


def _status(action: Action) -> str:
    if action.done_by:
        return "done"
    return "late" if action.told else "to do"


def _markdown(case: Case, action: Action, ticket_url: str) -> str:
    incident = case.incident
    of = f"{reference(incident.number)} {incident.service}: {incident.reason}"
    rows = [
        ("Who", action.owner),
        ("By when", str(action.due)),
        *([("Updates", f"a {action.updates}")] if action.updates else []),
        ("Status", _status(action) + (f", {action.done_by}" if action.done_by else "")),
        ("From", of + (f" {ticket_url}" if ticket_url else "")),
    ]
    command = f"`monitor incident action done {incident.number} {action.number}`"
    lines = [f"# {escape(action.what)}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {escape(value)} |" for name, value in rows]
    return "\n".join([*lines, "", f"It is done once this ticket is closed, or with {command}."]) + "\n"
