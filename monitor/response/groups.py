"""One incident for one problem: whose incident a service belongs to, at the moment when it would open its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.grouping import parent_of, storm
from monitor.core.incident import State
from monitor.response.case import Subject

STORM_MEMORY = timedelta(minutes=5)
"""How long after its first failure a service still counts as part of a storm: until the last of them has opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """
    Attributes:
        host: The service whose live incident is joined; empty to open one's own.
        wait: Neither yet: the parent that explains it is still pending.
        because: Why; for an incident of one's own that begins a storm, what the storm is.
    """

    host: str = ""
    wait: bool = False
    because: str = ""


def whose(
    service: str,
    subjects: Mapping[str, Subject],
    depends_on: Mapping[str, Sequence[str]],
    telemetry: AbstractSet[str],
    total_services: int,
    now: datetime,
) -> Grouped:
    failing = {name: bool(s.seen and s.seen.evidence.failing) for name, s in subjects.items()}
    parent = parent_of(service, depends_on, failing, telemetry)
    if parent is not None:
        subject = subjects[parent]
        host = subject.joined or parent
        if subjects[host].incident.is_live:
            return Grouped(host=host, because=f"{parent} is failing, and {service} depends on it")
        if subject.incident.state is State.PENDING:
            return Grouped(wait=True)
    found = storm(_openings(subjects, now), total_services)
    if found is None or service not in found.services:
        return Grouped()
    live = [name for name in found.services if subjects[name].incident.is_live]
    oldest = min(live, key=lambda name: subjects[name].incident.number, default="")
    return Grouped(host=oldest, because=found.text)


def _openings(subjects: Mapping[str, Subject], now: datetime) -> list[tuple[str, datetime, str, str]]:
    """Services in trouble that began no longer than a storm's memory ago, with what they may share."""
    return [
        (name, first, subject.seen.failure, subject.seen.address)
        for name, subject in subjects.items()
        if subject.seen is not None
        and (subject.incident.state in (State.PENDING, State.OPEN) or subject.joined)
        and (first := subject.incident.first_failure_at) is not None
        and now - first <= STORM_MEMORY
    ]
