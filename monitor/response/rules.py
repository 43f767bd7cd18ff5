"""What the configuration decides about incidents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.core.alerts import Routing
from monitor.core.incident import Timing
from monitor.core.meeting import WorkingHours
from monitor.core.mitigations import Mitigation
from monitor.core.severity import Policy, Severity
from monitor.response.triage import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRules:
    """
    How the public is told.

    Attributes:
        template: Jinja, see config/public_text.py.
        at_once: Drafts are published without a person's yes.
        notify: Whether subscribers are sent a message, unless whoever approves says otherwise.
    """

    template: str
    at_once: bool = False
    notify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    Attributes:
        outlets: Where effects go, by name.
        depends_on: Service -> the services whose failure explains its own.
        telemetry: Services that only watch: they never explain another one's failure.
        postmortem_within: From resolution.
        meetings: When people can meet about what happened.
        evidence_wait: How long proof of recovery may be wanting before the Incident Commander is asked.
        ack_within: How long the primary contacts have to acknowledge before their backups are told.
        contacts: Everybody who can be told, by role; `roles` are those who are told of each incident.
        needs: Service -> check -> the role that its failure needs.
        mitigations: What can be done about each service, in the order of the file.
        auto_send_after: How long a drafted update waits for a person before it is sent; zero: it is sent as it is due.
        public: None where the public is not told.
        routing: Whose service the alerts of other systems are of.
    """

    timing: Timing
    policies: Mapping[Severity, Policy]
    roles: tuple[Role, ...]
    outlets: tuple[str, ...]
    depends_on: Mapping[str, tuple[str, ...]]
    telemetry: frozenset[str]
    total_services: int
    postmortem_within: timedelta
    evidence_wait: timedelta
    meetings: WorkingHours = field(default_factory=WorkingHours)
    ack_within: timedelta = timedelta(minutes=5)
    contacts: Mapping[str, Role] = field(default_factory=dict)
    needs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mitigations: Mapping[str, tuple[Mitigation, ...]] = field(default_factory=dict)
    auto_send_after: timedelta = timedelta(0)
    public: PublicRules | None = None
    routing: Routing = field(default_factory=Routing)
