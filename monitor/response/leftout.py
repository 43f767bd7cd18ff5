"""
What of a service's past is no word on what is normal: incidents, maintenance, the hours after a deploy, a level that it
has left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from monitor.core.baseline import AFTER_DEPLOY
from monitor.core.incident import Incident
from monitor.ledger.records import LedgerEvent, MemberLink
from monitor.response import maintenance
from monitor.response.deploys import MARKED, deploys_of

ACCEPTED: Final = "baseline.accepted"
NAMES: Final = (MARKED, ACCEPTED, *maintenance.NAMES)
"""The events of the ledger that it is made of."""

Interval = tuple[datetime, datetime]


@dataclass(slots=True)
class LeftOut:
    """
    Attributes:
        intervals: Closed; in no order.
        since: Nothing before it counts: a person accepted the level that began then.
    """

    intervals: list[Interval] = field(default_factory=list)
    since: datetime | None = None


def left_out(
    incidents: Iterable[Incident], members: Iterable[MemberLink], events: Sequence[LedgerEvent], now: datetime
) -> dict[str, LeftOut]:
    """
    By service; those without anything to leave out are not in it.

    Args:
        members: An incident is one of everybody that it affected, also of those that joined late.
        events: Of `NAMES`, in the order of the ledger: what was accepted last is what holds.
    """
    found: dict[str, LeftOut] = {}
    affected: dict[str, set[str]] = {}
    for member in members:
        affected.setdefault(member.incident, set()).add(member.service)
    for incident in incidents:
        began = incident.first_failure_at or incident.opened_at or incident.since
        for service in affected.get(incident.id, set()) | {incident.service}:
            found.setdefault(service, LeftOut()).intervals.append((began, incident.resolved_at or now))
    for deploy in deploys_of(events):
        found.setdefault(deploy.service, LeftOut()).intervals.append((deploy.at, deploy.at + AFTER_DEPLOY))
    for service, spans in maintenance.spans_of([e for e in events if e.name in maintenance.NAMES], now).items():
        found.setdefault(service, LeftOut()).intervals.extend(spans)
    for service, since in accepted_of(events).items():
        found.setdefault(service, LeftOut()).since = since
    return found


def accepted_of(events: Iterable[LedgerEvent]) -> dict[str, datetime]:
    """Service -> since when the level that was last accepted holds."""
    return {
        event.service: datetime.fromisoformat(str(event.attributes["since"]))
        for event in events
        if event.name == ACCEPTED
    }
