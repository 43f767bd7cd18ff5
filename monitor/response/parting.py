"""Services that leave the configuration: what becomes of their incidents when nobody watches any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from monitor.ledger.records import Commit
from monitor.response.case import Subject
from monitor.response.casebook import Casebook
from monitor.response.detect import Streaks

UNWATCHED = "no longer watched: it left the configuration; a person must resolve its incident"
RETURNS_WITHIN: Final = timedelta(minutes=5)
"""How long the members of an incident wait for its service. One that was taken out of a file by mistake, or for another
file, is back by then; without the wait each member would open an incident, which is merged again when it is back."""
_TOLD = "incident.unwatched"


def part(book: Casebook, service: str, now: datetime, wall: datetime) -> list[Commit]:
    """
    What was pending is clear. A live incident stays open, and only a person resolves it: nothing will ever show that
    it is over. Whatever else was known is forgotten.
    """
    subject = book.subjects.get(service)
    if subject is None:
        return []
    commits = [book.lost_sight(service, UNWATCHED, now, wall)]
    if subject.joined:
        commits.append(_leave(book, subject, now, wall))
    if subject.incident.is_live:
        commits.append(_stay_open(book, subject, now, wall))
    else:
        book.cases.pop(subject.incident.id, None)
        del book.subjects[service]
    return [commit for commit in commits if commit is not None]


def _stay_open(book: Casebook, subject: Subject, now: datetime, wall: datetime) -> Commit | None:
    subject.seen, subject.streaks, subject.unwatched_since = None, Streaks(), now
    case = book.cases[subject.incident.id]
    case.conditions = (UNWATCHED,)
    if any(event.name == _TOLD for event in case.events):
        return None  # a restart finds it as it was
    return book.commit(subject, [book.event(subject, _TOLD, UNWATCHED, now, wall)], ())


def release(book: Casebook, now: datetime, wall: datetime) -> Iterator[Commit]:
    """Members whose incident has been unwatched for too long: each that still fails opens one of its own."""
    for subject in list(book.subjects.values()):
        since = subject.unwatched_since
        if since is None or now - since < RETURNS_WITHIN:
            continue
        subject.unwatched_since = None
        case = book.cases.get(subject.incident.id)
        if case is None or not case.incident.is_live:
            continue
        book.release_members(subject, now)
        left = [replace(m, left_at=now) for m in case.members.values() if m.left_at is None]
        left = [member for member in left if member.service != subject.incident.service]
        if not left:
            continue
        # Written, or a restart would find them joined to it again, beside what they had opened.
        case.members |= {member.service: member for member in left}
        text = (
            f"{', '.join(member.service for member in left)} left: nobody watches {subject.incident.service} any more"
        )
        commit = book.commit(subject, [book.event(subject, _TOLD, text, now, wall)], ())
        yield replace(commit or Commit(), members=tuple(left))


def _leave(book: Casebook, subject: Subject, now: datetime, wall: datetime) -> Commit | None:
    """A member that is not watched is no part of its host's trouble any more."""
    service, host = subject.incident.service, book.subjects[subject.joined]
    case = book.case_of(subject.joined)
    subject.joined = ""
    if case is None or service not in case.members:
        return None
    member = case.members[service] = replace(case.members[service], left_at=now)
    event = book.event(host, _TOLD, f"{service} is no longer watched: it left the configuration", now, wall)
    return replace(book.commit(host, [event], ()) or Commit(), members=(member,))
