"""
Chapter 3, communicate: updates to the team on their fixed grid. Each is drafted from the ledger, and sent by a person,
or by itself once `auto_send_after` has passed; with none of that configured it is sent as it falls due.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from monitor.core.cadence import slowed, updates_due
from monitor.core.incident import IllegalTransition
from monitor.core.severity import Severity
from monitor.ledger.records import Commit, LedgerEvent
from monitor.response.case import Case, UpdateDraft
from monitor.response.communicate import update_text
from monitor.response.entries import Told, effects_for, entry
from monitor.response.roles import held
from monitor.response.rules import Rules
from monitor.response.triage import utc

DRAFTED: Final = "incident.update_drafted"
EDITED: Final = "incident.update_edited"
SENT: Final = "incident.update_due"
OVER: Final = ("incident.resolved", "incident.merged")
"""A draft of before says nothing of what is reopened."""


def update_every(case: Case, rules: Rules) -> timedelta | None:
    """None means on change. Hourly once the Incident Commander was asked to close or wait."""
    policy = rules.policies.get(case.incident.severity or Severity.SEV4)
    return slowed(policy.update_every, case.asked_at) if policy is not None else None


def updates(case: Case, rules: Rules, now: datetime, wall: datetime) -> list[Told]:
    """What the clock asks for: a draft, or that one is sent. However many slots went by, one update answers them."""
    every, opened = update_every(case, rules), case.incident.opened_at
    due = updates_due(opened, case.updated_at or opened, every, now) if opened is not None else None
    if due is None or every is None:
        case.draft = None  # sent meanwhile, or of a severity that no update is due of any more
        return []
    # What is told is told on the wall clock, which may have been stepped since the incident opened.
    ahead = wall - now
    following = utc(due.at + every + ahead)
    wait = rules.auto_send_after
    if wait and case.draft is None:
        case.draft = UpdateDraft(now)
        text = f"sent at {utc(now + wait + ahead)} unless a person sends it\n{_ours(case, rules, now, following)}"
        return [Told(DRAFTED, text)]
    if wait and case.draft is not None and now - case.draft.at < wait:
        return []
    written = case.draft.text if case.draft is not None else ""
    case.updated_at, case.draft = due.at, None
    missed = due.text(ahead)
    text = _with_next(written, following) if written else _ours(case, rules, now, following)
    return [Told(SENT, f"{missed}\n{text}" if missed else text, {"missed": due.missed} if due.missed else {})]


def edited(case: Case, rules: Rules, by: str, text: str, now: datetime, wall: datetime) -> Commit:
    """A person's words instead of ours; it is still sent when its time has come. Raises IllegalTransition."""
    if not case.incident.is_live or case.draft is None:
        raise NothingDrafted(case)
    case.draft = replace(case.draft, text=text)
    return _written(case, rules, entry(case.incident, EDITED, text, by, now, wall))


def sent(case: Case, rules: Rules, by: str, text: str, now: datetime, wall: datetime) -> Commit:
    """
    An update is sent now, by a person.

    Args:
        text: Theirs; empty for the draft as it is.

    Raises:
        IllegalTransition: It is over, or there is neither a text nor a draft, as when somebody else was faster.
    """
    if not case.incident.is_live or (case.draft is None and not text):
        raise NothingDrafted(case)
    every, opened = update_every(case, rules), case.incident.opened_at or now
    following = "when something changes"
    if every is not None:
        following = utc(opened + ((now - opened) // every + 1) * every + (wall - now))
    written = text or (case.draft.text if case.draft is not None else "")
    case.updated_at, case.draft = now, None
    told = _with_next(written, following) if written else _ours(case, rules, now, following)
    return _written(case, rules, entry(case.incident, SENT, told, by, now, wall))


class NothingDrafted(IllegalTransition):
    def __init__(self, case: Case) -> None:
        super().__init__(case.incident.service, "update", case.incident.state)
        self._is_live = case.incident.is_live
        self._last = case.newest(SENT)

    def __str__(self) -> str:
        if not self._is_live:
            return super().__str__()
        told = f"; the last was sent at {utc(self._last.wall)} by {self._last.author}" if self._last is not None else ""
        return f"no update is drafted{told}: write the text of one"


def restore(case: Case, event: LedgerEvent) -> None:
    """As the log goes on, event by event."""
    if event.name == DRAFTED:
        case.draft = UpdateDraft(event.at)
    elif event.name == EDITED and case.draft is not None:
        case.draft = replace(case.draft, text=event.text)
    elif event.name in ("incident.opened", SENT, "incident.unmuted"):
        case.updated_at, case.draft = event.at, None
    elif event.name in OVER:
        case.draft = None


def _ours(case: Case, rules: Rules, now: datetime, following: str) -> str:
    return update_text(case, held(case, rules), now, following)


def _with_next(text: str, following: str) -> str:
    return f"{text}\nnext update: {following}"


def _written(case: Case, rules: Rules, event: LedgerEvent) -> Commit:
    case.events.append(event)
    return Commit(events=(event,), effects=effects_for(case, (event,), rules.outlets, rules.policies))
