"""
What no single value can tell: rules over several keys.

Each tells its problems to the reading, and is silent where a key it rests on is wrong itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise

from monitor.config import intake, maintenance, mitigations, objectives, public
from monitor.config.check_rules import enforce_check
from monitor.config.config import Retention
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.severity import enforce_severity, severity_warnings
from monitor.config.shape import Root
from monitor.config.shape.incidents import IncidentsShape
from monitor.config.shape.service import ServiceShape
from monitor.config.values import meant, show
from monitor.core.meeting import WorkingHours

RESERVED_SERVICE = "watchkeeper"
"""The subject of the monitor's own incidents."""


def enforce(root: Root, reading: Reading) -> list[str]:
    """Tells *reading* every problem; returns the warnings."""
    _monitor(root, reading)
    _services(root, reading)
    intake.enforce(root, reading)
    maintenance.enforce(root, reading)
    _meeting(root, reading)
    public.enforce(root, reading)
    enforce_severity(root, reading)
    return [*_warnings(root, reading), *severity_warnings(root, reading)]


def _monitor(root: Root, reading: Reading) -> None:
    online = root.monitor.online if root.monitor else None
    if online is not None and len(set(online)) < 2:
        reading.tell(
            ("monitor", "online"),
            "needs at least two different addresses",
            "One reference that is down would excuse every failure. Add another, or leave it out.",
        )
    kept = root.monitor.retention if root.monitor else None
    default = Retention()
    steps = [(name, (kept and getattr(kept, name)) or getattr(default, name)) for name in Retention.model_fields]
    for (finer, shorter), (coarser, longer) in pairwise(steps):
        if longer < shorter:
            here: Path = ("monitor", "retention", coarser)
            shown = here if kept and getattr(kept, coarser) else ("monitor", "retention", finer)
            found = f"{coarser} ({show(longer)}) are kept for less than {finer} ({show(shorter)})"
            reading.tell(shown, found, "Keep the coarser rows for as long as the finer ones, or longer.")


def _meeting(root: Root, reading: Reading) -> None:
    written = root.incidents.meeting if root.incidents else None
    if written is None or written.length is None:
        return
    hours = WorkingHours() if written.weekly is None else WorkingHours(weekly=written.weekly[1])
    if written.length > hours.longest:
        found = f"{show(written.length)} is longer than a day of work, {show(hours.longest)}"
        reading.tell(("incidents", "meeting", "length"), found, "Write how long a meeting takes, for example 1h.")


def _services(root: Root, reading: Reading) -> None:
    services = root.services or {}
    asks_on_demand = root.monitor is not None and root.monitor.probe_modules is not None
    if not services and not asks_on_demand and not reading.is_wrong(("services",)):
        found = "there is no service to watch"
        reading.tell(("services",), found, "Write services:, and under it a name with checks: {live: http://HOST/}.")
    for name, service in services.items():
        path: Path = ("services", name)
        if name == RESERVED_SERVICE:
            reading.tell(path, "is the name of the monitor's own incidents", "Choose another name.")
        if not service.checks and not reading.is_wrong((*path, "checks")):
            reading.tell((*path, "checks"), "there is no check", "Write checks: {live: http://HOST:PORT/healthz}.")
        for check_name, check in (service.checks or {}).items():
            enforce_check(check, _has_prometheus(root), (*path, "checks", check_name), reading)
            _needs(root, check.needs, (*path, "checks", check_name, "needs"), reading)
        objectives.enforce(service, _has_prometheus(root), (*path, "slos"), reading)
        _traffic(root, service, (*path, "traffic"), reading)
        _queries(root, service, (*path, "queries"), reading)
        mitigations.enforce(service, (*path, "mitigations"), reading)
    _dependencies(services, reading)


def _has_prometheus(root: Root) -> bool:
    return root.sources is not None and root.sources.prometheus is not None


def _traffic(root: Root, service: ServiceShape, path: Path, reading: Reading) -> None:
    has_prometheus = _has_prometheus(root)
    if service.deploys is not None and not has_prometheus and not reading.is_wrong(("sources",)):
        found = "there is no Prometheus to ask"
        fix = "Add sources: {prometheus: http://localhost:9090}, or remove deploys."
        reading.tell((*path[:-1], "deploys"), found, fix)
    traffic = service.traffic
    if traffic is None or reading.is_wrong(path):
        return
    if not traffic.model_fields_set:
        reading.tell(path, "asks nothing", "Add requests: and errors:, or remove traffic.")
    elif traffic.requests is None and traffic.errors is not None:
        reading.tell((*path, "errors"), "cannot be judged without requests", "Add requests: as a rate in PromQL.")
    if not has_prometheus and not reading.is_wrong(("sources",)):
        found = "there is no Prometheus to ask"
        reading.tell(path, found, "Add sources: {prometheus: http://localhost:9090}, or remove traffic.")


def _needs(root: Root, role: str | None, path: Path, reading: Reading) -> None:
    known = reading.keys(("contacts",)) if root.contacts else []
    if role is None or role in known or reading.is_wrong(("contacts",)):
        return
    fix = meant(role, known) if known else f"Add contacts: {{{role}: {{primary: NAME}}}}."
    reading.tell(path, f"{reading.written(path)} is not a role in contacts", fix)


def _queries(root: Root, service: ServiceShape, path: Path, reading: Reading) -> None:
    for name, query in (service.queries or {}).items():
        here: Path = (*path, name)
        if not query.data_loss and not reading.is_wrong((*here, "data_loss")):
            reading.tell(here, "is not marked, and nothing else is made of it", "Add data_loss: true, or remove it.")
        elif not _has_prometheus(root) and not reading.is_wrong(("sources",)):
            found = "there is no Prometheus to ask"
            reading.tell(here, found, "Add sources: {prometheus: http://localhost:9090}, or remove the query.")


def _dependencies(services: Mapping[str, ServiceShape], reading: Reading) -> None:
    # Of all that stand in the file, and not only of those that could be read: a typing error inside one service
    # must not be told as the absence of it.
    known = reading.keys(("services",))
    for name, service in services.items():
        for position, parent in enumerate(service.depends_on or ()):
            path: Path = ("services", name, "depends_on", position)
            if parent == name:
                reading.tell(path, f"{name} depends on itself", "Remove it.")
            elif parent not in known:
                others = [key for key in known if key != name]
                fix = meant(parent, others) if others else "Remove it: there is no other service."
                reading.tell(path, f"{reading.written(path)} is not a service here", fix)
    for cycle in _cycles(services):
        position = (services[cycle[0]].depends_on or ()).index(cycle[1])
        found = "depends on itself in a circle: " + " -> ".join(cycle)
        reading.tell(("services", cycle[0], "depends_on", position), found, "Remove one of them.")


def _cycles(services: Mapping[str, ServiceShape]) -> Iterator[list[str]]:
    """One path per circle, its first service repeated at the end. Without recursion: chains may be long."""
    done: set[str] = set()
    for start in services:
        trail = [start]
        ahead = [iter(services[start].depends_on or ())]
        while trail and start not in done:
            parent = next(ahead[-1], None)
            if parent is None:
                done.add(trail.pop())
                ahead.pop()
            elif parent in trail and parent != trail[-1]:
                yield [*trail[trail.index(parent) :], parent]
            elif parent in services and parent not in done and parent != trail[-1]:
                trail.append(parent)
                ahead.append(iter(services[parent].depends_on or ()))


def _warnings(root: Root, reading: Reading) -> Iterator[str]:
    incidents = root.incidents or IncidentsShape()
    stable_for = incidents.stable_for or timedelta(minutes=30)
    open_after = incidents.open_after if incidents.open_after is not None else timedelta(seconds=60)
    for name, service in (root.services or {}).items():
        for check_name, check in (service.checks or {}).items():
            path: Path = ("services", name, "checks", check_name)
            if check.interval is not None and check.interval * 2 > stable_for:
                yield (
                    f"{reading.where((*path, 'interval'))}: {show(check.interval)} leaves at most one probe to prove a "
                    f"recovery within stable_for {show(stable_for)}."
                )
            if check.tls and check.tls.verify is False:
                yield f"{reading.where((*path, 'tls', 'verify'))}: any certificate is taken, an attacker's too."
        yield from objectives.warnings(service, ("services", name, "slos"), open_after, reading)
