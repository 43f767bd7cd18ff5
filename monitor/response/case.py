"""A service's place in the machine, and the case of an incident: its log, its members and its alerts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.core.flapping import Flaps
from monitor.core.incident import Incident
from monitor.core.severity import Severity
from monitor.ledger.records import AlertLink, EffectKind, LedgerEvent, MemberLink
from monitor.response.detect import Observation, Streaks
from monitor.response.triage import Role


@dataclass(frozen=True, slots=True)
class UpdateDraft:
    """
    An update to the team that waits for a person, or for its time.

    Attributes:
        at: Steady instant at which it was drafted.
        text: A person's; empty while it is ours, which is written anew when it is sent.
    """

    at: datetime
    text: str = ""


@dataclass(slots=True)
class Case:
    """
    Attributes:
        incident: As it is now; replaced whole at each change, so a reader in another thread never sees half of one.
        orders: Effects so far, by outlet: the next one's place.
        last_asked: What the newest of them asks of the outlet: whether the incident is announced there, or ended.
        updated_at: Steady instant of the last update that fell due, the opening included.
        unproven_since: Steady instant since when proof of recovery is wanting; None while it is not.
        asked_at: When, in this wait for proof, the Incident Commander was asked to close or wait.
        why: The severity's inputs and neighbours, as last suggested.
        unmet_since: Steady instant since when each recovery condition that is not met has not been, by its name.
        flapping: Its trouble comes and goes; see core/flapping.py.
        said: Those of its symptoms that people and other systems told: what our probes see does not replace them.
        conditions: What the last evaluation said of recovery, one line each.
        mitigations: What can be done about it, a line each with its commands; `offered_at`: when it was last looked at.
        has_runs: Whether a person approved one of them: each turn of the loop asks of every live incident.
        failed: Service -> its checks that have failed or alarmed in it; `beyond`: services of which something else did.
        muted_by: Why nobody is told of it now, in words; empty while people are told.
        roles: Who has which role, by its name.
        called_at: Steady instant at which its contacts were told: as it opened, or was reopened.
        escalated_at: When their backups were told.
        draft: The update that waits to be sent; None while none does.
    """

    incident: Incident
    events: list[LedgerEvent] = field(default_factory=list)
    members: dict[str, MemberLink] = field(default_factory=dict)
    alerts: dict[str, AlertLink] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    last_asked: dict[str, EffectKind] = field(default_factory=dict)
    updated_at: datetime | None = None
    unproven_since: datetime | None = None
    asked_at: datetime | None = None
    why: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    reporter: str = "watchkeeper"
    conditions: tuple[str, ...] = ()
    mitigations: tuple[tuple[str, tuple[str, ...]], ...] = ()
    offered_at: datetime | None = None
    has_runs: bool = False
    unmet_since: dict[str, datetime] = field(default_factory=dict)
    flapping: bool = False
    failed: dict[str, set[str]] = field(default_factory=dict)
    beyond: set[str] = field(default_factory=set)
    muted_by: str = ""
    roles: dict[str, Role] = field(default_factory=dict)
    called_at: datetime | None = None
    escalated_at: datetime | None = None
    draft: UpdateDraft | None = None

    @classmethod
    def begun(cls, incident: Incident, symptoms: tuple[str, ...], why: tuple[str, ...], now: datetime) -> Case:
        """Of an incident that just opened: its subject is its first member, and the opening its first update."""
        subject = MemberLink(incident=incident.id, service=incident.service, joined_at=now, why="the subject")
        return cls(incident, members={incident.service: subject}, symptoms=symptoms, why=why, updated_at=now)

    def say(self, *symptoms: str) -> None:
        """What people or other systems tell of it."""
        self.said += symptoms
        self.symptoms += tuple(symptom for symptom in symptoms if symptom not in self.symptoms)

    def see(self, symptoms: tuple[str, ...]) -> None:
        """What our probes see now, beside what was told."""
        if symptoms:
            self.symptoms = (*symptoms, *self.said)

    def opening(self) -> dict[str, object]:
        """What it opened with, for the event that says so: a restart finds it there, and no relapse changes it."""
        failed = self.incident.first_failure_at
        return {
            "symptoms": list(self.symptoms),
            "why": list(self.why),
            **({"failed_at": failed.isoformat()} if failed is not None else {}),
        }

    def first(self, name: str) -> LedgerEvent | None:
        """The first event of that name in its log."""
        return next((event for event in self.events if event.name == name), None)

    def newest(self, name: str) -> LedgerEvent | None:
        return next((event for event in reversed(self.events) if event.name == name), None)

    @property
    def firing(self) -> tuple[str, ...]:
        return tuple(link.summary for link in self.alerts.values() if link.firing)

    def snapshot(self) -> Case:
        """A copy that another thread may read while this one changes."""
        return replace(
            self,
            events=list(self.events),
            members=dict(self.members),
            alerts=dict(self.alerts),
            orders=dict(self.orders),
            last_asked=dict(self.last_asked),
            unmet_since=dict(self.unmet_since),
            roles=dict(self.roles),
        )

    def services(self) -> tuple[str, ...]:
        """The subject first, then who joined."""
        joined = [name for name, member in self.members.items() if member.left_at is None]
        return (self.incident.service, *(name for name in joined if name != self.incident.service))


@dataclass(slots=True)
class Subject:
    """
    One service's place in the machine, and what its last evaluations said.

    Attributes:
        suggested: The severity of the last evaluation: a rise must hold in two.
        flaps: When there was trouble, also in incidents before this one.
        joined: The service whose incident this one is a member of; empty for one's own.
        unwatched_since: When it left the configuration with a live incident whose members still wait for it.
    """

    incident: Incident
    streaks: Streaks = field(default_factory=Streaks)
    suggested: Severity | None = None
    seen: Observation | None = None
    flaps: Flaps = field(default_factory=Flaps)
    joined: str = ""
    unwatched_since: datetime | None = None
    told_of_suggestion: bool = False
