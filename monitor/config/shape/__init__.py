"""
The config as it is written: every key there is or will be. What the program is given is in `config.py`.

The whole shape stands here from the start, so that a key of a later version does not change what an earlier file
means. A key marked `NotYet` is refused until its capability is built. The text under a key is what editors show.
"""

from __future__ import annotations

from typing import Annotated

from monitor.config.fields import Name, word
from monitor.config.shape.chat import Chat
from monitor.config.shape.evidence import EvidenceOfIncident
from monitor.config.shape.group import Shape
from monitor.config.shape.incidents import IncidentsShape, PolicyShape, SeverityRow
from monitor.config.shape.itself import Monitor, Sources, Telemetry
from monitor.config.shape.maintenance import MaintenanceOfSeveral
from monitor.config.shape.pages import Pages
from monitor.config.shape.people import Contact, Intake, PlaybookShape, StatusPage, Tracker
from monitor.config.shape.service import ServiceShape


class Root(Shape):
    monitor: Monitor | None = None
    """The monitor itself."""
    telemetry: Telemetry | None = None
    """Where its own telemetry goes."""
    sources: Sources | None = None
    """What others have measured."""
    services: dict[Name, ServiceShape] | None = None
    """What is watched."""
    incidents: IncidentsShape | None = None
    """When an incident opens, and when it is over."""
    evidence: EvidenceOfIncident | None = None
    """What is gathered as an incident opens."""
    severity: tuple[SeverityRow, ...] | None = None
    """The table that severities come from, instead of the playbook's. The first row that holds decides."""
    policy: dict[Annotated[str, *word("SEV1", "SEV2", "SEV3", "SEV4")], PolicyShape] | None = None
    """What a severity means for people, where it differs from the playbook."""
    tracker: Tracker | None = None
    """Where tickets are kept."""
    contacts: dict[Name, Contact] | None = None
    """Who takes which role."""
    playbook: PlaybookShape | None = None
    """When the playbook is to be reviewed."""
    maintenance: tuple[MaintenanceOfSeveral, ...] | None = None
    """Planned windows of several services, by name or by tag."""
    chat: Chat | None = None
    """Where people talk of an incident."""
    pages: Pages | None = None
    """Who is woken, by what."""
    status_page: StatusPage | None = None
    """What the public is told, and where."""
    intake: Intake | None = None
    """Alerts of other systems, which meet what we see ourselves in one incident."""
