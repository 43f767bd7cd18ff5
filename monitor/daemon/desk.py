"""What the web asks of the daemon, answered from the casebook and the ledger. Acts go the way that judgement goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import uuid4

from checks.blackbox.modules import Module
from monitor.config.blackbox.modules import ProbeModules
from monitor.core.alerts import Notification
from monitor.core.incident import IllegalTransition, Incident
from monitor.core.muting import TAG, Silence
from monitor.core.pushes import Push
from monitor.core.severity import Severity
from monitor.daemon.exposing import exposition
from monitor.daemon.judge import ITSELF
from monitor.daemon.recording import readable, recorded
from monitor.daemon.standing import Running, Standing
from monitor.ledger.records import Commit
from monitor.probing.wire import Asked
from monitor.response import public, updates
from monitor.response.alerts import Intake
from monitor.response.case import Case
from monitor.response.cases import UnknownIncident
from monitor.response.deploys import Deploy
from monitor.response.people import NothingPending, People
from monitor.response.roles import UnknownRole
from monitor.response.silences import NAMES as SILENCES
from monitor.response.silences import added, expired, silences_of
from monitor.response.triage import reference, utc
from monitor.telemetry import names
from monitor.telemetry.exposition import Dialect
from monitor.web.announcements import AnnouncementsDocument, PublishedDocument, announcements_document
from monitor.web.desk import DeskRefusal
from monitor.web.documents import (
    STATES,
    AcceptedDocument,
    ActionDocument,
    DeployDocument,
    IncidentDocument,
    TakenDocument,
    action_document,
    incident_document,
    timestamp,
)
from monitor.web.incident_documents import IncidentDetail, incident_detail, incident_list
from monitor.web.mitigations import MitigationDocument, RunDocument
from monitor.web.objectives import SloDocument, slo_documents
from monitor.web.severity import IncidentSeverityDocument, incident_severity
from monitor.web.silences import MOST_ACTIVE, SilenceDocument, silence_document
from monitor.web.status_documents import StatusDocument

CLOCKS_APART = timedelta(minutes=1)
"""By how much somebody else's clock may be ahead of ours."""


class DaemonDesk:
    def __init__(self, daemon: Running) -> None:
        self._daemon = daemon
        self._house = daemon.house
        self._people = People(daemon.house.casebook)
        self._intake = Intake(daemon.house.casebook)
        self._afterwards = daemon.afterwards
        self._mitigating = daemon.mitigating
        self._standing = Standing(daemon)

    # -- looking ------------------------------------------------------------------------------------------------

    def alive(self) -> bool:
        return self._standing.alive()

    def ready(self) -> tuple[bool, list[str]]:
        return self._standing.ready()

    def status(self) -> StatusDocument:
        return self._standing.status()

    def slos(self) -> list[SloDocument]:
        house, now = self._house, self._house.clock.now()
        return [
            document
            for name, service in house.config.services.items()
            if service.slos
            for document in slo_documents(service, house.objectives.readings_of(name, now))
        ]

    def metrics(self, dialect: Dialect) -> Iterator[str]:
        return exposition(self._house, dialect)

    def probe_modules(self) -> ProbeModules | None:
        return self._house.config.monitor.probe_modules

    async def probe(self, module: Module, target: str, timeout: float) -> Asked:
        return self._house.hiding.asked(await self._daemon.supervisor.ask(module, target, timeout))

    def incidents(self, state: str, limit: int) -> list[IncidentDocument]:
        with readable():
            return incident_list(self._house.ledger.newest(STATES[state], limit), self._muted_by)

    def _muted_by(self, incident: Incident) -> str:
        """From memory: to look through the logs of five hundred live incidents would take seconds."""
        case = self._house.casebook.cases.get(incident.id)
        return case.muted_by if case is not None else ""

    def incident(self, ref: str) -> IncidentDetail | None:
        with readable():
            incident = self._house.ledger.incident(ref)
            return None if incident is None else incident_detail(incident, self._house.ledger)

    def silences(self, expired: bool) -> list[SilenceDocument]:
        with readable():
            known = silences_of(self._house.ledger.events_named(*SILENCES)).values()
        wall = self._house.clock.wall()
        return [silence_document(s, wall) for s in reversed(known) if expired or s.is_active(wall)]

    def severity(self, ref: str) -> IncidentSeverityDocument:
        book, clock = self._house.casebook, self._house.clock
        try:
            case = book.find(ref)
        except UnknownIncident as unknown:
            raise DeskRefusal(404, str(unknown)) from None
        seen = book.subjects[case.incident.service].seen
        table = self._house.config.severity
        if seen is None:
            return incident_severity(case.incident, case.why, table)
        at = clock.wall() - (clock.now() - seen.at)
        return incident_severity(case.incident, case.why, table, seen.suggestion, at)

    # -- acting -------------------------------------------------------------------------------------------------

    async def report(
        self, reporter: str, symptoms: str, service: str, severity: str | None, key: str | None
    ) -> IncidentDocument:
        if service != ITSELF:
            self._known(service)
        wanted = Severity[severity] if severity else None
        # Without a key two reports in the same words are two reports.
        key = key or uuid4().hex
        return await self._act(
            lambda now, wall: self._people.declare(service, reporter, symptoms, wanted, key, now, wall)
        )

    async def confirm(self, service: str, by: str) -> IncidentDocument:
        return await self._act(lambda now, wall: self._people.confirm(service, by, now, wall))

    async def acknowledge(self, ref: str, by: str) -> IncidentDocument:
        return await self._act(lambda now, wall: self._people.acknowledge(ref, by, now, wall))

    async def note(self, ref: str, by: str, text: str) -> IncidentDocument:
        return await self._act(lambda now, wall: self._people.note(ref, by, text, now, wall))

    async def assign(self, ref: str, by: str, role: str, holder: str) -> IncidentDocument:
        return await self._act(lambda now, wall: self._people.assign(ref, role, holder, by, now, wall))

    async def resolve(self, ref: str, by: str, why: str) -> IncidentDocument:
        return await self._act(lambda now, wall: self._people.resolve(ref, by, why, now, wall))

    async def mitigated(self, ref: str, by: str) -> IncidentDocument:
        return await self._act(lambda now, wall: self._people.mitigate(ref, by, now, wall))

    def mitigations(self, ref: str) -> list[MitigationDocument]:
        return self._mitigating.offered(ref)

    async def mitigate(self, ref: str, by: str, mitigation: str) -> RunDocument:
        return await self._mitigating.approve(ref, by, mitigation)

    def announcements(self, ref: str) -> AnnouncementsDocument:
        return self._afterwards.announcements(ref)

    async def send_update(self, ref: str, by: str, text: str) -> IncidentDocument:
        case = await self._afterwards.write(ref, lambda case, rules, *at: updates.sent(case, rules, by, text, *at))
        return incident_document(case.incident, case.muted_by)

    async def edit_update(self, ref: str, by: str, text: str) -> IncidentDocument:
        case = await self._afterwards.write(ref, lambda case, rules, *at: updates.edited(case, rules, by, text, *at))
        return incident_document(case.incident, case.muted_by)

    async def publish(self, ref: str, by: str, text: str, stage: str, notify: bool | None) -> PublishedDocument:
        case = await self._afterwards.write(
            ref, lambda case, rules, *at: public.approved(case, rules, by, text, stage, notify, *at)
        )
        published = announcements_document(case)["published"]
        assert published is not None
        return published

    def postmortem(self, ref: str) -> str:
        return self._afterwards.postmortem(ref)

    async def postmortem_held(self, ref: str, by: str) -> IncidentDocument:
        return incident_document((await self._afterwards.held(ref, by)).incident)

    async def add_action(self, ref: str, what: str, owner: str, due: date, by: str, updates: str) -> ActionDocument:
        number, action = await self._afterwards.add(ref, what, owner, due, by, updates)
        return action_document(number, action)

    async def action_done(self, ref: str, number: int, by: str) -> ActionDocument:
        incident, action = await self._afterwards.done(ref, number, by)
        return action_document(incident, action)

    async def deploy(self, service: str, version: str, by: str, at: datetime | None) -> DeployDocument:
        self._known(service)
        now, wall = self._house.clock.now(), self._house.clock.wall()
        deploy = Deploy(service=service, version=version, at=_past(at or wall, wall), by=by)
        case, commit = self._people.deployed(deploy, now, wall)
        await self._recorded(commit)
        return {
            "service": service,
            "version": version,
            "at": timestamp(deploy.at),
            "by": by,
            "incident": reference(case.incident.number) if case is not None else None,
            "known": not commit.events,
        }

    async def accept(self, service: str, by: str, since: datetime, reason: str) -> AcceptedDocument:
        self._known(service)
        now, wall = self._house.clock.now(), self._house.clock.wall()
        await self._recorded(self._people.accept(service, by, _past(since, wall), reason, now, wall))
        self._house.accepted(service, since)
        return {"service": service, "since": timestamp(since), "by": by, "reason": reason}

    async def take_alerts(self, told: Notification) -> TakenDocument:
        taken = self._intake.take(told, self._house.clock.now(), self._house.clock.wall())
        for outcome, count in taken.counts.items():
            which = {names.SOURCE: told.source, names.ALERT_NEWS: outcome}
            self._house.telemetry.counter(names.ALERTS.name, count, which)
        try:
            await self._recorded(taken.commit)
        except DeskRefusal:
            self._count_notification(told.source, "held")
            raise
        self._count_notification(told.source, "taken")
        touched = sorted({incident.number for incident in taken.incidents})
        return {"counts": dict(taken.counts), "incidents": [reference(number) for number in touched]}

    def refused_alerts(self, source: str) -> None:
        self._count_notification(source, "refused")

    def _count_notification(self, source: str, outcome: str) -> None:
        which = {names.SOURCE: source, names.NOTIFICATION_OUTCOME: outcome}
        self._house.telemetry.counter(names.NOTIFICATIONS.name, 1, which)

    async def silence(
        self, subject: str, by: str, comment: str, until: Callable[[datetime], datetime]
    ) -> SilenceDocument:
        self._known_subject(subject)
        now, wall = self._house.clock.now(), self._house.clock.wall()
        muting = self._house.casebook.muting
        if len(muting.active) >= MOST_ACTIVE:
            raise DeskRefusal(409, f"{MOST_ACTIVE} silences are active; end some of them first")
        silence = Silence(
            number=muting.last + 1, subject=subject, author=by, comment=comment, since=wall, until=until(wall)
        )
        muting.add(silence)
        await self._recorded(Commit(events=(added(silence, now, wall),)))
        self._remute()
        return silence_document(silence, wall)

    async def expire(self, number: int, by: str) -> SilenceDocument:
        now, wall = self._house.clock.now(), self._house.clock.wall()
        muting = self._house.casebook.muting
        silence = muting.active.pop(number, None)
        if silence is None:
            known = number <= muting.last
            raise DeskRefusal(
                409 if known else 404, f"silence {number} is over" if known else f"there is no silence {number}"
            )
        await self._recorded(Commit(events=(expired(silence, by, now, wall),)))
        self._remute()
        return silence_document(replace(silence, expired_by=by, expired_at=wall), wall)

    def _remute(self) -> None:
        """At once, and not with the next round: who ended a silence waits to be told."""
        for commit in self._house.casebook.due(self._house.clock.now(), self._house.clock.wall()):
            self._house.adopt(commit)

    def _known_subject(self, subject: str) -> None:
        services = self._house.config.services
        if subject.startswith(TAG):
            tags = sorted({tag for service in services.values() for tag in service.tags})
            if subject.removeprefix(TAG) not in tags:
                raise DeskRefusal(
                    404, f"no service has the tag {subject.removeprefix(TAG)}; there are {', '.join(tags)}"
                )
            return
        service, _, check = subject.partition("/")
        if service != ITSELF or check:
            self._known(service)
        if check and check not in (known := [check.name for check in services[service].checks]):
            raise DeskRefusal(404, f"{service} has no check {check}; there are {', '.join(known)}")

    async def push(self, token: str, push: Push) -> None:
        await self._daemon.pushes.push(token, push)

    def _known(self, service: str) -> None:
        if service not in self._house.config.services:
            known = ", ".join(sorted(self._house.config.services))
            raise DeskRefusal(404, f"no service is called {service}; there are {known}")

    async def _recorded(self, commit: Commit) -> None:
        await recorded(self._house.adopt(commit))

    async def _act(self, act: Callable[[datetime, datetime], tuple[Case, Commit]]) -> IncidentDocument:
        try:
            case, commit = act(self._house.clock.now(), self._house.clock.wall())
        except (UnknownIncident, NothingPending) as refusal:
            raise DeskRefusal(404, str(refusal)) from None
        except UnknownRole as refusal:
            raise DeskRefusal(422, str(refusal)) from None
        except IllegalTransition as refusal:
            raise DeskRefusal(409, str(refusal)) from None
        incident: Incident = case.incident
        await self._recorded(commit)
        return incident_document(incident, case.muted_by)


def _past(at: datetime, wall: datetime) -> datetime:
    """*at*, or a refusal: what is yet to come was neither deployed nor is it normal."""
    if at > wall + CLOCKS_APART:
        raise DeskRefusal(422, f"{utc(at)} is in the future; it is {utc(wall)}")
    return at
