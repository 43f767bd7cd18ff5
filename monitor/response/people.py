"""What people say of incidents: report, confirm, take, note, mitigate, resolve. Each is an event with its author."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.core.incident import Event, IllegalTransition, State, acknowledge, mitigated, step
from monitor.core.severity import Severity
from monitor.ledger.records import AlertLink, Commit, LedgerEvent
from monitor.response.anomalies import detected
from monitor.response.case import Case, Subject
from monitor.response.casebook import Casebook
from monitor.response.declaring import open_declared
from monitor.response.deploys import Deploy, marked
from monitor.response.entries import entry, moved
from monitor.response.levels import accepted, proposed
from monitor.response.roles import handed_over
from monitor.response.tracks import Settled
from monitor.response.triage import reported_by
from monitor.sources.series_thread import SeriesReading


class NothingPending(LookupError):
    """There is no suggestion to confirm."""


class People:
    """Acts on a casebook. Each gives the case and the commit; IllegalTransition and UnknownIncident are refusals."""

    def __init__(self, book: Casebook) -> None:
        self._book = book

    def declare(
        self,
        service: str,
        reporter: str,
        symptoms: str,
        severity: Severity | None,
        key: str,
        now: datetime,
        wall: datetime,
    ) -> tuple[Case, Commit]:
        """A user report: it opens an incident, or joins the one that is live. The same *key* twice is one report."""
        book = self._book
        case = book.case_of(service)
        if case is not None and key in case.alerts:
            return case, Commit()
        if case is None:
            subject = book.watch(service, now)
            said = "as the reporter said" if severity else "the default for a report"
            case, opened = open_declared(
                book, subject, reporter, (symptoms,), severity or Severity.SEV3, f"{said}; our probes may raise it",
                f"reported: {symptoms}", now, wall,
            )  # fmt: skip
            events = [opened]
        else:
            subject = book.subjects[case.incident.service]
            case.say(reported_by(reporter, symptoms))
            events = [book.event(subject, "incident.reported", symptoms, now, wall, author=reporter)]
        # A report does not fire: what people declared waits for people, not for an alert to end.
        link = AlertLink(
            incident=case.incident.id, fingerprint=key, source="report", summary=symptoms, firing=False, at=now
        )
        case.alerts[key] = link
        commit = book.commit(subject, events, ()) or Commit()
        return case, replace(commit, alerts=(link,))

    def confirm(self, service: str, by: str, now: datetime, wall: datetime) -> tuple[Case, Commit]:
        """A person agrees to open what is pending."""
        book = self._book
        subject = book.subjects.get(service)
        if subject is None or subject.incident.state is not State.PENDING or subject.seen is None:
            raise NothingPending(f"{service}: nothing is pending that could be confirmed")
        subject.incident, transitions = step(
            subject.incident, Event.CONFIRM, now, book.rules.timing, reason=subject.seen.breach, by=by
        )
        case = book.begin_case(subject, subject.seen)
        opening = {**moved(transitions[0]), **case.opening()}
        text = transitions[0].reason
        event = book.event(subject, "incident.opened", text, now, wall, author=by, attributes=opening)
        return case, book.commit(subject, [event], transitions) or Commit()

    def acknowledge(self, ref: str, by: str, now: datetime, wall: datetime) -> tuple[Case, Commit]:
        case, subject = self._find(ref)
        subject.incident = acknowledge(subject.incident, by, now)
        return self._said(case, subject, "incident.acknowledged", "took it", by, now, wall)

    def note(self, ref: str, by: str, text: str, now: datetime, wall: datetime) -> tuple[Case, Commit]:
        case, subject = self._find(ref)
        return self._said(case, subject, "incident.noted", text, by, now, wall)

    def mitigate(self, ref: str, by: str, now: datetime, wall: datetime) -> tuple[Case, Commit]:
        case, subject = self._find(ref)
        subject.incident = mitigated(subject.incident, by)
        return self._said(case, subject, "incident.mitigated", "said that it is mitigated", by, now, wall)

    def assign(self, ref: str, role: str, holder: str, by: str, now: datetime, wall: datetime) -> tuple[Case, Commit]:
        """A role is handed over, or taken; nothing is written where *holder* has it. Raises UnknownRole."""
        case, subject = self._find(ref)
        if not case.incident.is_live:
            raise IllegalTransition(case.incident.service, "role", case.incident.state)
        told = handed_over(case, role, holder, self._book.rules)
        if told is None:
            return case, Commit()
        event = self._book.event(subject, told.name, told.text, now, wall, author=by, attributes=told.attributes)
        return case, self._book.commit(subject, [event], ()) or Commit()

    def resolve(self, ref: str, by: str, reason: str, now: datetime, wall: datetime) -> tuple[Case, Commit]:
        book = self._book
        case, subject = self._find(ref)
        subject.incident, transitions = step(
            subject.incident, Event.RESOLVE, now, book.rules.timing, reason=reason, by=by
        )
        event = book.event(
            subject, "incident.resolved", transitions[0].reason, now, wall, author=by, attributes=moved(transitions[0])
        )
        events = [event, book.postmortem_event(subject, now, wall)]
        book.release_members(subject, now)
        return case, book.commit(subject, events, transitions) or Commit()

    def deployed(self, deploy: Deploy, now: datetime, wall: datetime) -> tuple[Case | None, Commit]:
        """A deploy was marked; nothing is written of one that is known."""
        book = self._book
        case = book.case_of(deploy.service)
        return case, self._beside(marked(deploy, now, wall)) if book.deploys.add(deploy, wall) else Commit()

    def accept(self, service: str, by: str, since: datetime, reason: str, now: datetime, wall: datetime) -> Commit:
        """A person says that the level since an instant of the wall clock is the normal one."""
        return self._beside(accepted(service, since, reason, by, now, wall))

    def propose(self, service: str, level: Settled, now: datetime, wall: datetime) -> Commit:
        """People are asked whether a shift is the new level."""
        return self._beside(proposed(service, level, now, wall))

    def unusual(self, reading: SeriesReading, now: datetime, wall: datetime) -> Commit:
        """A series became unlike its past: a line for people, and no alarm."""
        return self._beside(detected(reading, now, wall))

    def _beside(self, event: LedgerEvent) -> Commit:
        """With a live incident of its service it is a line of that timeline."""
        case = self._book.case_of(event.service)
        if case is None:
            return Commit(events=(event,))
        event = replace(event, incident=case.incident.id)
        case.events.append(event)
        return self._book.commit(self._book.subjects[case.incident.service], [event], ()) or Commit()

    def _find(self, ref: str) -> tuple[Case, Subject]:
        case = self._book.find(ref)
        return case, self._book.subjects[case.incident.service]

    def _said(
        self, case: Case, subject: Subject, name: str, text: str, by: str, now: datetime, wall: datetime
    ) -> tuple[Case, Commit]:
        event = entry(subject.incident, name, text, by, now, wall)
        case.events.append(event)
        return case, self._book.commit(subject, [event], ()) or Commit()
