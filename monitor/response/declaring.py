"""An incident that somebody else opens: a person by a report, another system by an alert. One way for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from monitor.core.incident import Event, Incident, State, step
from monitor.core.severity import Severity
from monitor.ledger.records import LedgerEvent
from monitor.response.case import Case, Subject
from monitor.response.casebook import Casebook
from monitor.response.entries import moved


def open_declared(
    book: Casebook, subject: Subject, by: str, symptoms: tuple[str, ...], severity: Severity, why: str, text: str,
    now: datetime, wall: datetime, attributes: Mapping[str, object] | None = None,
) -> tuple[Case, LedgerEvent]:  # fmt: skip
    """
    Of a service without a live incident.

    Args:
        why: What the severity rests on.
        text: For the timeline.
    """
    service = subject.incident.service
    if subject.incident.state is State.RESOLVED:
        # Whoever declares calls this a new problem; only a breach within reopen_within makes it the old one.
        subject.incident = Incident(service=service, since=now)
    reason = symptoms[0]
    after, transitions = step(subject.incident, Event.DECLARED, now, book.rules.timing, reason=reason, by=by)
    subject.incident = replace(after, id=book.new_id(), number=book.new_number(), severity=severity, reason=reason)
    case = Case.begun(subject.incident, symptoms, (f"{severity}: {why}",), now)
    case.reporter, case.said = by, symptoms
    book.cases[subject.incident.id] = case
    opening = {**moved(transitions[0]), **case.opening(), **(attributes or {})}
    return case, book.event(subject, "incident.opened", text, now, wall, author=by, attributes=opening)
