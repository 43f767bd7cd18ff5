"""Silences as the ledger has them, two events each, and which of them hold now. Mutable, without a clock or I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from monitor.config import Service
from monitor.core.muting import TAG, Member, Silence, incident_muted_by
from monitor.ledger.records import LedgerEvent
from monitor.response.case import Case
from monitor.response.detect import Observation
from monitor.response.maintenance import Maintenance

ADDED: Final = "silence.added"
EXPIRED: Final = "silence.expired"
NAMES: Final = (ADDED, EXPIRED)


class Muting:
    """
    Attributes:
        active: Silences by number; those that ran out stay until `lapsed` has told of them.
        last: The highest number that was ever given.
    """

    def __init__(self) -> None:
        self.active: dict[int, Silence] = {}
        self.last = 0
        self._maintenance = Maintenance({})
        self._tags: Mapping[str, tuple[str, ...]] = {}

    def live_by(self, services: Mapping[str, Service], maintenance: Maintenance) -> None:
        """The services of the configuration, from now on."""
        self._maintenance = maintenance
        self._tags = {name: service.tags for name, service in services.items() if service.tags}

    def restore(self, events: Iterable[LedgerEvent]) -> None:
        """*events*: of `NAMES`, in the order of the ledger."""
        known = silences_of(events)
        self.last = max(known, default=0)
        self.active = {number: silence for number, silence in known.items() if silence.expired_at is None}

    def add(self, silence: Silence) -> None:
        self.active[silence.number] = silence
        self.last = max(self.last, silence.number)

    def lapsed(self, wall: datetime) -> list[Silence]:
        """Those that ran out since the last call."""
        over = [silence for silence in self.active.values() if not silence.is_active(wall)]
        for silence in over:
            del self.active[silence.number]
        return over

    def of_case(self, case: Case, wall: datetime) -> str:
        """Why nobody is told of this incident at an instant of the wall clock; empty when people are."""
        if not self.active and not self._maintenance.inside:
            return ""
        # What people or other systems told of is none of its checks.
        told = {link.service or case.incident.service for link in case.alerts.values()}
        members = [
            Member(name, frozenset(case.failed.get(name, ())), name in case.beyond or name in told)
            for name in case.services()
        ]
        return incident_muted_by(
            members, self._in_force(wall), self._tags, lambda name: self._maintenance.of(name, wall)
        )

    def of_services(self, wall: datetime) -> Callable[[str], str]:
        """
        Why people would not be told of anything of a service at that instant, by its name; empty where they would.

        For many services at once. Silences of single checks are not asked.
        """
        active = {silence.subject: silence for silence in self._in_force(wall)}

        def of(service: str) -> str:
            if (inside := self._maintenance.of(service, wall)) is not None:
                return inside.text
            subjects = (service, *(f"{TAG}{tag}" for tag in self._tags.get(service, ())))
            return next((active[subject].text for subject in subjects if subject in active), "")

        return of

    def _in_force(self, wall: datetime) -> list[Silence]:
        return [silence for silence in self.active.values() if silence.is_active(wall)]


def remember_trouble(case: Case, service: str, seen: Observation) -> None:
    """What has failed in an incident: a silence of one check must not hide another one."""
    if seen.checks:
        case.failed.setdefault(service, set()).update(seen.checks)
    if seen.beyond:
        case.beyond.add(service)


def added(silence: Silence, now: datetime, wall: datetime) -> LedgerEvent:
    return LedgerEvent(
        name=ADDED, at=now, wall=wall, text=f"{silence.subject}: {silence.text}", author=silence.author,
        service=_service_of(silence),
        attributes={
            "number": silence.number,
            "subject": silence.subject,
            "comment": silence.comment,
            "until": silence.until.isoformat(),
        },
    )  # fmt: skip


def expired(silence: Silence, by: str, now: datetime, wall: datetime) -> LedgerEvent:
    why = "ran out" if by == "watchkeeper" else f"ended by {by}"
    return LedgerEvent(
        name=EXPIRED, at=now, wall=wall, text=f"{silence.subject}: silence {silence.number} {why}", author=by,
        service=_service_of(silence), attributes={"number": silence.number, "subject": silence.subject},
    )  # fmt: skip


def silences_of(events: Iterable[LedgerEvent]) -> dict[int, Silence]:
    """All that there ever were, by number. *events*: of `NAMES`, in the order of the ledger."""
    found: dict[int, Silence] = {}
    for event in events:
        number = int(str(event.attributes.get("number", 0)))
        if event.name == ADDED:
            found[number] = Silence(
                number=number,
                subject=str(event.attributes["subject"]),
                author=event.author,
                comment=str(event.attributes["comment"]),
                since=event.wall,
                until=datetime.fromisoformat(str(event.attributes["until"])),
            )
        elif number in found:
            found[number] = replace(found[number], expired_by=event.author, expired_at=event.wall)
    return found


def _service_of(silence: Silence) -> str:
    return "" if silence.subject.startswith(TAG) else silence.subject.partition("/")[0]
