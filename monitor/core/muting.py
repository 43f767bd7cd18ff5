"""
Who is not told of an incident now, and by what: a silence of a person, or a maintenance window.

Muting is about notices alone. What is evaluated, opened and recorded does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monitor.core.maintenance import InMaintenance

TAG: Final = "tag:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """
    A person's word that nobody is to be told, until an instant of the wall clock.

    Attributes:
        number: What people call it.
        subject: `SERVICE`, `SERVICE/CHECK` or `tag:TAG`.
        until: UTC. The silence is over at this very instant.
        expired_by, expired_at: Who ended it before, and when; empty and None while nobody did.
    """

    number: int
    subject: str
    author: str
    comment: str
    since: datetime
    until: datetime
    expired_by: str = ""
    expired_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        return min(self.until, self.expired_at or self.until)

    def is_active(self, wall: datetime) -> bool:
        # Not asked: whether it has begun. After the wall clock was stepped back it would end what was just said.
        return self.expired_at is None and wall < self.until

    @property
    def text(self) -> str:
        return f"silence {self.number} of {self.author} until {self.until:%Y-%m-%d %H:%M} UTC: {self.comment}"

    def of_service(self, service: str, tags: Collection[str]) -> bool:
        """Whether it is about all of *service*."""
        return self.subject == service or (self.subject.startswith(TAG) and self.subject.removeprefix(TAG) in tags)


@dataclass(frozen=True, slots=True)
class Member:
    """
    One service of an incident, as far as muting asks.

    Attributes:
        failed: Its checks that have failed or alarmed since the incident opened.
        beyond: Something besides its checks alarms: traffic, a lost row, a budget.
    """

    service: str
    failed: frozenset[str] = frozenset()
    beyond: bool = False


def muted_by(
    member: Member, silences: Iterable[Silence], tags: Collection[str], maintenance: InMaintenance | None
) -> str:
    """
    What mutes one service, in words; empty when nothing does.

    Silences of single checks do it together when they cover each check that failed, and nothing else is wrong: of a
    check that nobody silenced people must hear.
    """
    if maintenance is not None:
        return maintenance.text
    checks: dict[str, Silence] = {}
    for silence in silences:
        if silence.of_service(member.service, tags):
            return silence.text
        service, _, check = silence.subject.partition("/")
        if check and service == member.service:
            checks.setdefault(check, silence)
    if member.failed and not member.beyond and member.failed <= checks.keys():
        return "; ".join(dict.fromkeys(checks[check].text for check in sorted(member.failed)))
    return ""


def incident_muted_by(
    members: Sequence[Member],
    silences: Collection[Silence],
    tags: Mapping[str, Collection[str]],
    maintenance: Callable[[str], InMaintenance | None],
) -> str:
    """
    What mutes an incident: each of its services must be muted, or those of the others would not be told.

    Args:
        silences: Those that are active.
        tags: Of each service.
    """
    found: list[str] = []
    for member in members:
        why = muted_by(member, silences, tags.get(member.service, ()), maintenance(member.service))
        if not why:
            return ""
        found.append(why)
    return "; ".join(dict.fromkeys(found))
