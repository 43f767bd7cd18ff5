"""Chapter 1, triage: who is on it, what the symptoms are, how bad it is and why. Texts, in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.config import Contact
from monitor.core.severity_table import Suggestion
from monitor.ledger.records import LedgerEvent


@dataclass(frozen=True, slots=True)
class Role:
    """
    Attributes:
        by: What says so beside the contacts' names, in words; empty where nothing does.
    """

    name: str
    holder: str
    backup: str
    by: str = ""

    def __str__(self) -> str:
        return f"{title_of(self.name)}: {self.holder}" + (f" (backup: {self.backup})" if self.backup else "")


def title_of(role: str) -> str:
    """`incident_commander` as people read it."""
    return role.replace("_", " ").capitalize()


def roles(contacts: Mapping[str, Contact]) -> tuple[Role, ...]:
    """Incident Commander and Scribe, from the contacts; empty for roles that nobody was named for."""
    return tuple(
        Role(name, contacts[name].primary, contacts[name].backup or "")
        for name in ("incident_commander", "scribe")
        if name in contacts
    )


def contact_roles(contacts: Mapping[str, Contact]) -> dict[str, Role]:
    """Every role that somebody was named for."""
    return {name: Role(name, contact.primary, contact.backup or "") for name, contact in contacts.items()}


def why(suggestion: Suggestion) -> Sequence[str]:
    """The severity with its work shown: the row, its inputs, and the neighbouring rows."""
    lines = [suggestion.reason, *suggestion.inputs]
    if suggestion.higher:
        lines.append(f"One step higher: {suggestion.higher}")
    if suggestion.lower:
        lines.append(f"One step lower: {suggestion.lower}")
    return [line for line in lines if line]


def because_of(events: Iterable[LedgerEvent]) -> tuple[str, ...]:
    """How the severity came about, as the newest event that says so has it."""
    because: tuple[str, ...] = ()
    for event in events:
        if isinstance(told := event.attributes.get("why"), list | tuple) and told:
            because = tuple(map(str, told))
    return because


def reported_by(reporter: str, symptoms: str) -> str:
    """A report on an incident that was live already, as one of its symptoms."""
    return f"reported by {reporter}: {symptoms}"


def utc(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S UTC")


def utc_time(instant: datetime) -> str:
    return instant.strftime("%H:%M:%S UTC")


def reference(number: int) -> str:
    """How people call an incident: INC-0042."""
    return f"INC-{number:04d}"
