"""
Monitors of a backup of Uptime Kuma (version 1, Settings, Backup, Export) as checks of ours: a group is a service, a
monitor a check. One without a group is a service of its own, for the reason that gatus.py gives.
"""

from __future__ import annotations

from typing import Final

from monitor.config.document import Group
from monitor.config.foreign import durations
from monitor.config.foreign.kuma_types import TYPES, Monitor
from monitor.config.foreign.place import Place, Refused
from monitor.config.foreign.plan import Plan, Service, Written
from monitor.config.foreign.told import Word
from monitor.config.problems import quote

_DEFAULT_INTERVAL: Final = 60.0
_MOST_RETRIES: Final = 5
_NAMED: Final = {
    "http": "http",
    "keyword": "http",
    "json-query": "http",
    "port": "tcp",
    "ping": "icmp",
    "dns": "dns",
    "push": "push",
}
"""What the only check of a service is called."""


def read_uptime_kuma(root: Group, plan: Plan) -> None:
    """Puts the monitors of a backup into *plan*."""
    whole = Place(root, plan.told)
    if notifications := whole.get("notificationList"):
        notifications.leave_out("is not carried over", "Tickets and webhooks are set under tracker:.")
    if pages := whole.get("statusPageList"):
        pages.leave_out("is not carried over", "There is no status page in this version.")
    if maintenance := whole.get("maintenanceList"):
        fix = "Write maintenance: under a service, or for several by name or tag."
        maintenance.leave_out("does not say of which monitors it is", fix)
    proxies = whole.get("proxyList")
    monitors = whole.get("monitorList")
    if monitors is None:
        whole.refuse("holds no monitorList", "Name a backup of Uptime Kuma: Settings, Backup, Export.")
        return
    listed = [place for place in monitors.items() if place.is_group]
    groups = {place.plain_of("id"): place for place in listed if place.plain_of("type") == "group"}
    for place in listed:
        if place.plain_of("type") != "group":
            _monitor(place, groups.get(place.plain_of("parent")), proxies, plan)


def _monitor(place: Place, group: Place | None, proxies: Place | None, plan: Plan) -> None:
    name = place.plain_of("name")
    place = place.called(f"monitor {quote(name)}" if name else place.shown)
    kind = place.plain_of("type")
    where = place.get("type") or place
    make = TYPES.get(kind)
    if place.plain_of("active") in ("0", "false"):
        place.refuse("is paused", "Resume it, and export it again.")
    elif place.flag("upsideDown"):
        (place.get("upsideDown") or place).refuse("wants that it fails", "With http, expect: can: [STATUS] == 404.")
    elif make is None:
        where.refuse(f"there is no kind {quote(kind)} here", "A program can ask it: command:.")
    elif isinstance(make, str):
        where.refuse(f"is of the kind {kind}", make)
    else:
        try:
            check = make(Monitor(place, proxies, plan.secrets, (group.plain_of("name") if group else "", name)))
        except Refused as error:
            error.place.refuse(error.found, error.fix)
            return
        service = _service(place, group, name, plan)
        if kind != "push":  # nothing is waited for, and nothing asked again
            _asking(place, check)
        called = plan.name(service, name, place) if group else service.names.take(_NAMED[kind], "check")
        plan.add(service, called, place, check, *filter(None, [place.plain_of("description")]))


def _asking(place: Place, check: dict[str, Written]) -> None:
    """How often, how long and how many times it is asked."""
    every = durations.interval(place.get("interval"), _number(place, "interval") or _DEFAULT_INTERVAL)
    check["interval"] = durations.shown(every.total_seconds())
    timeout, given = place.get("timeout"), _number(place, "timeout")
    if timeout is not None and given and (written := durations.timeout(timeout, given, every)):
        check["timeout"] = written
    if retries := int(_number(place, "maxretries") or 0):
        check["retry"] = {"times": str(min(retries, _MOST_RETRIES))}
        if retries > _MOST_RETRIES and (given_retries := place.get("maxretries")):
            given_retries.tell(Word.CHANGED, "is more than 5", "A failed attempt is asked again 5 times at most.")


def _service(place: Place, group: Place | None, name: str, plan: Plan) -> Service:
    if group is not None:
        of_group = group.plain_of("name")
        service = plan.service(f"group {group.plain_of('id')}", of_group, group.called(f"group {quote(of_group)}"))
        tags = (*_tags(group), *_tags(place))
    else:
        service = plan.service(f"monitor {place.plain_of('id')} {name}", name, place)
        tags = _tags(place)
    service.tags = tuple(dict.fromkeys((*service.tags, *tags)))
    return service


def _tags(place: Place) -> tuple[str, ...]:
    """`name` or `name=value`, on one line each."""
    found: list[str] = []
    given = place.get("tags")
    for tag in given.items() if given else ():
        name, value = tag.string("name"), tag.string("value")
        text = f"{name}={value}" if value else name
        if text and text.isprintable():
            found.append(text)
    return tuple(found)


def _number(place: Place, key: str) -> float | None:
    text = place.plain_of(key)
    return float(text) if text.replace(".", "", 1).isdecimal() and text.isascii() and len(text) < 10 else None
