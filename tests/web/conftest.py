"""A real server on a free port, in front of a small desk that keeps its incidents in memory."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from checks.blackbox.modules import Module
from monitor.config.blackbox.modules import ProbeModules
from monitor.core.alerts import Notification
from monitor.core.incident import IllegalTransition, Incident, State, Timing
from monitor.core.mitigations import Figures, Mitigation, Ranked, RunBy
from monitor.core.muting import Silence
from monitor.core.pushes import Push
from monitor.core.severity import POLICIES, Evidence, Severity
from monitor.core.severity_table import TABLE, suggest
from monitor.ledger.records import Commit, LedgerEvent
from monitor.probing.wire import Asked
from monitor.response import public, updates
from monitor.response.case import Case
from monitor.response.followup import FollowUp, UnknownAction
from monitor.response.mitigation_runs import Run
from monitor.response.rules import Rules
from monitor.telemetry.exposition import Dialect
from monitor.web.announcements import AnnouncementsDocument, PublishedDocument, announcements_document
from monitor.web.app import create_app
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
from monitor.web.mitigations import MitigationDocument, RunDocument, mitigation_documents, run_document
from monitor.web.serve import WebServer
from monitor.web.severity import IncidentSeverityDocument, incident_severity
from monitor.web.silences import SilenceDocument, silence_document
from monitor.web.status_documents import StatusDocument

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
TOKEN = "a-token-of-the-tests"
PUSH_TOKEN = "a-token-of-a-job"


RULES = Rules(
    timing=Timing(), policies=POLICIES, roles=(), outlets=(), depends_on={}, telemetry=frozenset(), total_services=2,
    postmortem_within=timedelta(hours=48), evidence_wait=timedelta(hours=2),
)  # fmt: skip


class NotebookDesk:
    """What the daemon does behind the web, in a page: opens, finds, notes and resolves, and refuses what it must."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        rollback = Mitigation(
            service="orders", name="rollback", run=("/bin/roll back", "orders"), run_by=RunBy.UNIT, description="1.4.1"
        )
        drain = Mitigation(service="orders", name="drain", run=("/bin/drain",))
        self.ranked = (
            Ranked(rollback, True, "deployed orders \x1b[31m1.4.2 12m0s before the first failure"),
            Ranked(drain, False, "queue depth 12 against at most 310 by its baseline"),
        )
        self.services = ["orders", "payments"]
        self.notebook: list[Incident] = []
        self.log: list[LedgerEvent] = []
        self.keys: dict[str, int] = {}
        self.deploys: list[DeployDocument] = []
        self.accepted: list[AcceptedDocument] = []
        self.is_alive = True
        self.missing: list[str] = []
        self.pushes: list[tuple[str, Push]] = []
        self.breaks = False
        self.notifications: list[Notification] = []
        self.refused: list[str] = []
        self.ledger_is_held = False
        self.silenced: list[Silence] = []
        self.modules: ProbeModules | None = None
        self.asked: list[tuple[Module, str, float]] = []
        self.says: Asked | Exception = Asked(0, True, 0.25, (), ())

    def probe_modules(self) -> ProbeModules | None:
        return self.modules

    async def probe(self, module: Module, target: str, timeout: float) -> Asked:
        self.asked.append((module, target, timeout))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def alive(self) -> bool:
        return self.is_alive

    def ready(self) -> tuple[bool, list[str]]:
        return not self.missing, self.missing

    def status(self) -> StatusDocument:
        if self.breaks:
            raise RuntimeError("a bug with a secret in it: hunter2")
        return {
            "source": "daemon",
            "version": "0.1.0",
            "environment": "test",
            "location": "here",
            "now": "2026-03-01T03:00:00.000Z",
            "ready": not self.missing,
            "missing": self.missing,
            "services": [],
            "incidents": self.incidents("live", 100),
        }

    def metrics(self, dialect: Dialect) -> Iterator[str]:
        yield f"# {dialect.name}\n"
        yield ""
        if self.breaks:
            raise RuntimeError("a bug with a secret in it: hunter2")
        yield 'a{b="\ud800"} 1\n'

    def incidents(self, state: str, limit: int) -> list[IncidentDocument]:
        newest = sorted(self.notebook, key=lambda incident: incident.number, reverse=True)
        return incident_list([one for one in newest if one.state in STATES[state]][:limit], lambda _: "")

    def incident(self, ref: str) -> IncidentDetail | None:
        found = [i for i in self.notebook if ref in (i.id, str(i.number))]
        return incident_detail(found[0], self) if found else None

    def severity(self, ref: str) -> IncidentSeverityDocument:
        incident = self._found(ref)
        suggestion = suggest(Evidence(checks=2, failing=("live",), failing_reasons=("live: status: 503",)))
        return incident_severity(incident, ["SEV3: as the reporter said"], TABLE, suggestion, T0)

    async def report(
        self, reporter: str, symptoms: str, service: str, severity: str | None, key: str | None
    ) -> IncidentDocument:
        if service not in self.services:
            raise DeskRefusal(404, f"no service is called {service}; there are {', '.join(self.services)}")
        if key is not None and key in self.keys:
            return incident_document(self._found(str(self.keys[key])))
        number = len(self.notebook) + 1
        incident = Incident(
            service=service,
            since=T0,
            state=State.OPEN,
            id=f"01JNOTEBOOK{number:015d}",
            number=number,
            opened_at=T0,
            severity=Severity[severity] if severity else Severity.SEV3,
            reason=symptoms,
            declared_by=reporter,
        )
        self.notebook.append(incident)
        if key is not None:
            self.keys[key] = number
        self._write(incident, "incident.opened", symptoms, reporter)
        return incident_document(incident)

    def silences(self, expired: bool) -> list[SilenceDocument]:
        return [silence_document(s, T0) for s in reversed(self.silenced) if expired or s.is_active(T0)]

    async def silence(
        self, subject: str, by: str, comment: str, until: Callable[[datetime], datetime]
    ) -> SilenceDocument:
        if subject not in self.services:
            raise DeskRefusal(404, f"no service is called {subject}; there are {', '.join(self.services)}")
        number = len(self.silenced) + 1
        self.silenced.append(
            Silence(number=number, subject=subject, author=by, comment=comment, since=T0, until=until(T0))
        )
        return silence_document(self.silenced[-1], T0)

    async def expire(self, number: int, by: str) -> SilenceDocument:
        if number > len(self.silenced):
            raise DeskRefusal(404, f"there is no silence {number}")
        ended = self.silenced[number - 1] = replace(self.silenced[number - 1], expired_by=by, expired_at=T0)
        return silence_document(ended, T0)

    async def confirm(self, service: str, by: str) -> IncidentDocument:
        raise DeskRefusal(409, f"{service}: no confirm while clear")

    async def acknowledge(self, ref: str, by: str) -> IncidentDocument:
        incident = self._found(ref)
        if not incident.is_live:
            raise DeskRefusal(409, f"{incident.service}: no acknowledgement while {incident.state}")
        return self._changed(replace(incident, acknowledged_by=by, acknowledged_at=T0), "incident.acknowledged", by, by)

    async def note(self, ref: str, by: str, text: str) -> IncidentDocument:
        return self._changed(self._found(ref), "incident.noted", text, by)

    async def resolve(self, ref: str, by: str, why: str) -> IncidentDocument:
        changed = replace(self._found(ref), state=State.RESOLVED, resolved_at=T0)
        return self._changed(changed, "incident.resolved", why, by)

    async def assign(self, ref: str, by: str, role: str, holder: str) -> IncidentDocument:
        if role not in ("incident_commander", "scribe"):
            raise DeskRefusal(422, f"no role is called {role}; there are incident_commander, scribe")
        incident = self._found(ref)
        self._write(incident, "incident.role_assigned", f"{role}: {holder}", by, role=role, holder=holder, backup="")
        return incident_document(incident)

    async def mitigated(self, ref: str, by: str) -> IncidentDocument:
        return self._changed(replace(self._found(ref), mitigated_by=by), "incident.mitigated", by, by)

    def mitigations(self, ref: str) -> list[MitigationDocument]:
        self._found(ref)
        return mitigation_documents(self.ranked)

    async def mitigate(self, ref: str, by: str, mitigation: str) -> RunDocument:
        incident = self._found(ref)
        if mitigation not in (one.mitigation.name for one in self.ranked):
            raise DeskRefusal(404, f"no mitigation of INC-0001 is called {mitigation}; there are rollback, drain")
        self._write(incident, "incident.mitigation_started", mitigation, by)
        return run_document(incident, Run(id="R1", service="orders", name=mitigation, by=by, before=Figures(), at=T0))

    def announcements(self, ref: str) -> AnnouncementsDocument:
        return announcements_document(self._case(ref))

    async def send_update(self, ref: str, by: str, text: str) -> IncidentDocument:
        return self._told(ref, lambda case: updates.sent(case, RULES, by, text, T0, T0))

    async def edit_update(self, ref: str, by: str, text: str) -> IncidentDocument:
        return self._told(ref, lambda case: updates.edited(case, RULES, by, text, T0, T0))

    async def publish(self, ref: str, by: str, text: str, stage: str, notify: bool | None) -> PublishedDocument:
        self._told(ref, lambda case: public.approved(case, RULES, by, text, stage, notify, T0, T0))
        published = self.announcements(ref)["published"]
        assert published is not None
        return published

    def _case(self, ref: str) -> Case:
        incident = self._found(ref)
        case = Case(incident, events=self._of(incident))
        for event in case.events:
            updates.restore(case, event)
        return case

    def _told(self, ref: str, act: Callable[[Case], Commit]) -> IncidentDocument:
        case = self._case(ref)
        try:
            commit = act(case)
        except IllegalTransition as refusal:
            raise DeskRefusal(409, str(refusal)) from None
        self.log += [replace(event, seq=len(self.log) + 1) for event in commit.events]
        return incident_document(case.incident)

    def postmortem(self, ref: str) -> str:
        return f"# Postmortem of {self._found(ref).service}\n\x1b[31m"

    async def postmortem_held(self, ref: str, by: str) -> IncidentDocument:
        return self._changed(self._found(ref), "postmortem.held", "held", by)

    async def add_action(self, ref: str, what: str, owner: str, due: date, by: str, updates: str) -> ActionDocument:
        incident = self._found(ref)
        follow = FollowUp(Case(incident, events=self._of(incident)), (), {}, T0, T0)
        action, commit = follow.add(what, owner, due, by, updates)
        self.log += [replace(event, seq=len(self.log) + 1) for event in commit.events]
        return action_document(incident.number, action)

    async def action_done(self, ref: str, number: int, by: str) -> ActionDocument:
        incident = self._found(ref)
        try:
            action, commit = FollowUp(Case(incident, events=self._of(incident)), (), {}, T0, T0).done(number, by)
        except UnknownAction as unknown:
            raise DeskRefusal(404, str(unknown)) from None
        self.log += [replace(event, seq=len(self.log) + 1) for event in commit.events]
        return action_document(incident.number, action)

    def _of(self, incident: Incident) -> list[LedgerEvent]:
        return [event for event in self.log if event.incident == incident.id]

    async def deploy(self, service: str, version: str, by: str, at: datetime | None) -> DeployDocument:
        if service not in self.services:
            raise DeskRefusal(404, f"no service is called {service}; there are {', '.join(self.services)}")
        known = any((d["service"], d["version"]) == (service, version) for d in self.deploys)
        found: DeployDocument = {
            "service": service,
            "version": version,
            "at": timestamp(at or T0),
            "by": by,
            "incident": None,
            "known": known,
        }
        self.deploys.append(found)
        return found

    async def accept(self, service: str, by: str, since: datetime, reason: str) -> AcceptedDocument:
        found: AcceptedDocument = {"service": service, "since": timestamp(since), "by": by, "reason": reason}
        self.accepted.append(found)
        return found

    async def take_alerts(self, told: Notification) -> TakenDocument:
        if self.ledger_is_held:
            raise DeskRefusal(503, "taken, but the ledger cannot record it now; it is held and retried")
        self.notifications.append(told)
        ours = [alert for alert in told.alerts if alert.labels.get("service") in self.services]
        unmatched = len(told.alerts) - len(ours)
        return {"counts": {"firing": len(ours), "unmatched": unmatched}, "incidents": ["INC-0001"] if ours else []}

    def refused_alerts(self, source: str) -> None:
        self.refused.append(source)

    async def push(self, token: str, push: Push) -> None:
        if token != PUSH_TOKEN:
            raise DeskRefusal(404, "no check has this token")
        self.pushes.append((token, push))

    def events(self, incident: str = "", after: int = 0, limit: int = 1000) -> list[LedgerEvent]:
        return [e for e in self.log if e.incident == incident and e.seq > after][:limit]

    def effects(self, incident: str = "") -> list[Any]:
        return []

    def members(self, incident: str) -> list[Any]:
        return []

    def alerts(self, incident: str) -> list[Any]:
        return []

    def tickets(self, incident: str) -> list[Any]:
        return []

    def _found(self, ref: str) -> Incident:
        for incident in self.notebook:
            if ref in (incident.id, str(incident.number)):
                return incident
        raise DeskRefusal(404, f"no incident is called {ref}")

    def _changed(self, incident: Incident, name: str, text: str, by: str) -> IncidentDocument:
        self.notebook[incident.number - 1] = incident
        self._write(incident, name, text, by)
        return incident_document(incident)

    def _write(self, incident: Incident, name: str, text: str, by: str, **attributes: str) -> None:
        seq = len(self.log) + 1
        self.log.append(
            LedgerEvent(
                seq=seq,
                name=name,
                at=T0,
                wall=T0,
                text=text,
                author=by,
                incident=incident.id,
                service=incident.service,
                attributes=attributes,
            )
        )


class LoopThread:
    """An asyncio loop that serves while the test asks from outside, as people and programs do."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, awaitable: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(60)

    def close(self) -> None:
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(60)
        self.loop.close()


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    document: Any = field(default=None)


@dataclass
class Asker:
    """Asks the server as any HTTP client would."""

    port: int
    desk: NotebookDesk
    app: Starlette

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"Content-Type": "application/json"} if body is not None else {}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        sent.update(headers or {})
        raw = json.dumps(body).encode() if isinstance(body, dict) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=raw, headers=sent)
            response = connection.getresponse()
            payload = response.read()
        finally:
            connection.close()
        kept = {name.lower(): value for name, value in response.getheaders()}
        is_json = "json" in kept.get("content-type", "")
        return Answer(response.status, kept, payload, json.loads(payload) if is_json and payload else None)

    def get(self, path: str, **more: Any) -> Answer:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: bytes | dict[str, Any], **more: Any) -> Answer:
        return self.ask("POST", path, body, **more)


@pytest.fixture(scope="session")
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def asker(loop_thread: LoopThread) -> Iterator[Asker]:
    desk = NotebookDesk()
    app = create_app(desk, TOKEN)
    server = WebServer(app, "127.0.0.1", 0)
    loop_thread.run(server.start())
    yield Asker(server.port, desk, app)
    loop_thread.run(server.stop())


@pytest.fixture
def asker_app(asker: Asker) -> Starlette:
    return asker.app


@pytest.fixture
def web(asker: Asker) -> Asker:
    """The server with an empty notebook."""
    asker.desk.clear()
    return asker
