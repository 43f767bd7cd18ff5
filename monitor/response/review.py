"""
Chapter 6, review: one item in the tracker for each time that the playbook is to be reviewed, closed once it was. Which
time it is goes by the last review's day, so that no restart and no other interval opens a second one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from monitor.ledger.records import Commit, Effect, EffectKind, LedgerEvent
from monitor.outlets.outlet import Message
from monitor.response.items import item_effects

DUE: Final = "playbook.review_due"
REVIEWED: Final = "playbook.reviewed"
_SUBJECT: Final = re.compile(r".+-playbook-review-(?P<reviewed>\d{4}-\d{2}-\d{2})")
_ITEM: Final = """\
# Review the playbook

| | |
|---|---|
| Last reviewed | {reviewed} |
| Due since | {due} |

Read it as if an incident had just begun: are its steps, its contacts, its links and its severities still true?
Then set `playbook.reviewed` to the day of the review: that closes this ticket.
"""


def review_subject(owner: str, reviewed: str) -> str:
    """*owner*: the id of the state folder; several may share one tracker."""
    return f"{owner}-playbook-review-{reviewed}"


def reviewed_of(subject: str) -> str | None:
    """The last review's day of which *subject* is the next one's ticket."""
    found = _SUBJECT.fullmatch(subject)
    return found["reviewed"] if found else None


def review(
    reviewed: date | None, every: timedelta, log: Sequence[LedgerEvent], owner: str, outlets: Sequence[str],
    now: datetime, wall: datetime,
) -> Commit:  # fmt: skip
    """
    What became due, and what was reviewed.

    Args:
        log: The events of these two names.
    """
    if reviewed is None:
        return Commit()
    events: list[LedgerEvent] = []
    effects: list[Effect] = []
    for waiting in open_reviews(log):
        if date.fromisoformat(waiting) < reviewed:
            event = _event(REVIEWED, f"the playbook was reviewed on {reviewed}", waiting, now, wall)
            events.append(event)
            effects += item_effects(review_subject(owner, waiting), event, 2, EffectKind.CLOSE, outlets)
    due = due_at(reviewed, every)
    known = {str(event.attributes["reviewed"]) for event in log if event.name == DUE}
    if wall >= due and str(reviewed) not in known:
        text = f"the playbook was last reviewed on {reviewed}, a review is due since {due:%Y-%m-%d}"
        event = _event(DUE, text, str(reviewed), now, wall, due=f"{due:%Y-%m-%d}")
        events.append(event)
        effects += item_effects(review_subject(owner, str(reviewed)), event, 1, EffectKind.CREATE, outlets)
    return Commit(events=tuple(events), effects=tuple(effects))


def due_at(reviewed: date, every: timedelta) -> datetime:
    """On the wall clock."""
    return datetime.combine(reviewed, time.min, UTC) + every


def open_reviews(log: Sequence[LedgerEvent]) -> list[str]:
    """By the last review's day."""
    over = {event.attributes["reviewed"] for event in log if event.name == REVIEWED}
    due = dict.fromkeys(str(event.attributes["reviewed"]) for event in log if event.name == DUE)
    return [reviewed for reviewed in due if reviewed not in over]


def review_message(subject: str, log: Sequence[LedgerEvent]) -> Message:
    reviewed = reviewed_of(subject)
    told = [event for event in log if event.attributes.get("reviewed") == reviewed]
    is_over = any(event.name == REVIEWED for event in told)
    due = next((str(event.attributes["due"]) for event in told if event.name == DUE), "")
    return Message(
        incident=subject,
        number=0,
        service="",
        title=f"Review the playbook: due since {due}",
        name=f"playbook-review-{due}",
        severity="",
        status="done" if is_over else "to do",
        heading="Playbook review",
        markdown=_ITEM.format(reviewed=reviewed, due=due),
        update=told[-1].text if told else "",
        document={},
    )


def _event(name: str, text: str, reviewed: str, now: datetime, wall: datetime, **more: str) -> LedgerEvent:
    return LedgerEvent(name=name, at=now, wall=wall, text=text, attributes={"reviewed": reviewed, **more})
