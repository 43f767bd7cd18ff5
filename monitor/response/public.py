"""
Chapter 3, communicate: what the public is told. A text is drafted as the incident gets to a new stage, and published
when a person approves it by name, or at once where the configuration says so. Nothing else reaches the public.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config.public_text import LONGEST, BadTemplate, PublicFacts, default_template, rendered
from monitor.core.incident import IllegalTransition, State, duration_text
from monitor.core.severity import Severity
from monitor.ledger.records import Commit
from monitor.response.case import Case
from monitor.response.entries import Told, effects_for, entry
from monitor.response.notice import DRAFTED, PUBLISHED, notice_of
from monitor.response.rules import Rules
from monitor.response.triage import reference
from monitor.response.updates import update_every


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDraft:
    """A text that waits for a person's yes."""

    title: str
    text: str
    stage: str


def stage_of(case: Case) -> str:
    """What the incident's state means to the public; that its cause is known, only a person can say."""
    incident = case.incident
    if not incident.is_live:
        return "resolved"
    return "monitoring" if incident.state is State.RECOVERING or incident.mitigated_by else "investigating"


def waiting(case: Case) -> PublicDraft | None:
    """The newest draft, unless a text was published after it."""
    for event in reversed(case.events):
        if event.name == PUBLISHED:
            return None
        if event.name == DRAFTED:
            told = event.attributes
            return PublicDraft(title=str(told["title"]), text=event.text, stage=str(told["stage"]))
    return None


def drafted(case: Case, rules: Rules, now: datetime, wall: datetime, *, is_update: bool = False) -> list[Told]:
    """
    A text for the stage that the incident has got to, once; published as well where nobody has to approve it.

    Args:
        is_update: The team is told how it stands: then the public may be as well, unless a text still waits.
    """
    public, stage = rules.public, stage_of(case)
    if public is None or (stage == _newest_stage(case) and (not is_update or waiting(case) is not None)):
        return []
    policy = rules.policies[case.incident.severity or Severity.SEV4]
    # What the public was told of is also ended there, whatever its severity by then.
    if not (policy.external_draft and case.incident.is_live) and case.newest(PUBLISHED) is None:
        return []
    facts = _facts(case, stage, rules, now, wall)
    try:
        title, text = rendered(public.template, facts)
    except BadTemplate:  # it was tried with every stage when the configuration was read
        title, text = rendered(default_template(), facts)
    told = [Told(DRAFTED, text, {"title": title, "stage": stage})]
    if public.at_once:
        draft = PublicDraft(title=title, text=text, stage=stage)
        told.append(Told(PUBLISHED, text, _published(case, draft, public.notify)))
    return told


def approved(
    case: Case, rules: Rules, by: str, text: str, stage: str, notify: bool | None, now: datetime, wall: datetime
) -> Commit:
    """
    A person's yes to the draft, or to a text of their own.

    Args:
        text: Instead of the draft's; empty for the draft as it is.
        stage: Instead of the draft's; empty as well.
        notify: Whether subscribers are sent a message; None as configured.

    Raises:
        IllegalTransition: Nothing waits for a yes, as when somebody else was faster.
    """
    draft = waiting(case)
    if draft is None and not text:
        raise NothingToPublish(case)
    if draft is None:
        before = notice_of(case)
        title = before.title if before is not None else f"Problems with {', '.join(case.services())}"
        draft = PublicDraft(title=title, text=text, stage=stage_of(case))
    final = PublicDraft(title=draft.title, text=(text or draft.text)[:LONGEST], stage=stage or draft.stage)
    if notify is None:
        notify = rules.public.notify if rules.public is not None else False
    event = entry(case.incident, PUBLISHED, final.text, by, now, wall, attributes=_published(case, final, notify))
    case.events.append(event)
    return Commit(events=(event,), effects=effects_for(case, (event,), rules.outlets, rules.policies))


class NothingToPublish(IllegalTransition):
    def __init__(self, case: Case) -> None:
        super().__init__(case.incident.service, "approval", case.incident.state)
        self._last = notice_of(case), case.newest(PUBLISHED)

    def __str__(self) -> str:
        notice, event = self._last
        if notice is None or event is None:
            return "no text for the public waits for a yes; write one with --text"
        last = f"the last, {notice.stage}, was approved by {event.author}"
        return f"no text waits for a yes: {last}; write one with --text"


def _newest_stage(case: Case) -> str:
    newest = next((e for e in reversed(case.events) if e.name in (DRAFTED, PUBLISHED)), None)
    if newest is None:
        return ""
    stage = str(newest.attributes["stage"])
    return "investigating" if stage == "identified" else stage


def _published(case: Case, draft: PublicDraft, notify: bool) -> dict[str, object]:
    before = sum(event.name == PUBLISHED for event in case.events)
    return {
        "number": before + 1,
        "title": draft.title,
        "stage": draft.stage,
        "services": list(case.services()),
        "notify": notify,
    }


def _facts(case: Case, stage: str, rules: Rules, now: datetime, wall: datetime) -> PublicFacts:
    incident = case.incident
    ahead = wall - now
    began = (incident.first_failure_at or incident.opened_at or incident.since) + ahead
    every = update_every(case, rules)
    following = wall + every if every is not None and stage != "resolved" else None
    ended = incident.resolved_at if stage == "resolved" else None
    return PublicFacts(
        stage=stage, services=case.services(), severity=str(incident.severity or ""),
        reference=reference(incident.number), began=f"{began:%Y-%m-%d %H:%M} UTC",
        lasted=duration_text(max(timedelta(0), ended + ahead - began)) if ended is not None else "",
        next_update=f"{following:%H:%M} UTC" if following is not None else "",
    )  # fmt: skip
