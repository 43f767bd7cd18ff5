"""Services that leave the configuration: what becomes of their incidents when nobody watches any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.ledger.records import Commit
from monitor.response.case import Subject
from monitor.response.casebook import Casebook
from monitor.response.detect import Streaks

UNWATCHED = "no longer watched: it left the configuration; a person must resolve its incident"
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
    subject.seen, subject.streaks = None, Streaks()
    # Nobody speaks for its members now: each that still fails opens an incident of its own.
    book.release_members(subject, now)
    case = book.cases[subject.incident.id]
    case.conditions = (UNWATCHED,)
    if any(event.name == _TOLD for event in case.events):
        return None  # a restart finds it as it was
    return book.commit(subject, [book.event(subject, _TOLD, UNWATCHED, now, wall)], ())


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
