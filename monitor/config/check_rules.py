"""Rules over the keys of one check: what goes with what it asks. Each tells its problems to the reading."""

from __future__ import annotations

from datetime import timedelta

from checks.tls import FAIL, WARN
from monitor.config import dns, push
from monitor.config.http_rules import (
    enforce_credentials,
    enforce_request,
    enforce_trust,
    refuse_keys_of_tls_checks,
    refuse_name,
)
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.check import CheckShape, Promql
from monitor.config.times import DEFAULT_INTERVAL, default_timeout
from monitor.config.values import show

DEFAULT_RETRY_WITHIN = timedelta(seconds=2)
DEFAULT_WARN = timedelta(seconds=WARN)
DEFAULT_FAIL = timedelta(seconds=FAIL)

_KINDS: dict[str, frozenset[str]] = {
    "http": frozenset(
        {
            "method",
            "headers",
            "body",
            "status",
            "redirects",
            "tls",
            "max_body",
            "keep_alive",
            "expect",
            "warn",
            "http_version",
            "compression",
            "proxy",
            "ip",
            "connect_to",
            "cookies",
            "basic",
            "bearer",
            "bearer_file",
            "oauth2",
        }
    ),
    "collector": frozenset({"metrics"}),
    "tcp": frozenset({"script", "tls", "ip"}),
    "udp": frozenset({"ip"}),
    "unix": frozenset({"script"}),
    "ssh": frozenset({"ip"}),
    "dns": frozenset({"tls", "ip", "expect", "warn"}),
    "icmp": frozenset({"ip"}),
    "tls": frozenset({"tls", "ip"}),
    "command": frozenset({"output", "directory", "environment"}),
    "promql": frozenset(),
    "grpc": frozenset({"headers", "tls", "ip"}),
    "websocket": frozenset({"headers", "basic", "bearer", "bearer_file", "script", "tls", "ip"}),
    "push": frozenset(),
    "journey": frozenset(),
}
"""Each kind of check, and the keys that only some kinds take."""
_OF_SOME = frozenset.union(*_KINDS.values())
_BY_LIBCURL = ("http", "grpc")


def enforce_check(check: CheckShape, has_prometheus: bool, path: Path, reading: Reading) -> None:
    asked = [*kinds_of(check), *reading.plugged.get(path, ())]
    if not asked and not any(reading.is_wrong((*path, kind)) for kind in _KINDS):
        reading.tell(path, "asks nothing", f"Add http: URL, or one of {', '.join(list(_KINDS)[1:])}.")
    for other in asked[1:]:
        reading.tell((*path, other), "one check asks one thing", f"Make two checks of {asked[0]} and {other}.")
    if len(asked) == 1:
        _keys_of_kind(asked[0], check, path, reading)
    _script(check, (*path, "script"), reading)
    if check.promql is not None:
        _promql(check.promql, has_prometheus, (*path, "promql"), reading)
    if asked == ["http"]:
        enforce_request(check, path, reading)
    elif asked == ["websocket"]:
        enforce_credentials(check, path, reading)
    if check.websocket is not None:
        _websocket(check, check.websocket.url, path, reading)
    dns.enforce(check, path, reading)
    push.enforce(check, path, reading)
    if check.journey is not None:
        from monitor.config import journey  # with what reads conditions, which few configs need

        journey.enforce(check.journey, check, path, reading)
    _datagram(check, (*path, "udp"), reading)
    _check_times(check, path, reading)
    enforce_trust(check, path, reading)


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
            listed = " and ".join(filter(None, (", ".join(takers[:-1]), takers[-1])))
            found = f"is for {listed} checks only"
            reading.tell((*path, key), found, f"Remove it, or make it a check with {takers[0]}:.")
    if check.tls is None:
        return
    for key in ("groups", "resume"):
        if asked not in _BY_LIBCURL and getattr(check.tls, key) is not None:
            reading.tell((*path, "tls", key), "is for http and grpc checks only", "Remove it.")
    if asked == "tls":
        warn, fail = check.tls.warn or DEFAULT_WARN, check.tls.fail or DEFAULT_FAIL
        if warn < fail:
            found = f"warns at {show(warn)}, when it has failed since {show(fail)}"
            reading.tell((*path, "tls"), found, "Let warn be longer than fail.")
        return
    refuse_keys_of_tls_checks(check, path, reading)
    if asked in _BY_LIBCURL:
        refuse_name(check, path, reading)


def _promql(written: Promql, has_prometheus: bool, path: Path, reading: Reading) -> None:
    if written.query is None and not reading.is_wrong(path):
        reading.tell(path, "has no query", "Add query: with PromQL.")
    if written.prometheus is None and not has_prometheus and not reading.is_wrong(("sources",)):
        found = "there is no Prometheus to ask"
        reading.tell(path, found, "Add sources: {prometheus: http://localhost:9090}, or prometheus: URL here.")


def _websocket(check: CheckShape, url: str, path: Path, reading: Reading) -> None:
    if check.tls is not None and url.lower().startswith("ws:"):
        reading.tell((*path, "tls"), "ws:// is in the clear", "Write websocket: wss://..., or remove it.")
    for name in check.headers or {}:
        if name.lower() in ("upgrade", "connection") or name.lower().startswith("sec-websocket-"):
            fix = (
                "Remove it; subprotocols: are given beside url:." if name.lower().endswith("protocol") else "Remove it."
            )
            reading.tell((*path, "headers", name), "is set by the probe itself", fix)


def _datagram(check: CheckShape, path: Path, reading: Reading) -> None:
    if check.udp is None or reading.is_wrong((*path, "send")) or reading.is_wrong((*path, "send_hex")):
        return
    if check.udp.send is not None and check.udp.send_hex is not None:
        reading.tell((*path, "send_hex"), "send is set as well", "Keep one of them.")
    elif check.udp.send is None and check.udp.send_hex is None:
        fix = "Add send: TEXT or send_hex: BYTES that it answers; without an answer nobody can tell whether it listens."
        reading.tell(path, "sends nothing", fix)


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
        elif step.starttls is not None and (check.unix is not None or check.websocket is not None):
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
    resume = check.tls.resume if check.tls else None
    for key, lasts in ((("keep_alive",), check.keep_alive), (("tls", "resume"), resume)):
        if lasts is not None and lasts <= interval:
            found = f"{show(lasts)} is over when the next probe comes, after {show(interval)}"
            reading.tell((*path, *key), found, "Write a longer time, or remove it.")
    within = check.retry.within if check.retry else None
    if within is not None and within >= interval:
        reading.tell(
            (*path, "retry", "within"),
            f"{show(within)} is not shorter than interval {show(interval)}",
            "What is not retried by then is asked again anyway. Leave it out for the default, 2s.",
        )
