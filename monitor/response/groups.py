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
    failing = _failing(subjects)
    parent = parent_of(service, depends_on, failing, telemetry)
    if parent is not None:
        subject = subjects[parent]
        host = subject.joined or parent
        if subjects[host].incident.is_live:
            return Grouped(host=host, because=f"{parent} is failing, and {service} depends on it")
        if subject.incident.state is State.PENDING:
            return Grouped(wait=True)
    # The cause may fail, or be seen to fail, after those that depend on it.
    explained = [
        name
        for name in _hosts(subjects)
        if failing[name] and parent_of(name, depends_on, {**failing, service: True}, telemetry) == service
    ]
    if explained:
        eldest = _eldest(explained, subjects)
        return Grouped(host=eldest, because=f"{service} is failing, and {eldest} depends on it")
    found = storm(_openings(subjects, now), total_services)
    if found is None or service not in found.services:
        return Grouped()
    live = [name for name in found.services if subjects[name].incident.is_live]
    return Grouped(host=_eldest(live, subjects) if live else "", because=found.text)


@dataclass(frozen=True, slots=True)
class Shared:
    """Two services with a live incident each whose problem is one; *because*: why."""

    service: str
    host: str
    because: str


def shared(
    subjects: Mapping[str, Subject],
    depends_on: Mapping[str, Sequence[str]],
    telemetry: AbstractSet[str],
    total_services: int,
    now: datetime,
) -> list[Shared]:
    """Found only after both had opened: a parent that fails after its children, or a storm that begins slowly."""
    failing = _failing(subjects)
    hosts = _hosts(subjects)
    found = []
    for service in hosts:
        parent = parent_of(service, depends_on, failing, telemetry) if failing[service] else None
        host = (subjects[parent].joined or parent) if parent is not None else service
        if host != service and host in hosts:
            found.append(Shared(service, host, f"{parent} is failing, and {service} depends on it"))
    storming = storm(_openings(subjects, now), total_services)
    if storming is not None:
        caught = [name for name in storming.services if name in hosts]
        found += [Shared(name, _eldest(caught, subjects), storming.text) for name in caught]
    return [one for one in found if one.service != one.host]


def _failing(subjects: Mapping[str, Subject]) -> dict[str, bool]:
    # What fails as planned explains nobody's failure: else its dependants would wait for the window to end, and no one
    # would hear of them. One with a live incident hosts, as ever.
    return {
        name: bool(s.seen and s.seen.evidence.failing and (not s.seen.maintenance or s.incident.is_live))
        for name, s in subjects.items()
    }


def _hosts(subjects: Mapping[str, Subject]) -> list[str]:
    """Who has a live incident of its own."""
    return [name for name, s in subjects.items() if s.incident.is_live and not s.joined]


def _eldest(services: Sequence[str], subjects: Mapping[str, Subject]) -> str:
    return min(services, key=lambda name: subjects[name].incident.number)


def _openings(subjects: Mapping[str, Subject], now: datetime) -> list[tuple[str, datetime, str, str]]:
    """Services in trouble that began no longer than a storm's memory ago, with what they may share."""
    return [
        (name, first, subject.seen.failure, subject.seen.address)
        for name, subject in subjects.items()
        if subject.seen is not None
        and not subject.seen.maintenance
        and (subject.incident.state in (State.PENDING, State.OPEN) or subject.joined)
        and (first := subject.incident.first_failure_at) is not None
        and now - first <= STORM_MEMORY
    ]
