"""
The maintenance windows of all services, by the wall clock: which results are due in one, and which windows began or
ended since it was last looked. Mutable, but without a clock or I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from checks.result import CheckResult
from monitor.config import Service
from monitor.core.maintenance import InMaintenance, MaintenanceWindow, Stand, stand
from monitor.ledger.records import LedgerEvent

BEGAN: Final = "maintenance.began"
ENDED: Final = "maintenance.ended"
NAMES: Final = (BEGAN, ENDED)


@dataclass(slots=True)
class _Calendar:
    """
    Windows that services share, looked at once for all of them.

    Attributes:
        stands: The newest first. Two, because around an edge results of both sides come by turns.
    """

    windows: tuple[MaintenanceWindow, ...]
    services: list[str] = field(default_factory=list)
    stands: list[Stand] = field(default_factory=list)

    def at(self, wall: datetime) -> Stand:
        for known in self.stands:
            if known.holds_at(wall):
                return known
        found = stand(self.windows, wall)
        self.stands = [found, *self.stands[:1]]
        return found


class Maintenance:
    """
    Attributes:
        inside: Service -> what it is in, as `turn` found it last.
    """

    def __init__(self, services: Mapping[str, Service]) -> None:
        self.inside: dict[str, InMaintenance] = {}
        self._ended: dict[str, str] = {}  # what a restart found begun, and what it was
        self._calendars: dict[str, _Calendar] = {}
        self._all: list[_Calendar] = []
        self._looked: Stand | None = None
        self.replace(services)

    @property
    def services(self) -> Collection[str]:
        """Those that have windows."""
        return self._calendars.keys()

    def replace(self, services: Mapping[str, Service]) -> None:
        """The windows of the configuration from now on; what that begins or ends, the next `turn` finds."""
        shared: dict[tuple[MaintenanceWindow, ...], _Calendar] = {}
        self._calendars = {}
        for name, service in services.items():
            if service.maintenance:
                calendar = shared.setdefault(service.maintenance, _Calendar(service.maintenance))
                calendar.services.append(name)
                self._calendars[name] = calendar
        self._all = list(shared.values())
        self._looked = None

    def restore(self, events: Iterable[LedgerEvent]) -> None:
        """*events*: of `NAMES`, in the order of the ledger. What had begun is not told a second time."""
        for event in events:
            for service in services_in(event):
                if event.name == BEGAN:
                    self._ended[service] = str(event.attributes.get("window", ""))
                else:
                    self._ended.pop(service, None)

    def of(self, service: str, wall: datetime) -> InMaintenance | None:
        calendar = self._calendars.get(service)
        return None if calendar is None else calendar.at(wall).inside

    def mark(self, results: Sequence[CheckResult], ahead: timedelta) -> Sequence[CheckResult]:
        """
        Those that were due in a window say so.

        Args:
            ahead: By how much the wall clock is ahead of the steady timeline.
        """
        if not self._calendars:
            return results
        return [self._marked(result, ahead) for result in results]

    def _marked(self, result: CheckResult, ahead: timedelta) -> CheckResult:
        inside = self.of(result.service, result.scheduled_at + ahead)
        if inside is None:
            return result
        return replace(result, maintenance=inside.text, left_out=not inside.counts)

    def edge_after(self, wall: datetime) -> datetime | None:
        """When the next window of any service begins or ends; None when none will."""
        return min((until for c in self._all if (until := c.at(wall).until) is not None), default=None)

    def turn(self, now: datetime, wall: datetime) -> list[LedgerEvent]:
        """What began and what ended since the last look: an event for the services that share it."""
        if self._looked is not None and self._looked.holds_at(wall):
            return []
        before = self._ended | {name: inside.text for name, inside in self.inside.items()}
        self.inside = {
            name: inside for c in self._all if (inside := c.at(wall).inside) is not None for name in c.services
        }
        self._ended = {}
        self._looked = Stand(wall, self.edge_after(wall), None)
        began: dict[str, list[str]] = {}
        ended: dict[str, list[str]] = {}
        for name in sorted(self.inside.keys() - before.keys()):
            began.setdefault(self.inside[name].text, []).append(name)
        for name in sorted(before.keys() - self.inside.keys()):
            ended.setdefault(before[name], []).append(name)
        told = [(BEGAN, text, names) for text, names in began.items()]
        told += [(ENDED, text, names) for text, names in ended.items()]
        return [_event(name, text, services, now, wall) for name, text, services in told]


def _event(name: str, window: str, services: list[str], now: datetime, wall: datetime) -> LedgerEvent:
    shown = ", ".join(services[:5]) + (f" and {len(services) - 5} more" if len(services) > 5 else "")
    return LedgerEvent(
        name=name, at=now, wall=wall, text=f"{window.removeprefix('maintenance ')}: {shown}",
        service=services[0] if len(services) == 1 else "",
        attributes={"window": window, "services": services},
    )  # fmt: skip


def services_in(event: LedgerEvent) -> list[str]:
    """Of one of `NAMES`."""
    named = event.attributes.get("services")
    return [str(name) for name in named] if isinstance(named, list) else []


def spans_of(events: Iterable[LedgerEvent], now: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
    """Service -> when it was in maintenance, steady timeline. *events*: of `NAMES`, in the order of the ledger."""
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    begun: dict[str, datetime] = {}
    for event in events:
        for service in services_in(event):
            if event.name == BEGAN:
                begun.setdefault(service, event.at)
            elif (since := begun.pop(service, None)) is not None:
                found.setdefault(service, []).append((since, event.at))
    for service, since in begun.items():
        found.setdefault(service, []).append((since, now))
    return found
