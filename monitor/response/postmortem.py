"""
Chapter 5, postmortem: the draft. Its timeline is the ledger's own events, in UTC, and what they tell is computed.

The questions that are left are for people. They stand apart, since what is computed is written anew when more becomes
known, and no answer may be lost by that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from monitor.core.incident import Incident, duration_text
from monitor.outlets.outlet import Attachment, Message
from monitor.response.actions import Action, actions
from monitor.response.case import Case
from monitor.response.communicate import compose, escape, timeline
from monitor.response.impact import SpentBudget, from_attribute, lasted
from monitor.response.invitation import invitation
from monitor.response.milestones import gaps, milestones, spans
from monitor.response.resolve import SCHEDULED, Scheduled, scheduled
from monitor.response.triage import Role, reference, utc
from monitor.sources.failed_requests import Requests

MOST_SIMILAR: Final = 5


@dataclass(frozen=True, slots=True)
class Gathered:
    """
    What others know of the incident.

    Attributes:
        requests: By Prometheus, of each service that has traffic.
        similar: Earlier incidents, the most alike first.
        pictures: Of its numbers, as they were gathered when it opened.
    """

    requests: tuple[Requests, ...] = ()
    similar: tuple[Incident, ...] = ()
    pictures: tuple[Attachment, ...] = ()


def draft(case: Case, roles: tuple[Role, ...], gathered: Gathered = Gathered()) -> str:
    """The parts of the playbook's checklist that are known."""
    incident, planned = case.incident, scheduled(case)
    lines = [
        f"# Postmortem of {reference(incident.number)}: {incident.service}",
        "",
        f"{_due(planned)}Draft: what is known stands here; the questions below are for people.",
        "",
        *_meeting(planned),
        *(f"- {role}" for role in roles),
        f"- Severity: {incident.severity}",
        f"- Services: {', '.join(case.services())}",
        "",
        "## Impact",
        "",
        *_impact(case, gathered.requests),
        *_pictures(gathered.pictures),
        "",
        "## Timeline (UTC)",
        "",
        *timeline(case.events),
        "",
        "## What was seen",
        "",
        *_factors(case),
        *_similar(gathered.similar),
        "",
        "## Detection and response gaps",
        "",
        *_gaps(case),
        "",
        "## Action items",
        "",
        *_actions(case),
    ]
    return "\n".join(lines) + "\n"


QUESTIONS: Final = """
## Impact on users

_What could they not do meanwhile, and how many of them were there?_

## Root cause and contributing factors

_What changed before it began? Why did that lead to this?_

## What would have shown it sooner

_Who noticed first, and how?_

## Runbooks, alerts and tests to update

_Which runbook, alert or test would have made this shorter? Each is an action item:_
`monitor incident action add --updates runbook`
"""


def postmortem_message(
    case: Case, roles: tuple[Role, ...], now: datetime, wall: datetime, gathered: Gathered = Gathered()
) -> Message:
    """The draft as an outlet wants it, with the invitation to the meeting."""
    planned = scheduled(case)
    attached = (invitation(case, roles, planned.meeting, wall),) if planned and planned.meeting else ()
    text = draft(case, roles, gathered)
    message = compose(case, roles, now)
    title = f"Postmortem of {reference(case.incident.number)}: {case.incident.service}"
    return replace(
        message, title=title, heading="Postmortem draft", markdown=text, notes=QUESTIONS,
        attachments=(*attached, *gathered.pictures),
    )  # fmt: skip


def _due(planned: Scheduled | None) -> str:
    return f"Due by {utc(planned.due)}. " if planned is not None else ""


def _meeting(planned: Scheduled | None) -> list[str]:
    if planned is None or planned.meeting is None:
        return []
    start = planned.meeting.span.start
    late = " There were no working hours before." if planned.meeting.late else ""
    return [f"- Meeting: {start:%A} {utc(start)}; the invitation lies beside the file of this draft.{late}"]


def similar_to(incident: Incident, others: Iterable[Incident]) -> tuple[Incident, ...]:
    """Earlier incidents of the same service; those that say the same first, then the newest."""
    words = _words(incident.reason)
    earlier = [other for other in others if other.service == incident.service and other.number < incident.number]

    def likeness(other: Incident) -> tuple[float, int]:
        theirs = _words(other.reason)
        return (len(words & theirs) / (len(words | theirs) or 1), other.number)

    return tuple(sorted(earlier, key=likeness, reverse=True)[:MOST_SIMILAR])


def _words(text: str) -> set[str]:
    """Without the numbers: they differ from one outage to the next of the same kind."""
    return {word for word in text.lower().split() if not any(letter.isdigit() for letter in word)}


def _impact(case: Case, requests: Sequence[Requests]) -> list[str]:
    reached = milestones(case)
    lines = [f"It lasted {text}." if (text := lasted(reached)) else "How long it lasted is not known."]
    lines += [str(one) for one in requests]
    lines += [str(one) for one in _spent(case)] or ["No error budget was spent, or there is no objective."]
    return [f"- {escape(line)}" for line in lines]


def _pictures(pictures: Sequence[Attachment]) -> list[str]:
    names = ", ".join(f"`{picture.name}`" for picture in pictures)
    return [f"- Its numbers in a picture, kept with this draft and in the ticket: {names}"] if names else []


def _spent(case: Case) -> tuple[SpentBudget, ...]:
    newest = case.newest(SCHEDULED)
    return from_attribute(newest.attributes.get("spent")) if newest is not None else ()


def _factors(case: Case) -> list[str]:
    lines = ["What was seen first:", "", *(f"- {escape(symptom)}" for symptom in case.symptoms)]
    deployed = [event.text for event in case.events if event.name == "incident.deployed_before"]
    if deployed:
        lines += ["", "What was deployed shortly before:", "", *(f"- {escape(text)}" for text in deployed)]
    joined = [event.text for event in case.events if event.name == "incident.joined"]
    if joined:
        lines += ["", "What it took along:", "", *(f"- {escape(text)}" for text in joined)]
    return lines


def _actions(case: Case) -> list[str]:
    known = actions(case.events).values()
    if not known:
        return [f"None yet: `monitor incident action add {case.incident.number} WHAT --owner WHO --due DATE`"]
    rows = [f"| {one.number} | {_what(one)} | {escape(one.owner)} | {one.due} | {_done(one)} |" for one in known]
    return ["| | What | Who | By when | Done |", "|---|---|---|---|---|", *rows]


def _what(action: Action) -> str:
    return (f"{action.updates} update: " if action.updates else "") + escape(action.what)


def _done(action: Action) -> str:
    return f"yes ({escape(action.done_by)})" if action.done_by else "no"


def _similar(similar: Sequence[Incident]) -> list[str]:
    if not similar:
        return []
    lines = [f"- {reference(other.number)} {escape(other.reason)}{_when(other)}" for other in similar]
    return ["", "Earlier incidents of this service:", "", *lines]


def _when(incident: Incident) -> str:
    if incident.opened_at is None:
        return ""
    lasted = "" if incident.resolved_at is None else f", {duration_text(incident.resolved_at - incident.opened_at)}"
    return f" ({incident.opened_at:%Y-%m-%d}{lasted})"


def _gaps(case: Case) -> list[str]:
    reached = milestones(case)
    found = gaps(case, reached)
    lines = [f"- {span}" for span in spans(reached)]
    return [*lines, "", *(f"- {escape(text)}" for text in found)] if found else lines
