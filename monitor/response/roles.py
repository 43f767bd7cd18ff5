"""
Chapter 1, triage: who has which role in an incident. Its contacts are told as it opens, their backups when nobody takes
it, further ones when what fails says so; a person may hand a role to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from monitor.core.escalation import backups_due
from monitor.core.severity import Severity
from monitor.ledger.records import LedgerEvent
from monitor.response.case import Case, Subject
from monitor.response.entries import Told
from monitor.response.rules import Rules
from monitor.response.triage import Role, title_of

ASSIGNED: Final = "incident.role_assigned"
ESCALATED: Final = "incident.escalated"


class UnknownRole(LookupError):
    """Nobody could have it: it is neither one of the playbook's nor in the contacts."""


def call(case: Case, rules: Rules, now: datetime) -> list[Told]:
    """Of what just opened, or was reopened: who has which role, and whose backups are told at once."""
    case.called_at = now
    told = [assign(case, role, "") for role in rules.roles if role.name not in case.roles]
    return told + escalate(case, rules, now)


def call_again(case: Case, now: datetime) -> None:
    """People hear of it again, so that from now on somebody can acknowledge it. Backups are told once all the same."""
    if case.called_at is not None and (case.escalated_at is None or case.escalated_at < case.called_at):
        case.called_at = now


def escalate(case: Case, rules: Rules, now: datetime) -> list[Told]:
    """The backups, if they are to be told now."""
    incident = case.incident
    severity = incident.severity or Severity.SEV4
    policy = rules.policies.get(severity)
    backups = [role for role in case.roles.values() if role.backup]
    if not backups or case.called_at is None or not incident.is_live or case.muted_by:
        return []
    why = backups_due(
        severity,
        anybody_told=policy is not None and (policy.page or policy.chat),
        acknowledged=bool(incident.acknowledged_by),
        called_at=case.called_at,
        escalated_at=case.escalated_at,
        ack_within=rules.ack_within,
        now=now,
    )
    if not why:
        return []
    case.escalated_at = now
    named = "; ".join(f"{role.backup} ({title_of(role.name)})" for role in backups)
    attributes = {"roles": [role.name for role in backups], "told": [role.backup for role in backups]}
    return [Told(ESCALATED, f"{why}: {named}", attributes)]


def join(case: Case, subjects: Mapping[str, Subject], rules: Rules) -> Iterator[Told]:
    """Contacts that a failing check needs, and that have no role in it yet."""
    for service in case.services():
        needs = rules.needs.get(service)
        seen = subjects[service].seen if needs and service in subjects else None
        for check in seen.evidence.failing if needs and seen is not None else ():
            role = rules.contacts.get(needs.get(check, "")) if needs else None
            if role is not None and role.name not in case.roles:
                yield assign(case, role, f", because {service}/{check} is failing")


def assign(case: Case, role: Role, because: str, before: Role | None = None) -> Told:
    case.roles[role.name] = role
    after = f" after {before.holder}" if before is not None else ""
    backup = f" (backup: {role.backup})" if role.backup else ""
    by = f", {role.by}" if role.by else ""
    text = f"{title_of(role.name)}: {role.holder}{backup}{after}{by}{because}"
    return Told(ASSIGNED, text, {"role": role.name, "holder": role.holder, "backup": role.backup})


def handed_over(case: Case, name: str, holder: str, rules: Rules) -> Told | None:
    """A person gives a role to *holder*; None where they have it already. Raises UnknownRole."""
    known = {"incident_commander", "scribe"} | set(rules.contacts) | set(case.roles)
    if name not in known:
        raise UnknownRole(f"no role is called {name}; there are {', '.join(sorted(known))}")
    before = case.roles.get(name)
    if before is not None and before.holder == holder:
        return None
    asked = before or rules.contacts.get(name)
    backup = asked.backup if asked is not None and asked.backup != holder else ""
    return assign(case, Role(name, holder, backup), "", before)


def held(case: Case, rules: Rules) -> tuple[Role, ...]:
    """Who has which role. Of an incident that opened before roles were written down: the contacts."""
    return tuple(case.roles.values()) or rules.roles


def restore(case: Case) -> None:
    """What the events tell of it."""
    case.roles = roles_of(case.events)
    for event in case.events:
        if event.name in ("incident.opened", "incident.reopened"):
            case.called_at = event.at
        if event.name == "incident.unmuted":
            call_again(case, event.at)
        if event.name == ESCALATED:
            case.escalated_at = event.at


def roles_of(events: Iterable[LedgerEvent]) -> dict[str, Role]:
    """As the newest event of each role has it."""
    assigned = (event.attributes for event in events if event.name == ASSIGNED)
    found = (Role(str(told["role"]), str(told["holder"]), str(told["backup"])) for told in assigned)
    return {role.name: role for role in found}
