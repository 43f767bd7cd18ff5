"""
Endpoints of gatus (TwiN/gatus, version 5) as checks of ours: a group is a service, an endpoint a check, and so is a
suite (`gatus_suites.py`).

An endpoint without a group is a service of its own: an incident is of a service, and what stands in no group has
nothing in common.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from monitor.config.document import Group
from monitor.config.foreign import durations
from monitor.config.foreign.gatus_endpoint import Endpoint
from monitor.config.foreign.gatus_kinds import KINDS
from monitor.config.foreign.gatus_maintenance import of_all, of_endpoint
from monitor.config.foreign.gatus_suites import add_suite
from monitor.config.foreign.place import Place, Refused
from monitor.config.foreign.plan import TOLD_ELSEWHERE, Plan, Written
from monitor.config.foreign.told import Word
from monitor.config.problems import quote

_DOLLAR: Final = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*)|)")
_DEFAULT_INTERVAL: Final = 60.0
_NAMED: Final = {"https": "http", "grpcs": "grpc", "ws": "websocket", "wss": "websocket"}
"""What the only check of a service is called, where not as the scheme."""
_MINE: Final = (
    "name", "group", "url", "enabled", "interval", "conditions", "method", "headers", "body", "graphql", "dns", "ssh",
    "client", "maintenance-windows",
)  # fmt: skip
_OF_ENDPOINT: Final = {
    "alerts": "An incident opens after incidents.open_after, and who is told goes by criticality: and policy:.",
    "ui": "What is shown of a check is not set here; secrets are always masked.",
    "extra-labels": "Write tags: under the service.",
    "store": "It belongs to suites.",
    "always-run": "It belongs to suites.",
}
_OF_SUITES: Final = ("store", "always-run")
_OF_EXTERNAL: Final = {
    "alerts": _OF_ENDPOINT["alerts"],
    "token": "The address that monitor push shows is secret by itself.",
}
_MINE_EXTERNAL: Final = ("name", "group", "enabled", "heartbeat", "maintenance-windows")
_OF_FILE: Final = {
    "alerting": "Tickets and webhooks are set under tracker:, who takes part under contacts:.",
    "storage": "What is kept, and where, is set under monitor: {state, retention}.",
    "web": "Where the API listens is monitor.listen.",
    "ui": "What the API shows needs no settings.",
    "security": "The API has a token of its own: monitor.token_file.",
    "metrics": "Metrics go to telemetry.otlp.",
    "connectivity": "Write two reference targets under monitor.online.",
    "remote": "Import the configuration of the other instance as well.",
    "tunneling": "There are no SSH tunnels in this version.",
    "concurrency": "Probes do not wait for each other.",
    "disable-monitoring-lock": "Probes do not wait for each other.",
    "announcements": "There is no status page in this version.",
    "debug": "How much is logged is an option of monitor run.",
    "skip-invalid-config-update": "A configuration that is not valid never replaces one that is.",
}
_CLIENT: Final = {
    "dns-resolver": "Names are looked up by the system's resolver.",
    "identity-aware-proxy": "There is none in this version; a token is given with bearer:.",
    "kerberos": "There is no Kerberos in this version.",
    "tunnel": "There are no SSH tunnels in this version.",
}
_CLIENT_MINE: Final = ("oauth2", "timeout", "insecure", "ignore-redirect", "proxy-url", "tls", "network")


def read_gatus(root: Group, plan: Plan) -> None:
    """Puts the endpoints of a file of gatus into *plan*."""
    whole = Place(root, plan.told, written=ours)
    for key in whole.names():
        place = whole.get(key)
        if place is None or key in ("endpoints", "external-endpoints", "suites", "maintenance"):
            continue
        if key in _OF_FILE:
            place.leave_out("is not carried over", _OF_FILE[key])
        elif not key.startswith(("x-", "default", ".")):  # gatus passes over what it does not know: a place for anchors
            place.leave_out("is not known to this import", "Look whether it matters to you.")
    endpoints = whole.get("endpoints")
    for place in endpoints.items() if endpoints else ():
        _endpoint(place, plan)
    told = whole.get("external-endpoints")
    for place in told.items() if told else ():
        _external(place.called(_origin(place)), plan)
    suites = whole.get("suites")
    for place in suites.items() if suites else ():
        add_suite(place.called(_origin(place)), plan, _others_of_step)
    if (maintenance := whole.get("maintenance")) is not None:
        of_all(maintenance, plan)


def ours(text: str) -> str:
    """
    gatus fills in `$NAME` as well as `${NAME}`; we only the second. A dollar sign that begins no name is one.
    """

    def spelled(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return f"${{{name}}}" if name else "$$"

    return _DOLLAR.sub(spelled, text)


def _origin(place: Place) -> str:
    name = place.string("name") if place.is_group else ""
    return f"{place.shown} ({quote(name)})" if name else place.shown


def _endpoint(place: Place, plan: Plan) -> None:
    place = place.called(_origin(place))
    if not place.is_group:
        place.refuse("is not a group of keys", "Write name:, url: and conditions: under it.")
        return
    if place.string("enabled").lower() in ("false", "no", "off"):
        place.refuse("is not enabled", "Remove enabled: false, and import it again.")
        return
    name, group, url = place.string("name"), place.string("group"), place.string("url")
    if not url or not name:
        place.refuse(f"has no {'url' if name else 'name'}", "gatus would not start with it.")
        return
    where = place.get("url") or place
    kind = _kind(place, where, url)
    make = KINDS.get(kind)
    if make is None:
        where.refuse("is of no kind that is known", f"Known here: {', '.join(KINDS)}.")
        return
    if isinstance(make, str):
        where.refuse(f"is of the kind {kind}", make)
        return
    endpoint = Endpoint(place, url, plan.secrets, (group, name))
    try:
        check = make(endpoint)
    except Refused as error:
        error.place.refuse(error.found, error.fix)
        return
    _add(place, name, group, kind, check, endpoint, plan)


def _external(place: Place, plan: Plan) -> None:
    """One that waits to be told, within the time of its heartbeat."""
    name, group, heartbeat = place.string("name"), place.string("group"), place.get("heartbeat")
    if place.string("enabled").lower() in ("false", "no", "off"):
        place.refuse("is not enabled", "Remove enabled: false, and import it again.")
        return
    seconds = durations.go_seconds(heartbeat.string("interval")) if heartbeat else None
    if not name or not seconds:
        found = "does not say how often it is told" if name else "has no name"
        place.refuse(found, "Write push: {every: TIME}, and let its job tell the address that monitor push shows.")
        return
    _parts(place, _OF_EXTERNAL, _MINE_EXTERNAL)
    service = plan.service(*((f"group {group}", group) if group else (f"endpoint {name}", name)), place)
    called = plan.name(service, name, place) if group else service.names.take("push", "check")
    of_endpoint(place, service, is_alone=not group)
    place.tell(Word.CHANGED, "is told at another address", TOLD_ELSEWHERE)
    plan.add(service, called, place, {"push": {"every": durations.shown(max(seconds, 1.0))}})


def _kind(place: Place, where: Place, url: str) -> str:
    if place.get("dns"):
        return "dns"
    scheme = url.partition("://")[0]
    if scheme.startswith("${"):
        fix = "Write another scheme in front of it, and import it again, if it is of another kind."
        where.tell(Word.CHANGED, "begins with a variable, and is taken for an http check", fix)
        return "http"
    return scheme.lower() if "://" in url else ""


def _add(
    place: Place, name: str, group: str, kind: str, check: dict[str, Written], endpoint: Endpoint, plan: Plan
) -> None:
    _others(place)
    given = place.get("interval")
    seconds = durations.go_seconds(place.string("interval")) if given else _DEFAULT_INTERVAL
    if given and seconds is None:
        given.tell(Word.CHANGED, "is not a duration that can be read", "It is asked every 1m, gatus' default.")
    every = durations.interval(given, seconds or _DEFAULT_INTERVAL)
    check["interval"] = durations.shown(every.total_seconds())
    if endpoint.timeout is not None:
        at, longest = endpoint.timeout
        written = durations.timeout(at, longest, every)
        if written is not None:
            check["timeout"] = written
    if group:
        service = plan.service(f"group {group}", group, place)
        called = plan.name(service, name, place)
        of_endpoint(place, service, is_alone=False)
    else:
        service = plan.service(f"endpoint {name}", name, place)
        called = service.names.take(_NAMED.get(kind, kind), "check")
        of_endpoint(place, service, is_alone=True)
    plan.add(service, called, place, check, *endpoint.notes)


def _others(place: Place) -> None:
    _parts(place, _OF_ENDPOINT, _MINE)
    client = place.get("client")
    if client is not None:
        _parts(client, _CLIENT, _CLIENT_MINE)


def _others_of_step(place: Place) -> None:
    known = {key: fix for key, fix in _OF_ENDPOINT.items() if key not in _OF_SUITES}
    known["maintenance-windows"] = "Here windows are of a service: write maintenance: under it."
    _parts(place, known, (*_MINE, *_OF_SUITES))
    if client := place.get("client"):
        _parts(client, _CLIENT, _CLIENT_MINE)


def _parts(place: Place, known: Mapping[str, str], mine: tuple[str, ...]) -> None:
    for key, fix in known.items():
        part = place.get(key)
        if part is not None:
            part.leave_out("is not carried over", fix)
    place.tell_others((*known, *mine))
