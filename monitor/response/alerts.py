"""
Chapter 1, detect, by other systems: their alerts open an incident or meet the one that is live, and bar its recovery
while they fire. One notification is one commit: after a crash all of it is known, or the sender tells it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from monitor.core.alerts import OWN_LABEL, Alert, News, Notification, is_silent, news, severity_of
from monitor.core.incident import Event, Incident, State, mitigated, step
from monitor.core.severity import Criticality, Severity, raise_severity
from monitor.ledger.records import AlertLink, Commit, LedgerEvent
from monitor.response.alert_words import SHOWN, Notice, attributes_of, link_of, listed, unmatched_event
from monitor.response.case import Case, Subject
from monitor.response.casebook import Casebook
from monitor.response.declaring import open_declared
from monitor.response.entries import moved, name_of
from monitor.response.groups import whose
from monitor.response.known_alerts import known_of

UNMATCHED: Final = "unmatched"
"""What an alert is that belongs to no service of ours."""
OWN: Final = "own"
"""What an alert is that was made of an incident, and that its Alertmanager sends back: it would keep itself alive."""
HEARD_AGAIN: Final = timedelta(minutes=1)
"""A repeat is not written down sooner: the second of two Alertmanagers tells the same in the same minute."""
EXPIRES_AFTER: Final = timedelta(hours=5)


@dataclass(frozen=True, slots=True)
class Taken:
    """
    What came of one notification.

    Attributes:
        counts: Alerts, by what each telling was: a value of `News`, `unmatched` or `own`.
        incidents: Those that it touched, as they are now.
    """

    commit: Commit
    counts: Mapping[str, int]
    incidents: tuple[Incident, ...]


class Intake:
    def __init__(self, book: Casebook) -> None:
        self._book = book

    def take(self, told: Notification, now: datetime, wall: datetime) -> Taken:
        counts: Counter[str] = Counter()
        fires: dict[str, list[AlertLink]] = {}
        over: list[AlertLink] = []
        beside: list[AlertLink] = []
        unmatched: list[AlertLink] = []
        for alert in {alert.key: alert for alert in told.alerts}.values():
            if OWN_LABEL in alert.labels:
                counts[OWN] += 1
                continue
            before = self._book.alerts.get(alert.key)
            what, service = self._weigh(before, alert, now)
            counts[what if service or not alert.firing else UNMATCHED] += 1
            if what is News.LATE:
                continue
            link = link_of(before if what in (News.REPEATED, News.RESOLVED) else None, alert, service, now, wall)
            if what is News.FIRING and service:
                fires.setdefault(service, []).append(link)
            elif what is News.RESOLVED:
                over.append(link)
            elif what is not News.REPEATED or _is_due(before, now):
                beside.append(link)
                unmatched += [link] if what is News.FIRING else []
        # What fires comes first: an incident whose one alert ends as another begins is not mitigated in between.
        found: list[tuple[Case | None, Commit]] = [
            self._fire(service, links, told.left_out, now, wall) for service, links in fires.items()
        ]
        found += self._end(over, "incident.alert_resolved", "is over", now, wall)
        self._keep(beside)
        commit = joined(part for _, part in found)
        commit = replace(
            commit, alerts=(*commit.alerts, *beside), events=(*commit.events, *unmatched_event(unmatched, now, wall))
        )
        return Taken(commit, counts, tuple(case.incident for case, _ in found if case is not None))

    def expire(self, now: datetime, wall: datetime) -> list[Commit]:
        """What nobody repeated for too long counts as over."""
        known = self._book.alerts
        silent = []
        for link in known.firing():
            weighed, after = known_of(link), self._book.rules.routing.expires_after.get(link.source, EXPIRES_AFTER)
            if weighed is None:
                continue
            if is_silent(weighed, after, known.listening_since or weighed.heard_at, now, wall):
                silent.append(replace(link, firing=False, expired=True))
        found = self._end(silent, "incident.alert_expired", "counts as over: nobody repeated it", now, wall)
        known.forget(now)
        return [commit for _, commit in found]

    # -- which is which ------------------------------------------------------------------------------------------

    def _weigh(self, before: AlertLink | None, alert: Alert, now: datetime) -> tuple[News, str]:
        what, service = news(known_of(before), alert, now), self._book.rules.routing.service_of(alert.labels)
        if what is News.REPEATED and alert.firing and service and before is not None and not before.incident:
            what = News.FIRING  # its service is one of ours only since the configuration was changed
        return what, service

    def _keep(self, links: Iterable[AlertLink]) -> None:
        for link in links:
            self._book.alerts.put(link)
            if (case := self._book.cases.get(link.incident)) is not None:
                case.alerts[link.fingerprint] = link

    # -- it fires ------------------------------------------------------------------------------------------------

    def _fire(
        self, service: str, links: list[AlertLink], left_out: int, now: datetime, wall: datetime
    ) -> tuple[Case, Commit]:
        book, source = self._book, links[0].source
        told = Notice(source, listed(links, "fires", left_out), attributes_of(links, left_out), now, wall)
        host = self._host(service, now)
        case, events = book.case_of(host), []
        if case is not None:
            subject = book.subjects[case.incident.service]
            events.append(told.event(book, subject, "incident.alert_attached"))
        else:
            subject = book.watch(service, now)
            case, event = self._reopen(subject, links, told) or self._open(subject, links, told)
            events.append(event)
        events += self._raise(subject, case, links, told)
        attached = tuple(replace(link, incident=case.incident.id) for link in links)
        self._keep(attached)
        commit = book.commit(subject, events, ()) or Commit()
        return case, replace(commit, alerts=attached)

    def _host(self, service: str, now: datetime) -> str:
        """Whose incident it is: that of a failing parent explains its alerts as it explains its failures."""
        rules = self._book.rules
        if not any(one.seen is not None and one.seen.evidence.failing for one in self._book.subjects.values()):
            return service  # mostly, and `whose` looks through all of them for each service of a storm of alerts
        grouped = whose(service, self._book.subjects, rules.depends_on, rules.telemetry, rules.total_services, now)
        return grouped.host or service

    def _reopen(self, subject: Subject, links: list[AlertLink], told: Notice) -> tuple[Case, LedgerEvent] | None:
        """The relapse of an incident whose own alert fires again soon after it was resolved."""
        incident, timing = subject.incident, self._book.rules.timing
        case = self._book.cases.get(incident.id)
        if incident.state is not State.RESOLVED or incident.resolved_at is None or case is None:
            return None
        is_its_own = any(link.fingerprint in case.alerts for link in links)
        if not is_its_own or told.now - incident.resolved_at > timing.reopen_within:
            return None
        subject.incident, transitions = step(incident, Event.BREACH, told.now, timing, reason=told.text, by=told.source)
        return case, told.event(self._book, subject, name_of(transitions[0]), moved(transitions[0]))

    def _open(self, subject: Subject, links: list[AlertLink], told: Notice) -> tuple[Case, LedgerEvent]:
        worst, named = self._worst(links)
        symptoms = tuple(link.summary for link in links[:SHOWN])
        if len(links) > SHOWN:
            symptoms += (f"and {len(links) - SHOWN} more alerts",)
        return open_declared(
            self._book, subject, told.source, symptoms, worst, f"{named}; our probes may raise it", told.line, told.now,
            told.wall, told.attributes,
        )  # fmt: skip

    def _raise(self, subject: Subject, case: Case, links: list[AlertLink], told: Notice) -> list[LedgerEvent]:
        """A rule has its own `for:`, so a rise holds at once."""
        incident = subject.incident
        worst, named = self._worst(links)
        risen = raise_severity(incident.severity, worst, worst, incident.lowered_from)
        if risen is None or risen == incident.severity:
            return []
        subject.incident = replace(incident, severity=risen)
        case.why = (f"{risen}: {named}", *case.why)
        text = f"severity {incident.severity} => {risen}: {named}"
        return [told.event(self._book, subject, "incident.severity_changed", {"why": list(case.why)}, text)]

    def _worst(self, links: list[AlertLink]) -> tuple[Severity, str]:
        services = self._book.rules.routing.services
        rated = [(severity_of(link.labels, services.get(link.service, Criticality.MEDIUM)), link) for link in links]
        severity, link = min(rated, key=lambda pair: pair[0])
        said = link.labels.get("severity", "")
        name = link.labels.get("alertname", link.fingerprint)
        how = f"severity={said} on a service of {services.get(link.service, Criticality.MEDIUM)} criticality"
        return severity, f"{link.source} says {name}, {how if said else 'without a severity'}"

    # -- it is over ----------------------------------------------------------------------------------------------

    def _end(
        self, links: Sequence[AlertLink], name: str, verb: str, now: datetime, wall: datetime
    ) -> list[tuple[Case | None, Commit]]:
        """One commit for each incident, one of which may be none."""
        by_case: dict[str, list[AlertLink]] = {}
        for link in links:
            by_case.setdefault(link.incident, []).append(link)
        found: list[tuple[Case | None, Commit]] = []
        for incident, ended in by_case.items():
            self._keep(ended)
            case = self._book.cases.get(incident)
            commit = self._told_end(case, ended, name, verb, now, wall) if case is not None else Commit()
            found.append((case, replace(commit, alerts=tuple(ended))))
        return found

    def _told_end(
        self, case: Case, links: list[AlertLink], name: str, verb: str, now: datetime, wall: datetime
    ) -> Commit:
        if not case.incident.is_live:
            return Commit()  # people have closed it: nothing of it is news any more
        book, subject, source = self._book, self._book.subjects[case.incident.service], links[0].source
        told = Notice(source, listed(links, verb), attributes_of(links), now, wall)
        events = [told.event(book, subject, name)]
        if not case.firing and subject.incident.needs_mitigation:
            subject.incident = mitigated(subject.incident, source)
            events.append(told.event(book, subject, "incident.mitigated", {}, "every attached alert is over"))
        return book.commit(subject, events, ()) or Commit()


def _is_due(before: AlertLink | None, now: datetime) -> bool:
    return before is None or before.heard_at is None or now - before.heard_at >= HEARD_AGAIN


def joined(commits: Iterable[Commit]) -> Commit:
    """Several as one transaction, in their order."""
    parts = list(commits)
    return Commit(
        events=tuple(event for part in parts for event in part.events),
        incidents=tuple(incident for part in parts for incident in part.incidents),
        effects=tuple(effect for part in parts for effect in part.effects),
        members=tuple(member for part in parts for member in part.members),
        alerts=tuple(link for part in parts for link in part.alerts),
    )
