"""
`GET /probe?module=NAME&target=ADDRESS`, as blackbox_exporter answers it: text of Prometheus, or of a person who asks
with `debug=true`.

Source: blackbox_exporter 0.23, `prober/handler.go`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from checks.blackbox.modules import Module
from checks.blackbox.said import MEANINGS, Sample
from checks.urls import clip
from monitor.config.blackbox.modules import Known, ProbeModules
from monitor.probing.supervisor import Unasked
from monitor.probing.wire import Asked
from monitor.telemetry.exposition import Dialect, head, labels, number
from monitor.web.desk import Desk

DEFAULT_MODULE: Final = "http_2xx"
SCRAPE_TIMEOUT: Final = "X-Prometheus-Scrape-Timeout-Seconds"
OFFSET: Final = 0.5
"""Seconds by which a probe ends before whoever scrapes gives up."""
_NOT_KEPT: Final = {"Cache-Control": "no-store"}
DEFAULT: Final = 120.0
"""Seconds of a scrape where nobody says how long it may take."""
LONGEST: Final = 600.0
"""Seconds that anybody may say: what is under way takes the place of others."""


class Refused(Exception):
    """The answer is an error; *text* says which."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


async def answer(request: Request, desk: Desk) -> Response:
    try:
        return await _answer(request, desk)
    except Refused as refused:
        return PlainTextResponse(f"{refused.text}\n", refused.status, _NOT_KEPT)


async def _answer(request: Request, desk: Desk) -> Response:
    # Of two of a name the first counts, as there.
    query = dict(reversed(request.query_params.multi_items()))
    name, target = query.get("module") or DEFAULT_MODULE, query.get("target", "")
    known = _known(desk.probe_modules(), name)
    module = known.module
    if module is None:
        raise Refused(400, f"Module {_quoted(name)} cannot be used here: {'; '.join(known.refused)}")
    timeout = timeout_of(request.headers.get(SCRAPE_TIMEOUT, ""), module.timeout)
    if not target:
        raise Refused(400, "Target parameter is missing")
    module = named(module, query.get("hostname", ""))
    try:
        asked = await desk.probe(module, target, timeout)
    except Unasked as error:
        raise Refused(503, f"Not probed: {error}") from None
    if asked.error:
        raise Refused(503, f"Not probed: {asked.error}")
    if query.get("debug") == "true":
        return PlainTextResponse(page(name, target, timeout, known, asked), headers=_NOT_KEPT)
    return Response(exposed(asked).encode("utf-8", "replace"), 200, _NOT_KEPT, Dialect.TEXT)


def timeout_of(header: str, of_module: float) -> float:
    """Seconds that a probe may take. Raises Refused."""
    try:
        given = float(header or DEFAULT)
    except ValueError:
        given = math.nan
    if not math.isfinite(given):
        raise Refused(400, f"{SCRAPE_TIMEOUT} is no number: {_quoted(header)}")
    given = min(given or DEFAULT, LONGEST)
    most = given - OFFSET
    if of_module > 0 and (of_module < most or most < 0):
        return of_module
    # A scrape of less than the offset leaves no time at all, and is not to wait for ever.
    return most if most > 0 else max(given, 0.001)


def named(module: Module, hostname: str) -> Module:
    """*module* with what the parameter `hostname` says. Raises Refused."""
    if not hostname:
        return module
    if any(not char.isprintable() for char in hostname):
        raise Refused(400, "The parameter hostname holds what no name can")
    if module.http is not None:
        if module.http.host not in ("", hostname):
            raise Refused(
                400,
                f"host header defined both in module configuration ({clip(module.http.host)}) "
                f"and with URL-parameter 'hostname' ({clip(hostname)})",
            )
        return replace(module, http=replace(module.http, host=hostname))
    if module.tcp is not None and not module.tcp.tls.name:
        return replace(module, tcp=replace(module.tcp, tls=replace(module.tcp.tls, name=hostname)))
    return module


def exposed(asked: Asked) -> str:
    samples: Sequence[Sample] = sorted(
        [*asked.samples, ("probe_success", (), float(asked.success)), ("probe_duration_seconds", (), asked.took)]
    )
    return "".join(_family(name, list(of)) for name, of in groupby(samples, lambda sample: sample[0]))


def page(name: str, target: str, timeout: float, known: Known, asked: Asked) -> str:
    """For a person."""
    log = [f"module {name}, target {clip(target)}, at most {timeout:g} s", *asked.log]
    log.append(f"{'succeeded' if asked.success else 'failed'} after {asked.took:.3f} s")
    parts = (
        ("Logs for the probe", "\n".join(log)),
        ("Metrics that would have been returned", exposed(asked)),
        ("Module configuration", known.shown),
    )
    text = "\n\n\n".join(f"{heading}:\n{body.rstrip()}\n" for heading, body in parts)
    return text.encode("utf-8", "replace").decode()


def _family(name: str, samples: Iterable[Sample]) -> str:
    lines = [f"{name}{labels(pairs)} {_number(value)}\n" for _, pairs, value in samples]
    return head(name, "gauge", MEANINGS[name], Dialect.TEXT) + "".join(lines)


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else number(value)


def _known(modules: ProbeModules | None, name: str) -> Known:
    if modules is None:
        raise Refused(404, "Nothing is probed here: monitor.probe_modules names no modules file")
    held: Mapping[str, Known] = modules.modules
    if name not in held:
        raise Refused(400, f"Unknown module {_quoted(name)}")
    return held[name]


def _quoted(text: str) -> str:
    return f'"{clip(text)}"'
