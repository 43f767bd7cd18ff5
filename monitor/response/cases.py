"""Every service's place in the incident machine, and the case of each incident that is live or may still reopen."""

from __future__ import annotations

from datetime import datetime

from monitor.core.flapping import Flaps
from monitor.core.incident import Incident
from monitor.response.case import Case, Subject


class UnknownIncident(LookupError):
    """No live incident goes by that reference."""


class Cases:
    """
    Attributes:
        subjects: By service.
        cases: By the incident's ULID.
    """

    def __init__(self) -> None:
        self.subjects: dict[str, Subject] = {}
        self.cases: dict[str, Case] = {}

    def watch(self, service: str, now: datetime) -> Subject:
        """The subject of *service*, clear if it was never seen."""
        if service not in self.subjects:
            self.subjects[service] = Subject(Incident(service=service, since=now))
        return self.subjects[service]

    def case_of(self, service: str) -> Case | None:
        """The live case of this service, its own or the one it joined."""
        subject = self.subjects.get(service)
        if subject is None:
            return None
        if subject.joined:
            return self.case_of(subject.joined)
        return self.cases.get(subject.incident.id) if subject.incident.is_live else None

    def find(self, ref: str) -> Case:
        """A case by ULID, number or INC-number."""
        wanted = ref.upper().removeprefix("INC-").lstrip("0")
        for case in self.cases.values():
            if case.incident.id == ref or str(case.incident.number) == wanted:
                return case
        raise UnknownIncident(f"no open or recently resolved incident is called {ref}")

    def live(self) -> list[Case]:
        return [case for case in self.cases.values() if case.incident.is_live]

    def release_members(self, subject: Subject, now: datetime) -> None:
        for other in self.subjects.values():
            if other.joined == subject.incident.service:
                other.joined = ""
                other.incident = Incident(service=other.incident.service, since=now)

    def forget(self, service: str) -> None:
        """Its case can no longer reopen: the ledger keeps it, we need not."""
        for case in [c for c in self.cases.values() if c.incident.service == service and not c.incident.is_live]:
            del self.cases[case.incident.id]

    # -- what a restart finds ----------------------------------------------------------------------------------

    def restore(self, incident: Incident, case: Case | None) -> None:
        """Where a service stood when the ledger was last written; live members stay with their host."""
        # Its host may have been restored before it, and have said that it belongs to it. One with a live incident of
        # its own belongs to nobody: joined as well, it would be released from its own, and nobody would ever end that.
        joined = "" if incident.is_live else self.watch(incident.service, incident.since).joined
        self.subjects[incident.service] = Subject(incident, joined=joined)
        if case is None:
            return
        self.cases[incident.id] = case
        if incident.is_live:
            for service in case.services()[1:]:
                if not (member := self.watch(service, incident.since)).incident.is_live:
                    member.joined = incident.service

    def remember_flaps(self, service: str, flaps: Flaps, now: datetime) -> None:
        subject = self.watch(service, now)
        subject.flaps = flaps
        if (case := self.cases.get(subject.incident.id)) is not None:
            case.flapping = case.incident.is_live and flaps.flapping
