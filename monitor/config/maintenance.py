"""From the `maintenance` keys, of a service and of the whole, to windows of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape import Root
from monitor.config.shape.maintenance import MaintenanceOfSeveral, MaintenanceShape
from monitor.config.shape.service import ServiceShape
from monitor.config.values import meant, show
from monitor.core.cron import parse
from monitor.core.maintenance import ByCron, MaintenanceWindow, Once, Span, instant_on_the_wall

_WAYS: Final = ("weekly", "cron", "from")
_BELONGS: Final = {"for": "cron", "until": "from"}
_FIX: Final = 'Write weekly: "Sun 02:00-04:00", or cron: and for:, or from: and until:.'


def enforce(root: Root, reading: Reading) -> None:
    for name, service in (root.services or {}).items():
        for number, written in enumerate(service.maintenance or ()):
            _one(written, ("services", name, "maintenance", number), reading)
    for number, written in enumerate(root.maintenance or ()):
        path: Path = ("maintenance", number)
        _one(written, path, reading)
        _selected(written, root.services or {}, path, reading)


def _one(written: MaintenanceShape, path: Path, reading: Reading) -> None:
    given = set(reading.keys(path))
    ways = [way for way in _WAYS if way in given]
    if not ways:
        orphan = next((key for key in _BELONGS if key in given), None)
        here = path if orphan is None else (*path, orphan)
        found = "does not say when" if orphan is None else f"needs {_BELONGS[orphan]} as well"
        reading.tell(here, found, _FIX)
        return
    if len(ways) > 1:
        reading.tell((*path, ways[1]), f"{ways[0]} is set as well", "Keep one of them; write two windows for both.")
        return
    for key, way in _BELONGS.items():
        if key in given and way not in given:
            reading.tell((*path, key), f"is for {way} only", "Remove it.")
        elif way in given and key not in given:
            example = "for: 2h" if key == "for" else "until: 2026-12-01 04:00"
            reading.tell((*path, way), f"needs {key} as well", f"Add {example}.")
    if written.from_ is not None and written.until is not None:
        start, end = _instants(written.from_, written.until, _zone(written, "UTC"))
        if end <= start:
            reading.tell((*path, "until"), "is not later than from", "Write when the window ends.")


def _selected(
    written: MaintenanceOfSeveral, services: Mapping[str, ServiceShape], path: Path, reading: Reading
) -> None:
    if not ({"services", "tags"} & set(reading.keys(path))):
        reading.tell(path, "is of no service", "Add services: [NAME, ...], or tags: [TAG, ...].")
    known = reading.keys(("services",))
    for number, name in enumerate(written.services or ()):
        if name not in known:
            reading.tell((*path, "services", number), "there is no such service", meant(name, known))
    tags = sorted({tag for service in services.values() for tag in service.tags or ()})
    for number, tag in enumerate(written.tags or ()):
        if tag not in tags and not reading.is_wrong(("services",)):
            reading.tell((*path, "tags", number), "no service has this tag", meant(tag, tags))


def windows_of(
    name: str, service: ServiceShape, several: Sequence[MaintenanceOfSeveral], zone: str
) -> tuple[MaintenanceWindow, ...]:
    """
    Of one service: its own, and those of the whole that select it.

    Args:
        zone: Of the monitor.
    """
    tags = set(service.tags or ())
    chosen = [one for one in several if name in (one.services or ()) or tags & set(one.tags or ())]
    found = (window_of(written, zone) for written in (*(service.maintenance or ()), *chosen))
    return tuple(window for window in found if window is not None)


def window_of(written: MaintenanceShape, zone: str) -> MaintenanceWindow | None:
    """None of one that the rules refuse."""
    at, counts = _zone(written, zone), bool(written.counts)
    if written.weekly is not None:
        text, weekly = written.weekly
        return MaintenanceWindow(text=text, when=weekly, zone=at, counts=counts)
    if written.cron is not None and written.for_ is not None:
        when = ByCron(parse(written.cron), written.for_)
        return MaintenanceWindow(text=f"{written.cron} for {show(written.for_)}", when=when, zone=at, counts=counts)
    if written.from_ is not None and written.until is not None:
        start, end = _instants(written.from_, written.until, at)
        text = f"{start.astimezone(at):%Y-%m-%d %H:%M} until {end.astimezone(at):%Y-%m-%d %H:%M}"
        return MaintenanceWindow(text=text, when=Once(Span(start, end)), zone=at, counts=counts)
    return None


def _zone(written: MaintenanceShape, otherwise: str) -> ZoneInfo:
    return ZoneInfo(written.zone or otherwise)


def _instants(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """A time that the clock shows twice begins the window the first time, and ends it the second."""
    return (
        start.astimezone(UTC) if start.tzinfo else instant_on_the_wall(start, zone),
        end.astimezone(UTC) if end.tzinfo else instant_on_the_wall(end, zone, last=True),
    )
