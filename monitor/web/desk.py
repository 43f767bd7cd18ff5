"""What the web asks of the daemon. The daemon implements it; a test can do so in a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Protocol

from checks.blackbox.modules import Module
from monitor.config.blackbox.modules import ProbeModules
from monitor.core.alerts import Notification
from monitor.core.pushes import Push
from monitor.probing.wire import Asked
from monitor.telemetry.exposition import Dialect
from monitor.web.announcements import AnnouncementsDocument, PublishedDocument
from monitor.web.documents import AcceptedDocument, ActionDocument, DeployDocument, IncidentDocument, TakenDocument
from monitor.web.incident_documents import IncidentDetail
from monitor.web.mitigations import MitigationDocument, RunDocument
from monitor.web.objectives import SloDocument
from monitor.web.severity import IncidentSeverityDocument
from monitor.web.silences import SilenceDocument
from monitor.web.status_documents import StatusDocument


class DeskRefusal(Exception):
    """
    The daemon understood and will not: unknown service (404), an acknowledgement of what is resolved (409), a ledger
    that cannot take it now (503).

    Attributes:
        status: The HTTP status to answer with, 400 to 599.
        detail: One line: what was found, what would be right.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Desk(Protocol):
    """
    `alive`, `ready`, `status`, `slos` and `metrics` are called on the daemon's loop and must not wait for anything.
    `incidents` and `incident` are called in another thread and may read the ledger. The rest are awaited on the loop.

    Whoever asks for a write has shown the token. *by* and *reporter* are the names they gave, *ref* is what
    `documents.plain_reference` made of theirs: a number or a ULID.
    """

    def alive(self) -> bool:
        """Does the loop do its rounds? False is for a daemon that answers though its work has stopped."""
        ...

    def ready(self) -> tuple[bool, list[str]]:
        """Whether everything it needs is there, and if not, what is missing, in words."""
        ...

    def status(self) -> StatusDocument: ...

    def slos(self) -> list[SloDocument]: ...

    def metrics(self, dialect: Dialect) -> Iterator[str]:
        """To be scraped, in pieces; also called on the loop, which turns between two of them."""
        ...

    def probe_modules(self) -> ProbeModules | None:
        """By which `/probe` asks; None where it is off. Also called on the loop."""
        ...

    async def probe(self, module: Module, target: str, timeout: float) -> Asked:
        """One probe now. Raises Unasked, `monitor.probing.supervisor`, where there is none."""
        ...

    def incidents(self, state: str, limit: int) -> list[IncidentDocument]:
        """Newest first. *state* is a key of `documents.STATES`."""
        ...

    def incident(self, ref: str) -> IncidentDetail | None: ...

    def silences(self, expired: bool) -> list[SilenceDocument]:
        """Newest first; called in another thread. *expired*: those that are over as well."""
        ...

    def severity(self, ref: str) -> IncidentSeverityDocument:
        """Of an incident that is live or may still reopen, also called on the loop."""
        ...

    async def report(
        self, reporter: str, symptoms: str, service: str, severity: str | None, key: str | None
    ) -> IncidentDocument:
        """A user report: opens an incident or joins the live one. The same *key* twice is one report."""
        ...

    async def confirm(self, service: str, by: str) -> IncidentDocument:
        """A person agrees to open what is pending (`incidents.open: suggest`)."""
        ...

    async def acknowledge(self, ref: str, by: str) -> IncidentDocument: ...

    async def note(self, ref: str, by: str, text: str) -> IncidentDocument: ...

    async def assign(self, ref: str, by: str, role: str, holder: str) -> IncidentDocument:
        """*holder* has the role from now on; 422 for a role that there is not."""
        ...

    async def resolve(self, ref: str, by: str, why: str) -> IncidentDocument: ...

    async def mitigated(self, ref: str, by: str) -> IncidentDocument: ...

    def mitigations(self, ref: str) -> list[MitigationDocument]:
        """What can be done about it, what the evidence speaks for first. Also called on the loop."""
        ...

    async def mitigate(self, ref: str, by: str, mitigation: str) -> RunDocument:
        """It is run because a person approved it; 409 for one that must not be run, or not now."""
        ...

    def announcements(self, ref: str) -> AnnouncementsDocument:
        """What waits to be told. Called in another thread."""
        ...

    async def send_update(self, ref: str, by: str, text: str) -> IncidentDocument:
        """The draft as it is, or *text*, is sent to the team now; 409 where there is neither."""
        ...

    async def edit_update(self, ref: str, by: str, text: str) -> IncidentDocument:
        """*text* is sent when the draft's time has come; 409 where nothing is drafted."""
        ...

    async def publish(self, ref: str, by: str, text: str, stage: str, notify: bool | None) -> PublishedDocument:
        """A person's yes to the draft, or to *text*; 409 where nothing waits for it."""
        ...

    def postmortem(self, ref: str) -> str:
        """The draft as of now, in Markdown. Called in another thread: it asks others."""
        ...

    async def postmortem_held(self, ref: str, by: str) -> IncidentDocument: ...

    async def add_action(self, ref: str, what: str, owner: str, due: date, by: str, updates: str) -> ActionDocument:
        """Somebody does something until the end of a day, so that it does not happen again."""
        ...

    async def action_done(self, ref: str, number: int, by: str) -> ActionDocument: ...

    async def deploy(self, service: str, version: str, by: str, at: datetime | None) -> DeployDocument:
        """A deploy was made *at* an instant of the wall clock, or now."""
        ...

    async def accept(self, service: str, by: str, since: datetime, reason: str) -> AcceptedDocument:
        """A person says that the level since an instant of the wall clock is the normal one."""
        ...

    async def take_alerts(self, told: Notification) -> TakenDocument:
        """What another system tells of its alerts. Once it is answered it is durable; 503 where it is not."""
        ...

    def refused_alerts(self, source: str) -> None:
        """Counts a notification that was refused at the door."""
        ...

    async def silence(
        self, subject: str, by: str, comment: str, until: Callable[[datetime], datetime]
    ) -> SilenceDocument:
        """*until*: from what the wall clock says to when it ends; raises HttpProblem."""
        ...

    async def expire(self, number: int, by: str) -> SilenceDocument:
        """A person ends a silence before its time."""
        ...

    async def push(self, token: str, push: Push) -> None:
        """A job tells how it goes. Whoever has the token of its check may; who has none is refused with 404."""
        ...
