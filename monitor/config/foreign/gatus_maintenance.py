"""
Maintenance of gatus as windows of ours. Its windows begin at a time of some days and last for a while, which passes in
minutes: so they are cron's here. Its own are of an endpoint, ours of a service.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.config.foreign import durations
from monitor.config.foreign.place import Place
from monitor.config.foreign.plan import Plan, Service, Written
from monitor.config.problems import Wrong
from monitor.config.values import time_zone

_START: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_DAYS: Final = {
    "Sunday": "sun", "Monday": "mon", "Tuesday": "tue", "Wednesday": "wed", "Thursday": "thu", "Friday": "fri",
    "Saturday": "sat",
}  # fmt: skip
_KNOWN: Final = ("enabled", "start", "duration", "timezone", "every")
_DAY: Final = 24 * 3600.0


def window(place: Place) -> dict[str, Written] | None:
    """None of one that is off, or that gatus would not start with; the latter is told."""
    place.tell_others(_KNOWN)
    if place.string("enabled").lower() in ("false", "no", "off"):
        return None
    start = _START.fullmatch(place.string("start"))
    seconds = durations.go_seconds(place.string("duration"))
    every = place.get("every")
    days = [item.plain() for item in every.items()] if every else []
    if every is not None and not days:
        return None  # told already: it is no list
    if start is None or seconds is None or not 0 < seconds <= _DAY or not set(days) <= _DAYS.keys():
        fix = "Write start: hh:mm, duration: up to 24h, every: [Sunday, ...]."
        place.leave_out("is no window that can be read", fix)
        return None
    zone = place.string("timezone") or "UTC"
    try:
        time_zone(zone)
    except Wrong as wrong:
        (place.get("timezone") or place).leave_out(wrong.found.replace("{value}", zone), wrong.fix)
        return None
    on = ",".join(_DAYS[day] for day in days) or "*"
    return {
        "cron": f"{int(start[2])} {int(start[1])} * * {on}",
        "for": durations.shown(max(seconds, 60.0)),
        "zone": zone,
    }


def of_endpoint(place: Place, service: Service, is_alone: bool) -> None:
    """Windows of one endpoint; those of one among several cannot be said."""
    given = place.get("maintenance-windows")
    if given is None:
        return
    if not is_alone:
        fix = "Here a window is of a whole service: write maintenance: under it, if it is to be of all its checks."
        given.leave_out("is of one endpoint of a group", fix)
        return
    service.maintenance += [(item, made) for item in given.items() if (made := window(item)) is not None]


def of_all(place: Place, plan: Plan) -> None:
    """What is set for the whole of gatus is of each service. After all of them are known."""
    made = window(place)
    if made is not None:
        plan.maintenance.append((place, made))
