"""
OpenSLO v1 documents as `slos` of ours.

What comes back is a tree like that of a file of ours, in which every value knows the file and line that it came from:
so the rules of our own objectives judge it, and tell the place in the OpenSLO document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from monitor.config.document import Entry, Group, Node, Scalar, plain
from monitor.config.openslo import annotation
from monitor.config.openslo.fields import Field, Findings
from monitor.config.openslo.indicators import Counted, annotated, counted_by, indicator_of
from monitor.config.openslo.objects import Objects, objects_of
from monitor.config.openslo.windows import Zone, over_of

_SPEC: Final = (
    "description", "service", "indicator", "indicatorRef", "timeWindow", "budgetingMethod", "objectives",
    "alertPolicies",
)  # fmt: skip
_OBJECTIVE: Final = (
    "displayName", "op", "value", "target", "targetPercent", "timeSliceTarget", "timeSliceWindow", "indicator",
    "indicatorRef", "compositeWeight",
)  # fmt: skip
_WITHOUT_COUNTERPART: Final = {
    "AlertPolicy": "Every objective has the burn alarms that docs/configuration.md describes; there is nothing to set.",
    "AlertCondition": "Every objective has the burn alarms that docs/configuration.md describes.",
    "AlertNotificationTarget": "Whoever is to be told is set under tracker: and contacts:.",
    "DataSource": "Where Prometheus is asked is set with sources: {prometheus: URL}.",
}
_NAME_IT = f"Add the annotation {annotation.NAME} with another name."


@dataclass(frozen=True, slots=True)
class Carried:
    """
    One entry of `services.SERVICE.slos`.

    Attributes:
        line: Of `spec.service`.
        origin: The place in the document, as it is told.
    """

    service: str
    line: int
    origin: str
    slo: Group


@dataclass(slots=True)
class Reading:
    """
    Attributes:
        zone: Of the calendar windows; None when there are none and none was set.
    """

    zone: str | None
    slos: list[Carried] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)


def read_objectives(roots: Iterable[Node], zone: str | None) -> Reading:
    """
    Args:
        roots: OpenSLO documents of all files; they may refer to each other.
        zone: `monitor.time_zone`; None where it is not known, and is what the documents need it to be.
    """
    findings = Findings()
    objects = objects_of(roots, findings)
    reader = _Reader(objects, Zone(zone))
    for slo in objects.of_kind("SLO"):
        reader.slo(slo)
    reader.others()
    return Reading(reader.zone.name, reader.carried, findings)


class _Reader:
    def __init__(self, objects: Objects, zone: Zone) -> None:
        self.objects = objects
        self.zone = zone
        self.carried: list[Carried] = []
        self._by_name: dict[tuple[str, str], list[object]] = {}
        self._refused = objects.findings.refused

    def slo(self, slo: Field) -> None:
        spec = slo.need("spec")
        if spec is None or not spec.is_group():
            return
        spec.known(*_SPEC)
        before = len(self._refused)
        service, over = spec.need("service"), over_of(spec, self.zone)
        sliced = self._is_sliced(spec)
        self._alert_policies(spec)
        given = spec.need("objectives")
        objectives = list(given.items()) if given else []
        if given is not None and not objectives and len(self._refused) == before:
            given.refuse("holds no objective", "Add one: - {target: 0.999}.")
        for objective in objectives:
            if objective.is_group():
                objective.known(*_OBJECTIVE)
        if len(self._refused) != before or service is None or over is None or not service.text():
            return
        beside = {"over": over}
        if any(one.get("indicator") or one.get("indicatorRef") for one in objectives):
            self._composite(slo, spec, service, objectives, beside, sliced)
        else:
            self._plain(slo, spec, service, objectives, beside, sliced)

    def _plain(
        self, slo: Field, spec: Field, service: Field, objectives: list[Field], over: Counted, sliced: bool
    ) -> None:
        indicator = indicator_of(spec, self.objects)
        if indicator is None:
            return
        name = _name(slo)
        for objective, ending in zip(objectives, _endings(objectives), strict=True):
            called = (f"{name[0]}{ending}", name[1])
            if entry := self._entry(called, indicator, objective, over, sliced):
                self._add(_carried(service, objective, entry))

    def _composite(
        self, slo: Field, spec: Field, service: Field, objectives: list[Field], over: Counted, sliced: bool
    ) -> None:
        if spec.get("indicator") or spec.get("indicatorRef"):
            found = "stands beside indicators of the objectives"
            (spec.get("indicator") or spec.get("indicatorRef") or spec).refuse(found, "Keep this one or the others.")
            return
        if sliced:
            found = "a slice of such a composite is bad when it is bad for one member; here budgets are weighed"
            (spec.get("budgetingMethod") or spec).refuse(found, "Write Occurrences, or make an SLO of each member.")
            return
        before = len(self._refused)
        name, line = _name(slo)
        members: list[Carried] = []
        weights = Group(slo.node.file, line)
        for objective in objectives:
            indicator = indicator_of(objective, self.objects)
            if indicator is None:
                continue
            own = annotated(indicator, annotation.NAME)
            called = (own.text() or "", own.line) if own else (f"{name}-{_name(indicator)[0]}", _name(indicator)[1])
            if called[0] in weights.entries:
                objective.refuse(f"is called {called[0]} as another member is", _NAME_IT)
            elif entry := self._entry(called, indicator, objective, over, sliced):
                weight = objective.get("compositeWeight")
                text, at = ((weight.text() or ""), weight.line) if weight else ("1", objective.line)
                weights.entries[called[0]] = _value(slo.node.file, at, text)
                members.append(_carried(service, objective, entry))
        if len(self._refused) != before:
            return  # half of a composite is another objective
        for member in members:
            self._add(member)
        whole = _group(slo.node.file, line, {"name": (name, line)})
        whole.entries["composite"] = Entry(slo.node.file, line, weights)
        self._add(_carried(service, slo, whole))

    def _add(self, carried: Carried) -> None:
        """A member of a composite that has an SLO of its own as well is one objective."""
        called = plain(carried.slo.entries["name"].value)
        alike = self._by_name.setdefault((carried.service, str(called)), [])
        if plain(carried.slo) not in alike:
            alike.append(plain(carried.slo))
            self.carried.append(carried)

    def _entry(
        self, name: tuple[str, int], indicator: Field, objective: Field, over: Counted, sliced: bool
    ) -> Group | None:
        before = len(self._refused)
        counted = counted_by(indicator, objective, self.objects)
        target = _target(objective)
        slices = _slices(objective) if sliced else {}
        if len(self._refused) != before or counted is None or target is None or slices is None:
            return None
        keys = {"name": name, **counted, "objective": target, **over, **slices}
        return _group(objective.node.file, objective.line, keys)

    def _is_sliced(self, spec: Field) -> bool:
        method = spec.need("budgetingMethod")
        written = method.text() if method else None
        if method is not None and written == "RatioTimeslices":
            found = "RatioTimeslices averages the ratios of slices; here a slice is good or bad"
            method.refuse(found, "Write Timeslices with a timeSliceTarget, or Occurrences.")
        elif method is not None and written not in (None, "Occurrences", "Timeslices"):
            method.refuse(f"{method.shown()} is not a budgeting method", "Write Occurrences or Timeslices.")
        return written == "Timeslices"

    def _alert_policies(self, spec: Field) -> None:
        policies = spec.get("alertPolicies")
        for policy in policies.items() if policies else ():
            reference = policy.get("alertPolicyRef") or (policy if isinstance(policy.node, Scalar) else None)
            if reference is None:
                policy.leave_out("is not carried over", _WITHOUT_COUNTERPART["AlertPolicy"])
            elif self.objects.named("AlertPolicy", reference) is None:
                reference.leave_out(*self.objects.missing("AlertPolicy", reference))

    def others(self) -> None:
        """What has no counterpart here, and what no SLO refers to."""
        services = {carried.service for carried in self.carried}
        for (kind, name), found in self.objects.known.items():
            if kind in _WITHOUT_COUNTERPART:
                found.leave_out("is not carried over", _WITHOUT_COUNTERPART[kind])
            elif kind == "SLI" and (kind, name) not in self.objects.used:
                found.leave_out("is not used by any SLO", "Name it in an indicatorRef, or leave it.")
            elif kind == "Service" and name not in services:
                found.leave_out("has no objective that was carried over", "Write its checks under services: yourself.")


def _name(named: Field) -> tuple[str, int]:
    own = annotated(named, annotation.NAME)
    if own is not None and (text := own.text()):
        return text, own.line
    metadata = named.get("metadata")
    where = metadata.get("name") if metadata else None
    return ((where.text() or ""), where.line) if where else ("indicator", named.line)


def _endings(objectives: list[Field]) -> list[str]:
    """What tells several objectives of one SLO apart: their display names where all have one of their own."""
    if len(objectives) == 1:
        return [""]
    shown = [re.sub(r"[^A-Za-z0-9._-]+", "-", one.string("displayName")).strip("-.") for one in objectives]
    apart = all(shown) and len({one.casefold() for one in shown}) == len(shown)
    return [f"-{one}" if apart else f"-{number}" for number, one in enumerate(shown, 1)]


def _target(objective: Field) -> tuple[str, int] | None:
    share, percent = objective.get("target"), objective.get("targetPercent")
    if share is not None and percent is not None:
        percent.refuse("stands beside target", "Keep one of them.")
        return None
    if percent is not None:
        text = percent.text()
        return (f"{text}%", percent.line) if text else None
    share = share or objective.need("target")
    text = share.text() if share else None
    return (text, share.line) if share and text else None


def _slices(objective: Field) -> Counted | None:
    length, target = objective.need("timeSliceWindow"), objective.need("timeSliceTarget")
    if length is None or target is None or not (written := length.text()) or not (share := target.text()):
        return None
    if written.isdecimal():
        written += "m"  # a number alone is of minutes
    return {
        "budgeting": ("timeslices", objective.line),
        "slice": (written, length.line),
        "slice_target": (share, target.line),
    }


def _carried(service: Field, origin: Field, slo: Group) -> Carried:
    return Carried(service.text() or "", service.line, origin.place, slo)


def _group(file: str, line: int, keys: Counted) -> Group:
    return Group(file, line, {key: _value(file, at, text) for key, (text, at) in keys.items()})


def _value(file: str, line: int, text: str) -> Entry:
    # A dollar sign is doubled: in a file of ours it may begin a variable of the environment, and in OpenSLO never does.
    return Entry(file, line, Scalar(file, line, text.replace("$", "$$")))
