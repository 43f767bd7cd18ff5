"""
Objectives of ours as OpenSLO v1 documents.

The queries are over what we send by OTLP, under the names that Prometheus makes of it. Annotations say what our own
reader needs to make the same objectives of them.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from monitor.config.config import Composite, Config, Service, Slo
from monitor.config.openslo import annotation
from monitor.config.openslo.objects import API_VERSION
from monitor.config.values import duration, show

_LONGEST_NAME: Final = 63
_CALENDAR: Final = {"day": "1d", "week": "1w", "month": "1M"}
_BEGINS: Final = "2024-01-01 00:00:00"
"""Midnight, on a Monday, on the first of a month: where each calendar window of ours may begin."""

_MINUTE = timedelta(minutes=1)
_UNITS: Final = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", _MINUTE))


class Writer:
    """
    Attributes:
        documents: What was written.
        left_out: What OpenSLO cannot say, or another program would read otherwise: what, and what can be done.
    """

    def __init__(self, zone: str) -> None:
        self.documents: list[dict[str, Any]] = []
        self.left_out: list[tuple[str, str]] = []
        self._zone = zone
        self._names: set[str] = set()

    def service(self, service: Service) -> None:
        for slo in service.slos:
            self._slo(service, slo)
        for composite in service.composites:
            self._composite(service, composite)

    def _slo(self, service: Service, slo: Slo) -> None:
        place = f"services.{service.name}: {slo.name}"
        window = self._window(slo)
        if window is None:
            assert isinstance(slo.over, timedelta)  # a calendar's is always to be said
            found = f"OpenSLO has whole minutes, and no window of {show(slo.over)}"
            self.left_out.append((f"{place}: left out: {found}", "Use whole minutes in over."))
            return
        if slo.slices is not None and slo.sli == "latency":
            found = "its query is an error ratio of slices already, and another program would slice it again"
            self.left_out.append((f"{place}: {found}", f"{annotation.SLI} says here what it is."))
        name = self._name(service.name, slo.name)
        spec = {
            "service": service.name,
            "indicator": _indicator(name, service.name, slo),
            "timeWindow": [window],
            "budgetingMethod": "Timeslices" if slo.slices else "Occurrences",
            "objectives": [_objective(slo)],
        }
        self._document(name, slo.name, spec)

    def _composite(self, service: Service, composite: Composite) -> None:
        place = f"services.{service.name}: {composite.name}"
        slos = {slo.name: slo for slo in service.slos}
        members = [(slos[name], weight) for name, weight in composite.members.items()]
        window = self._window(members[0][0])
        if any(slo.slices for slo, _ in members):
            found = "a composite of slices is bad in OpenSLO when one of them is; here their budgets are weighed"
            self.left_out.append((f"{place}: left out: {found}", "Make it of objectives without slices."))
            return
        if window is None:
            self.left_out.append((f"{place}: left out, as its members are", "Use whole minutes in over."))
            return
        name = self._name(service.name, composite.name)
        objectives = [
            {
                "displayName": slo.name,
                "indicator": _indicator(self._slug(service.name, slo.name), service.name, slo, member=True),
                **_objective(slo),
                "compositeWeight": weight,
            }
            for slo, weight in members
        ]
        spec = {
            "service": service.name,
            "timeWindow": [window],
            "budgetingMethod": "Occurrences",
            "objectives": objectives,
        }
        self._document(name, composite.name, spec)

    def _document(self, name: str, ours: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "displayName": f"{spec['service']}: {ours}", "annotations": {annotation.NAME: ours}}
        self.documents.append({"apiVersion": API_VERSION, "kind": "SLO", "metadata": metadata, "spec": spec})

    def _window(self, slo: Slo) -> dict[str, Any] | None:
        if not isinstance(slo.over, timedelta):
            calendar = {"startTime": _BEGINS, "timeZone": self._zone}
            return {"duration": _CALENDAR[slo.over], "calendar": calendar, "isRolling": False}
        return None if slo.over % _MINUTE else {"duration": _shorthand(slo.over), "isRolling": True}

    def _name(self, service: str, slo: str) -> str:
        """One that no other document has."""
        plain = self._slug(service, slo)
        name, number = plain, 1
        while name in self._names:
            number += 1
            name = f"{plain[: _LONGEST_NAME - len(str(number)) - 1].rstrip('-')}-{number}"
        self._names.add(name)
        return name

    def _slug(self, service: str, slo: str) -> str:
        """A name as RFC 1123 has them."""
        return re.sub(r"[^a-z0-9]+", "-", f"{service}-{slo}".lower())[:_LONGEST_NAME].strip("-")


def written(config: Config, services: tuple[str, ...]) -> Writer:
    """The objectives of *services*, of all when none is named."""
    writer = Writer(config.monitor.time_zone)
    for name, service in config.services.items():
        if not services or name in services:
            writer.service(service)
    return writer


def _objective(slo: Slo) -> dict[str, Any]:
    if slo.slices is None:
        return {"target": slo.objective}
    return {
        "target": slo.objective,
        "timeSliceTarget": slo.slices.target,
        "timeSliceWindow": _shorthand(slo.slices.length),
    }


def _indicator(name: str, service: str, slo: Slo, member: bool = False) -> dict[str, Any]:
    # A ratio is told by its queries; what probes or a histogram count is not.
    said: dict[str, str] = {} if slo.sli == "ratio" else {annotation.SLI: slo.sli}
    if member:
        said[annotation.NAME] = slo.name
    if slo.check is not None:
        said[annotation.CHECK] = slo.check
    if slo.under is not None:
        said[annotation.UNDER] = _exact(slo.under)
    measured = slo.indicator
    if measured is not None:
        if measured.recorded is not None:
            said[annotation.RECORDED] = measured.recorded
        elif measured.slices is None:
            said[annotation.WINDOW] = show(measured.window)
        if measured.histogram is not None:
            said[annotation.HISTOGRAM] = measured.histogram
    return {"metadata": {"name": name, "annotations": said}, "spec": {"ratioMetric": _ratio(service, slo)}}


def _ratio(service: str, slo: Slo) -> dict[str, Any]:
    if slo.sli == "latency":
        return _error_ratio(service, slo)
    if slo.indicator is None:
        return _good_and_total(service, slo)
    if slo.indicator.recorded is not None:
        return {"rawType": "failure", "raw": _metric(f"slo:sli_error:ratio_rate5m{slo.indicator.recorded}")}
    queries = {"good": slo.indicator.good, "bad": slo.indicator.bad, "total": slo.indicator.total}
    # As sloth has it in OpenSLO documents.
    windowed = {key: query.replace("$window", "{{.window}}") for key, query in queries.items() if query}
    return {"counter": True, **{key: _metric(query) for key, query in windowed.items()}}


def _good_and_total(service: str, slo: Slo) -> dict[str, Any]:
    of_check = "" if slo.check is None else f'synthetic_check_name="{slo.check}",'
    series = f'synthetic_check_probes_total{{synthetic_check_service="{service}",{of_check}synthetic_check_outcome'
    return {
        "counter": True,
        "good": _metric(f'sum({series}="ok"}})'),
        "total": _metric(f'sum({series}=~"ok|failed"}})'),
    }


def _error_ratio(service: str, slo: Slo) -> dict[str, Any]:
    """Published as a ratio alone: the bounds of the histogram are not those of the objectives."""
    series = f'slo:sli_error:ratio_rate5m{{sloth_service="{service}",sloth_slo="{slo.name}"}}'
    return {"rawType": "failure", "raw": _metric(series)}


def _metric(query: str) -> dict[str, Any]:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


def _shorthand(length: timedelta) -> str:
    return next(f"{length // whole}{unit}" for unit, whole in _UNITS if not length % whole)


def _exact(length: timedelta) -> str:
    """As `show`, and with every digit where that would round."""
    return show(length) if duration()(show(length)) == length else f"{length.total_seconds():.6f}s"
