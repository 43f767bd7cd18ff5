"""Chapter 2.3, mitigations: what can be done about an incident, ranked by evidence, and what of it may be run now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from monitor.core.mitigations import Mitigation, MitigationEvidence, Ranked, RunBy, rank
from monitor.response.case import Case
from monitor.response.entries import Told
from monitor.response.mitigation_runs import under_way
from monitor.response.triage import reference

if TYPE_CHECKING:
    from monitor.response.casebook import Casebook

OFFERED: Final = "incident.mitigation_offered"
OFFERED_EVERY: Final = timedelta(seconds=30)


class MitigationRefused(Exception):
    """`unknown`: nothing is called so; otherwise it is known and must not be run now."""

    def __init__(self, text: str, *, unknown: bool = False) -> None:
        super().__init__(text)
        self.unknown = unknown


def offered(book: Casebook, case: Case, wall: datetime) -> tuple[Ranked, ...]:
    """Those of all its services, what the evidence speaks for first."""
    services = [name for name in case.services() if book.rules.mitigations.get(name)]
    if not services:
        return ()
    failed_at = _first_failure(case, wall)
    evidence = {
        name: MitigationEvidence(
            failed_at=failed_at,
            figures=book.measured(name),
            deploys=tuple((deploy.version, deploy.at) for deploy in book.deploys.known(name)),
            deploys_are_told=book.deploys.are_told(name),
        )
        for name in services
    }
    return rank((m for name in services for m in book.rules.mitigations[name]), evidence)


def _first_failure(case: Case, wall: datetime) -> datetime:
    """By the wall clock, as deploys are: by what it said as the incident opened, as it may have been stepped since."""
    incident = case.incident
    opened = case.newest("incident.reopened") or case.first("incident.opened")
    if opened is None:
        return wall
    began = incident.first_failure_at or incident.opened_at or opened.at
    return opened.wall - (opened.at - began)


def called(ranked: Ranked, among: Sequence[Ranked]) -> str:
    """As a command names it: with its service where two services have one of that name."""
    mitigation = ranked.mitigation
    alike = sum(other.mitigation.name == mitigation.name for other in among)
    return mitigation.name if alike == 1 else f"{mitigation.service}/{mitigation.name}"


def told(ranked: Iterable[Ranked], among: Sequence[Ranked], number: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """
    A line on each, and its commands: the one to copy, and the one that has it run.

    Args:
        among: All that there are, by which each is named.
    """
    lines = []
    for one in ranked:
        name, mitigation = called(one, among), one.mitigation
        what = f" ({mitigation.description})" if mitigation.description else ""
        commands = [mitigation.command]
        if mitigation.run_by is not RunBy.COPY:
            commands.append(f"monitor incident mitigate {reference(number)} {name}")
        lines.append((f"{name}{what}: {one.reason}", tuple(commands)))
    return tuple(lines)


def newly_offered(book: Casebook, case: Case, now: datetime, wall: datetime) -> list[Told]:
    """
    What the evidence speaks for since the last look, once for each of them in an incident. At most every half minute:
    numbers of Prometheus change no more often, and a storm opens hundreds of incidents.
    """
    if case.offered_at is not None and now - case.offered_at < OFFERED_EVERY:
        return []
    case.offered_at = now
    there = offered(book, case, wall)
    known = {event.attributes.get("offered") for event in case.events if event.name == OFFERED}
    new = [one for one in there if one.holds and _whole(one.mitigation) not in known]
    texts = told(new, there, case.incident.number)
    return [
        Told(OFFERED, "\n".join((line, *commands)), {"offered": _whole(one.mitigation)})
        for one, (line, commands) in zip(new, texts, strict=True)
    ]


def chosen(book: Casebook, ref: str, name: str, wall: datetime) -> tuple[Case, Mitigation]:
    """What may be run now under that name. Raises UnknownIncident and MitigationRefused."""
    case = book.find(ref)
    there = offered(book, case, wall)
    incident = reference(case.incident.number)
    if not there:
        raise MitigationRefused(f"no service of {incident} has mitigations in the configuration", unknown=True)
    named = [one.mitigation for one in there if name in (one.mitigation.name, _whole(one.mitigation))]
    if not named:
        known = ", ".join(called(one, there) for one in there)
        raise MitigationRefused(f"no mitigation of {incident} is called {name}; there are {known}", unknown=True)
    if len(named) > 1:
        whole = " and ".join(map(_whole, named))
        raise MitigationRefused(f"{name} is the name of {whole}; name one of them with its service", unknown=True)
    [mitigation] = named
    if not case.incident.is_live:
        raise MitigationRefused(f"{incident} is {case.incident.state}, and there is nothing to mitigate")
    if mitigation.run_by is RunBy.COPY:
        key = f"services.{mitigation.service}.mitigations.{mitigation.name}.run_by"
        raise MitigationRefused(
            f"{mitigation.name} is not run from here: {key} is copy. Copy its command: {mitigation.command}"
        )
    for other in book.cases.values():
        for run in under_way(other.events):
            if run.service == mitigation.service:
                raise MitigationRefused(
                    f"{run.name} of {run.service} is being run for {run.by}; one at a time for each service"
                )
    return case, mitigation


def _whole(mitigation: Mitigation) -> str:
    return f"{mitigation.service}/{mitigation.name}"
