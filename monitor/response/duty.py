"""Chapter 1, triage: whom a rotation puts in a contact's place now, and what is said where it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.core.rotation import Shift, on_call
from monitor.response.rules import Rules
from monitor.response.triage import Role, utc


@dataclass(frozen=True, slots=True)
class Rota:
    """
    Attributes:
        shifts: As last read well; empty where it never was.
        read_at: When that was, by the wall clock; None: never.
        trouble: Why it could not be read since; empty where it could.
    """

    shifts: tuple[Shift, ...] = ()
    read_at: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Duty:
    """The rotations of one role; None where it has none."""

    primary: Rota | None = None
    backup: Rota | None = None


Duties = Callable[[], Mapping[str, Duty]]
"""By role, as they are known now."""


def no_duties() -> Mapping[str, Duty]:
    return {}


def with_duties(rules: Rules, duties: Mapping[str, Duty], wall: datetime) -> Rules:
    """*rules* with whoever is on call in the place of those whom the contacts name."""
    if not duties:
        return rules
    contacts = {name: _on_duty(role, duties.get(name), wall) for name, role in rules.contacts.items()}
    return replace(rules, contacts=contacts, roles=tuple(contacts.get(role.name, role) for role in rules.roles))


def _on_duty(role: Role, duty: Duty | None, wall: datetime) -> Role:
    if duty is None:
        return role
    holder, by = _one(duty.primary, role.holder, wall)
    backup, by_backup = _one(duty.backup, role.backup, wall)
    said = [by, f"backup {by_backup}" if by_backup else ""]
    return replace(role, holder=holder, backup="" if backup == holder else backup, by=", ".join(filter(None, said)))


def _one(rota: Rota | None, otherwise: str, wall: datetime) -> tuple[str, str]:
    """Who it is, and by what."""
    if rota is None:
        return otherwise, ""
    if rota.read_at is None:
        return otherwise, f"by name, as the rotation cannot be read: {rota.trouble or 'it was not read yet'}"
    old = f" as of {utc(rota.read_at)}, which cannot be read since: {rota.trouble}" if rota.trouble else ""
    who = on_call(rota.shifts, wall)
    return (who, f"by the rotation{old}") if who else (otherwise, f"by name, as nobody is in the rotation{old}")
