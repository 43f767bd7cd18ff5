"""One incident for one problem: a child joins the parent that explains it, and a storm is one incident for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from monitor.core.incident import duration_text

STORM_ABOVE: Final = 5
"""Services. A storm is more than these."""
STORM_SHARE: Final = 0.2
"""And at least this share of all services."""


def parent_of(
    service: str,
    depends_on: Mapping[str, Sequence[str]],
    failing: Mapping[str, bool],
    telemetry: AbstractSet[str] = frozenset(),
) -> str | None:
    """
    The confirmed-failing service whose incident *service* joins, None when nothing explains it.

    Parents are followed upwards as long as they fail, because a parent that fails because of its own parent has no
    incident of its own to join.

    Args:
        depends_on: Parents of each service, as configured.
        failing: Whether a service is confirmed failing now.
        telemetry: Services that only watch or carry telemetry (collector, Prometheus). Nobody fails because of them.
    """
    explaining = _failing_above(service, depends_on, failing, telemetry)
    for candidate in explaining:
        if not _failing_above(candidate, depends_on, failing, telemetry):
            return candidate
    # Only loops are left. One of each loop must open an incident, or nobody would.
    looping = [name for name in explaining if name in _failing_above(name, depends_on, failing, telemetry)]
    chosen = min(looping, default=service)
    return None if chosen == service else chosen


def _failing_above(
    service: str, depends_on: Mapping[str, Sequence[str]], failing: Mapping[str, bool], telemetry: AbstractSet[str]
) -> list[str]:
    found: list[str] = []
    waiting = list(depends_on.get(service, ()))
    while waiting:
        parent = waiting.pop(0)
        if parent not in found and parent not in telemetry and failing.get(parent, False):
            found.append(parent)
            waiting.extend(depends_on.get(parent, ()))
    return found


class Opening(NamedTuple):
    """A service that would open an incident now. *address* is what its name resolved to, empty if it did not."""

    service: str
    at: datetime
    reason: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """
    So many at once that it is one problem.

    Attributes:
        services: In the order in which they broke.
        reason, address: What more than half of them share; empty if nothing is.
    """

    services: tuple[str, ...]
    total_services: int
    began_at: datetime
    window: timedelta
    reason: str
    address: str

    @property
    def text(self) -> str:
        """What they share comes first: that is what to look at."""
        shared = ", ".join(part for part in (self.reason, f"at {self.address}" if self.address else "") if part)
        count = f"{len(self.services)} of {self.total_services} services within {duration_text(self.window)}"
        return f"{shared or 'no shared reason'}: {count}: {', '.join(self.services)}"


def storm(
    opening: Sequence[tuple[str, datetime, str, str]], total_services: int, window: timedelta = timedelta(minutes=2)
) -> Storm | None:
    """The largest group of services that would open within *window* of each other, if it is a storm."""
    earliest: dict[str, Opening] = {}
    for entry in sorted((Opening(*entry) for entry in opening), key=lambda entry: (entry.at, entry.service)):
        earliest.setdefault(entry.service, entry)
    entries = list(earliest.values())
    largest = _largest_group(entries, window)
    if len(largest) <= STORM_ABOVE or len(largest) < STORM_SHARE * total_services:
        return None
    return Storm(
        services=tuple(entry.service for entry in largest),
        total_services=total_services,
        began_at=largest[0].at,
        window=window,
        reason=_shared([entry.reason for entry in largest]),
        address=_shared([entry.address for entry in largest]),
    )


def _largest_group(entries: Sequence[Opening], window: timedelta) -> Sequence[Opening]:
    """Of *entries*, in the order of time; the earliest of equals. In one pass: a storm may hold everything."""
    first = last = end = 0
    for begin, opening in enumerate(entries):
        while end < len(entries) and entries[end].at <= opening.at + window:
            end += 1
        if end - begin > last - first:
            first, last = begin, end
    return entries[first:last]


def _shared(values: Sequence[str]) -> str:
    """What more than half of them say."""
    [(value, count)] = Counter(values).most_common(1)
    return value if count * 2 > len(values) else ""
