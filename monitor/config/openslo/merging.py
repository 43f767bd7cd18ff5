"""Objectives from OpenSLO documents into the tree of a config of ours, and what the rules of ours say of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from monitor.config.document import Entry, Group, Listing, Scalar
from monitor.config.openslo.reading import Carried
from monitor.config.problems import Problem, join
from monitor.config.reading import Reading
from monitor.config.rules import enforce
from monitor.config.translate import shape_of

_SOURCES = Group("", 0, {"prometheus": Entry("", 0, Scalar("", 0, "http://localhost:9090"))})
"""What a config needs besides objectives is its own: where Prometheus is asked, and the checks."""


def add(slos: Iterable[Carried], root: Group) -> None:
    """Puts *slos* behind those that stand in *root*. Where something else stands in their place, it is told as such."""
    services = _held(root, "services", root.file, root.line)
    for carried in slos:
        service = _held(services, carried.service, carried.slo.file, carried.line) if services else None
        if service is None:
            continue
        entry = service.entries.get("slos")
        if entry is None:
            entry = Entry(carried.slo.file, carried.slo.line, Listing(carried.slo.file, carried.slo.line))
        if isinstance(entry.value, Listing):
            # Another list, because the one that stands there may be an anchor's and stand in other places as well.
            behind = replace(entry.value, items=[*entry.value.items, carried.slo])
            service.entries["slos"] = replace(entry, value=behind)


def _held(group: Group, key: str, file: str, line: int) -> Group | None:
    entry = group.entries.setdefault(key, Entry(file, line, Group(file, line)))
    return entry.value if isinstance(entry.value, Group) else None


def sound(slos: Sequence[Carried]) -> tuple[list[Carried], list[Problem]]:
    """Those of *slos* that a config may hold once their services have checks, and what is wrong with the others."""
    kept = list(slos)
    problems: list[Problem] = []
    while kept:
        root = Group("", 0, {"sources": Entry("", 0, _SOURCES)})
        add([replace(carried, slo=_of_all_checks(carried.slo)) for carried in kept], root)
        reading = Reading(root, {})
        enforce(shape_of(reading), reading)
        to_come = {join(("services", carried.service, "checks")) for carried in kept}
        found = [problem for problem in reading.problems() if problem.path not in to_come]
        if not found:
            break
        places = _places(kept)
        problems += [_in_its_document(problem, kept, places) for problem in found]
        # What is wrong is cut out with the list that holds it; the next round judges the rest by all rules.
        kept = [carried for carried, place in zip(kept, places, strict=True) if not reading.is_wrong(place)]
    return kept, problems


def _of_all_checks(slo: Group) -> Group:
    """Without `check`: which checks there are is not known before the objectives have come to their services."""
    return replace(slo, entries={key: entry for key, entry in slo.entries.items() if key != "check"})


def _places(slos: Sequence[Carried]) -> list[tuple[str | int, ...]]:
    seen: dict[str, int] = {}
    places: list[tuple[str | int, ...]] = []
    for carried in slos:
        position = seen.get(carried.service, 0)
        seen[carried.service] = position + 1
        places.append(("services", carried.service, "slos", position))
    return places


def _in_its_document(problem: Problem, slos: Sequence[Carried], places: Sequence[tuple[str | int, ...]]) -> Problem:
    for carried, place in zip(slos, places, strict=True):
        if problem.path == join(place) or problem.path.startswith((f"{join(place)}.", f"{join(place)}[")):
            ours = problem.path[len(join(place)) :].lstrip(".")
            return replace(problem, path=f"{carried.origin} ({ours})" if ours else carried.origin)
    return problem
