"""
Modules of blackbox_exporter as checks of ours. A module says how something is asked, and not what: that is named by
the scrape configurations of Prometheus, or on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from monitor.config.document import Group
from monitor.config.foreign import durations
from monitor.config.foreign.blackbox_http import http_check
from monitor.config.foreign.blackbox_probers import PROBERS
from monitor.config.foreign.module import Module
from monitor.config.foreign.names import cleaned
from monitor.config.foreign.place import Place, Refused
from monitor.config.foreign.plan import Plan
from monitor.config.foreign.scraped import Asked
from monitor.config.foreign.secret import shown
from monitor.config.problems import quote
from monitor.config.values import meant

_OF_MODULE: Final = ("prober", "timeout")


def read_blackbox(roots: Iterable[Group], asked: Iterable[Asked], plan: Plan) -> None:
    """Puts what is *asked* into *plan*, as the modules of files of blackbox_exporter say."""
    modules: dict[str, Place] = {}
    for root in roots:
        held = Place(root, plan.told).get("modules")
        for name in held.names() if held else ():
            if held is not None:
                modules.setdefault(name, (held.get(name) or held).called(f"module {quote(name)}"))
    used: set[str] = set()
    for one in asked:
        used.add(one.module)
        if one.module in modules:
            _target(one, modules[one.module], plan)
        else:
            one.at.refuse(
                f"there is no module {quote(one.module)} for {quote(shown(one.target))}", meant(one.module, [*modules])
            )
    for name, place in modules.items():
        if name not in used:
            fix = "Give its targets: --prometheus FILE with the scrape configurations, or --target MODULE=TARGET."
            place.refuse("has no target", fix)


def _target(asked: Asked, place: Place, plan: Plan) -> None:
    name = re.sub(r"^\w+://", "", shown(asked.target)).rstrip("/")
    prober = place.string("prober")
    module = Module(place, place.get(prober), asked, plan.secrets)
    make = http_check if prober == "http" else PROBERS.get(prober)
    if make is None:
        place.refuse(f"{quote(shown(asked.target))}: there are no checks of this kind: {quote(prober)}", "Leave it.")
        return
    try:
        check = make(module)
        if ip := module.ip():
            check["ip"] = ip
    except Refused as error:
        error.place.refuse(error.found, error.fix)
        return
    place.tell_others((*_OF_MODULE, prober))
    every = durations.interval(asked.at, asked.every)
    check["interval"] = durations.shown(every.total_seconds())
    given = place.get("timeout")
    seconds = durations.prometheus_seconds(place.string("timeout")) if given else None
    if given is not None and seconds and (written := durations.timeout(given, seconds, every)):
        check["timeout"] = written
    if asked.service:
        service = plan.service(f"job {asked.service}", asked.service, asked.at)
        called = service.names.take(name, "check")
    else:
        service = plan.service(f"target {asked.target}", cleaned(name, "service"), asked.at)
        called = service.names.take(asked.module, "check")
    plan.add(service, called, asked.at.called(shown(asked.target)), check, f"{place.file}:{place.line} {place.origin}")
