"""What our own reader says of a plan: what it would refuse is taken out, and told with its place in the other file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path as FilePath

from monitor.config.build import build
from monitor.config.document import Group, Listing, Node, Scalar
from monitor.config.foreign.plan import Carried, Plan, Service
from monitor.config.foreign.told import Word
from monitor.config.problems import Path, Problem, join
from monitor.config.reading import Reading
from monitor.config.rules import enforce
from monitor.config.translate import shape_of

_VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_SCHEME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}(.*)", re.DOTALL)
_STAND_IN = "x1"
"""What a variable is taken to hold that is not set yet: part of a host, a path, a header."""
_FILES = ("ca", "certificate", "key")
"""Files that may not be there yet: a check can go without them meanwhile."""


def make_sound(plan: Plan, environ: Mapping[str, str], folder: FilePath) -> None:
    """
    Takes out of *plan* what our reader would refuse, the least that makes it whole, and tells it.

    Args:
        environ: What the variables are that are set already. The others are given a stand-in.
        folder: Where the configuration will stand: files are named relative to it.
    """
    while not plan.is_empty:
        reading, problems = judged(plan.tree(), environ, folder)
        if not problems:
            break
        took = [_take_out(service, carried, reading, problems, plan) for service, carried in _checks(plan)]
        if not any(took):
            # Nothing of a check alone is wrong: then there is no part that could go.
            for service in plan.services.values():
                service.checks.clear()
            for problem in problems:
                plan.told.tell(Word.REFUSED, problem)
    plan.secrets.tell(variables(plan.tree()))


def judged(root: Group, environ: Mapping[str, str], folder: FilePath) -> tuple[Reading, list[Problem]]:
    """As a file of ours is read, without writing it."""
    given = dict.fromkeys(variables(root), _STAND_IN) | dict(_schemes(root))
    given |= {name: value for name, value in environ.items() if value}
    reading = _Beside(root, given, folder)
    shape = shape_of(reading)
    enforce(shape, reading)
    build(shape, reading, folder)
    return reading, reading.problems()


class _Beside(Reading):
    """Files are looked for where the configuration will stand, and not beside the other tool's file."""

    def __init__(self, root: Group, environ: Mapping[str, str], folder: FilePath) -> None:
        super().__init__(root, environ)
        self._folder = folder

    def beside(self, name: str, path: Path) -> FilePath:  # noqa: ARG002 - of any path
        return (self._folder / name).absolute()


def variables(node: Node) -> list[str]:
    """The variables that values of a tree name, in their order."""
    if isinstance(node, Scalar):
        return [found[1] for found in _VARIABLE.finditer(node.text or "") if found[1]]
    below = node.items if isinstance(node, Listing) else [entry.value for entry in node.entries.values()]
    return list(dict.fromkeys(name for one in below for name in variables(one)))


def _schemes(node: Node) -> Iterator[tuple[str, str]]:
    """Variables that an address begins with, and what they may hold."""
    for key, entry in node.entries.items() if isinstance(node, Group) else ():
        begun = _SCHEME.match(entry.value.text or "") if isinstance(entry.value, Scalar) and key == "http" else None
        if begun:
            yield begun[1], "http" if begun[2].startswith("://") else "http://x1"
        yield from _schemes(entry.value)


def _checks(plan: Plan) -> Iterator[tuple[Service, Carried]]:
    for service in plan.services.values():
        for carried in list(service.checks):
            yield service, carried


def _take_out(service: Service, carried: Carried, reading: Reading, problems: list[Problem], plan: Plan) -> bool:
    path: Path = ("services", service.name, "checks", carried.name)
    if not reading.is_wrong(path):
        return False
    here = [problem for problem in problems if problem.path.startswith(join(path))]
    parts = _conditions(carried, path, reading) or _files(carried, path, reading)
    if not parts:
        service.checks.remove(carried)
    for problem in here:
        ours = problem.path[len(join(path)) :].lstrip(".")
        if parts and not any(problem.path.startswith(join((*path, *part))) for part in parts):
            continue  # what else is wrong is told when these parts are gone
        shown = f"{carried.at.shown} ({ours})" if ours else carried.at.shown
        plan.told.tell(Word.LEFT_OUT if parts else Word.REFUSED, replace(problem, path=shown))
    return True


def _conditions(carried: Carried, path: Path, reading: Reading) -> list[Path]:
    """Takes out the conditions that are wrong, if nothing else is."""
    wrong: list[Path] = []
    for key in ("expect", "warn"):
        entry = carried.check.entries.get(key)
        if entry is None or not isinstance(entry.value, Listing):
            continue
        kept = []
        for position, item in enumerate(entry.value.items):
            (wrong.append((key, position)) if reading.is_wrong((*path, key, position)) else kept.append(item))
        entry.value.items = kept
        if not kept:
            del carried.check.entries[key]
    return wrong


def _files(carried: Carried, path: Path, reading: Reading) -> list[Path]:
    """Takes out the files of `tls:` that are not there."""
    wrong: list[Path] = [("tls", key) for key in _FILES if reading.is_told((*path, "tls", key))]
    entry = carried.check.entries.get("tls")
    if wrong and entry is not None and isinstance(entry.value, Group):
        for pair in (("ca",), ("certificate", "key")):  # a certificate is of no use without its key
            if any(("tls", key) in wrong for key in pair):
                for key in pair:
                    entry.value.entries.pop(key, None)
        if not entry.value.entries:
            del carried.check.entries["tls"]
    return wrong
