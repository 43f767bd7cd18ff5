"""
What no single value can tell: rules over several keys.

Each tells its problems to the reading, and is silent where a key it rests on is wrong itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise

from checks.tls import FAIL, WARN
from monitor.config import objectives
from monitor.config.conditions import enforce_http
from monitor.config.config import Retention
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.severity import enforce_severity, severity_warnings
from monitor.config.shape import Root
from monitor.config.shape.check import CheckShape, Promql
from monitor.config.shape.incidents import IncidentsShape
from monitor.config.shape.service import ServiceShape
from monitor.config.times import DEFAULT_INTERVAL, default_timeout
from monitor.config.values import meant, show

DEFAULT_RETRY_WITHIN = timedelta(seconds=2)
DEFAULT_WARN = timedelta(seconds=WARN)
DEFAULT_FAIL = timedelta(seconds=FAIL)
RESERVED_SERVICE = "watchkeeper"
"""The subject of the monitor's own incidents."""

_KINDS: dict[str, frozenset[str]] = {
    "http": frozenset({"method", "headers", "body", "status", "redirects", "tls", "max_body", "expect"}),
    "collector": frozenset({"metrics"}),
    "tcp": frozenset({"script", "tls"}),
    "unix": frozenset({"script"}),
    "ssh": frozenset(),
    "tls": frozenset({"tls"}),
    "command": frozenset({"output", "directory", "environment"}),
    "promql": frozenset(),
}
"""Each kind of check, and the keys that only some kinds take."""
_OF_SOME = frozenset.union(*_KINDS.values())
_OF_TLS_CHECKS = ("target", "starttls", "warn", "fail")


def enforce(root: Root, reading: Reading) -> list[str]:
    """Tells *reading* every problem; returns the warnings."""
    _monitor(root, reading)
    _services(root, reading)
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


def _services(root: Root, reading: Reading) -> None:
    services = root.services or {}
    if not services and not reading.is_wrong(("services",)):
        found = "there is no service to watch"
        reading.tell(("services",), found, "Write services:, and under it a name with checks: {live: http://HOST/}.")
    for name, service in services.items():
        path: Path = ("services", name)
        if name == RESERVED_SERVICE:
            reading.tell(path, "is the name of the monitor's own incidents", "Choose another name.")
        if not service.checks and not reading.is_wrong((*path, "checks")):
            reading.tell((*path, "checks"), "there is no check", "Write checks: {live: http://HOST:PORT/healthz}.")
        for check_name, check in (service.checks or {}).items():
            _check(check, _has_prometheus(root), (*path, "checks", check_name), reading)
        objectives.enforce(service, _has_prometheus(root), (*path, "slos"), reading)
        _traffic(root, service, (*path, "traffic"), reading)
        _queries(root, service, (*path, "queries"), reading)
    _dependencies(services, reading)


def _check(check: CheckShape, has_prometheus: bool, path: Path, reading: Reading) -> None:
    asked = kinds_of(check)
    if not asked and not any(reading.is_wrong((*path, kind)) for kind in _KINDS):
        reading.tell(path, "asks nothing", f"Add http: URL, or one of {', '.join(list(_KINDS)[1:])}.")
    for other in asked[1:]:
        reading.tell((*path, other), "one check asks one thing", f"Make two checks of {asked[0]} and {other}.")
    if len(asked) == 1:
        _keys_of_kind(asked[0], check, path, reading)
    _script(check, (*path, "script"), reading)
    if check.promql is not None:
        _promql(check.promql, has_prometheus, (*path, "promql"), reading)
    if asked == ["http"] and check.expect is not None:
        enforce_http(check.expect, (*path, "expect"), reading)
    _check_times(check, path, reading)
    if (
        check.body is not None
        and check.http is not None
        and (check.method or "GET") in ("GET", "HEAD")
        and not reading.is_wrong((*path, "method"))
    ):
        found = f"a {check.method or 'GET'} request carries no body"
        reading.tell((*path, "body"), found, "Add method: POST, or remove the body.")
    if check.tls and check.tls.ca and check.tls.verify is False:
        reading.tell((*path, "tls", "ca"), "has no effect with verify: false", "Remove one of them.")


def kinds_of(check: CheckShape) -> list[str]:
    """What it asks, by the kinds whose keys are given; one, if nothing is wrong."""
    given = check.model_fields_set
    asked = [kind for kind in _KINDS if kind in given and kind != "tls"]
    if check.tls is not None and check.tls.target is not None:
        asked.append("tls")
    return asked


def _keys_of_kind(asked: str, check: CheckShape, path: Path, reading: Reading) -> None:
    for key in (key for key in CheckShape.model_fields if key in check.model_fields_set & _OF_SOME):
        takers = [kind for kind, keys in _KINDS.items() if key in keys]
        if asked not in takers:
            found = f"is for {' and '.join(takers)} checks only"
            reading.tell((*path, key), found, f"Remove it, or make it a check with {takers[0]}:.")
    if check.tls is None:
        return
    if asked == "tls":
        warn, fail = check.tls.warn or DEFAULT_WARN, check.tls.fail or DEFAULT_FAIL
        if warn < fail:
            found = f"warns at {show(warn)}, when it has failed since {show(fail)}"
            reading.tell((*path, "tls"), found, "Let warn be longer than fail.")
        return
    for key in (key for key in _OF_TLS_CHECKS if key in check.tls.model_fields_set):
        reading.tell((*path, "tls", key), "is for checks of a certificate only", "Remove it, or add target: HOST.")
    if asked == "http" and check.tls.name is not None:
        reading.tell((*path, "tls", "name"), "is for tcp and tls checks only", "Remove it.")


def _promql(written: Promql, has_prometheus: bool, path: Path, reading: Reading) -> None:
    if written.query is None and not reading.is_wrong(path):
        reading.tell(path, "has no query", "Add query: with PromQL.")
    if written.prometheus is None and not has_prometheus and not reading.is_wrong(("sources",)):
        found = "there is no Prometheus to ask"
        reading.tell(path, found, "Add sources: {prometheus: http://localhost:9090}, or prometheus: URL here.")


def _script(check: CheckShape, path: Path, reading: Reading) -> None:
    for place, step in enumerate(check.script or ()):
        here = (*path, place)
        if reading.is_wrong(here):
            continue
        does = [key for key in ("send", "expect", "starttls") if getattr(step, key) is not None]
        if len(does) != 1:
            found = f"does {len(does)} things at once" if does else "does nothing"
            reading.tell(here, found, "Give each step one of send, expect and starttls.")
        elif step.refuse is not None and step.expect is None:
            reading.tell((*here, "refuse"), "has no expect beside it", "Add expect: REGEX, or remove it.")
        elif step.starttls is not None and check.unix is not None:
            reading.tell((*here, "starttls"), "is for tcp checks only", "Remove it.")


def _check_times(check: CheckShape, path: Path, reading: Reading) -> None:
    if reading.is_wrong((*path, "interval")):
        return
    interval = check.interval or DEFAULT_INTERVAL
    if check.timeout is not None and check.timeout >= interval:
        which = "interval" if check.interval else "the default interval,"
        reading.tell(
            (*path, "timeout"),
            f"{show(check.timeout)} is not shorter than {which} {show(interval)}",
            "A probe must end before the next is due. "
            f"Leave it out for the default, {show(default_timeout(interval))}.",
        )
    within = check.retry.within if check.retry else None
    if within is not None and within >= interval:
        reading.tell(
            (*path, "retry", "within"),
            f"{show(within)} is not shorter than interval {show(interval)}",
            "What is not retried by then is asked again anyway. Leave it out for the default, 2s.",
        )


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
