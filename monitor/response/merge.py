"""One incident for one problem, found late: the younger incidents are merged into the eldest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from monitor.core.incident import Event, Incident, step
from monitor.core.severity import raise_severity
from monitor.ledger.records import Commit, LedgerEvent, MemberLink
from monitor.response.case import Case, Subject
from monitor.response.casebook import Casebook
from monitor.response.entries import moved
from monitor.response.groups import Shared, shared
from monitor.response.triage import reference


def merge_late(book: Casebook, now: datetime, wall: datetime) -> Iterator[Commit]:
    """What is one problem by now and has more than one live incident: a commit for each that ends."""
    if len(book.live()) < 2:
        return
    rules = book.rules
    for found in shared(book.subjects, rules.depends_on, rules.telemetry, rules.total_services, now):
        # One of them may have been merged a moment ago.
        first, second = (book.case_of(service) for service in (found.service, found.host))
        if first is None or second is None or first is second:
            continue
        elder, younger = sorted((first, second), key=lambda case: case.incident.number)
        yield _merge(book, elder, younger, found, now, wall)


def _merge(book: Casebook, elder: Case, younger: Case, found: Shared, now: datetime, wall: datetime) -> Commit:
    """One transaction: after a crash both are live, or one of them is."""
    host, guest = book.subjects[elder.incident.service], book.subjects[younger.incident.service]
    ended = _end(book, guest, elder, found, now, wall)
    joined, left = _members(elder, younger, found, now)
    alerts = tuple(
        replace(link, incident=elder.incident.id)
        for fingerprint, link in younger.alerts.items()
        if fingerprint not in elder.alerts
    )
    elder.members |= {link.service: link for link in joined}
    # What people and other systems said of it is said of the one that goes on.
    elder.alerts |= {link.fingerprint: link for link in alerts}
    for link in alerts:
        if link.heard_at is not None:  # of another system, and no report: its next telling is about the elder
            book.alerts.put(link)
    elder.symptoms += tuple(f"{younger.incident.service}: {symptom}" for symptom in younger.symptoms)
    elder.said += tuple(f"{younger.incident.service}: {symptom}" for symptom in younger.said)
    taken_over = book.commit(host, _told(book, host, elder, younger, found, now, wall), ()) or Commit()
    for name in younger.services():
        book.watch(name, now).joined = host.incident.service
    place = guest.incident = Incident(service=guest.incident.service, since=now)
    del book.cases[younger.incident.id]
    return Commit(
        events=(*ended.events, *taken_over.events),
        # Its place as well: a restart must not find the ended one there, which a breach would reopen.
        incidents=(*ended.incidents, place, *taken_over.incidents),
        effects=(*ended.effects, *taken_over.effects),
        members=(*joined, *left),
        # Of the one that ended none fires any more.
        alerts=(*alerts, *(replace(link, firing=False) for link in younger.alerts.values() if link.firing)),
    )


def _end(book: Casebook, guest: Subject, elder: Case, found: Shared, now: datetime, wall: datetime) -> Commit:
    why = f"merged into {reference(elder.incident.number)} ({elder.incident.service}): {found.because}"
    guest.incident, transitions = step(guest.incident, Event.MERGED, now, book.rules.timing, reason=why)
    attributes = {**moved(transitions[0]), "into": elder.incident.id}
    event = book.event(guest, "incident.merged", why, now, wall, attributes=attributes)
    return book.commit(guest, [event], transitions) or Commit()


def _members(elder: Case, younger: Case, found: Shared, now: datetime) -> tuple[list[MemberLink], list[MemberLink]]:
    """Who is affected by the elder from now on, and no longer by the younger."""
    joined = [
        MemberLink(incident=elder.incident.id, service=name, joined_at=now, why=found.because)
        for name in younger.services()
        if name not in elder.services()
    ]
    return joined, [replace(link, left_at=now) for link in younger.members.values() if link.left_at is None]


def _told(
    book: Casebook, host: Subject, elder: Case, younger: Case, found: Shared, now: datetime, wall: datetime
) -> list[LedgerEvent]:
    """The elder keeps what people said of it, and takes over what only the younger has."""
    before, ended = host.incident, younger.incident
    what = f"{reference(ended.number)} ({ended.service}) is merged into this one: {found.because}"
    if ended.acknowledged_by and not before.acknowledged_by:
        what += f"; {ended.acknowledged_by} had taken it"
        host.incident = replace(
            host.incident, acknowledged_by=ended.acknowledged_by, acknowledged_at=ended.acknowledged_at
        )
    what += f". Affected: {', '.join(elder.services())}"
    events = [book.event(host, "incident.joined", what, now, wall)]
    worse = raise_severity(before.severity, ended.severity, ended.severity, before.lowered_from)
    if worse is not None and worse != before.severity:
        host.incident = replace(host.incident, severity=worse)
        elder.why = younger.why
        text = f"severity {before.severity} => {worse}: that of {reference(ended.number)}, now merged into this one"
        events.append(book.event(host, "incident.severity_changed", text, now, wall))
    return events
