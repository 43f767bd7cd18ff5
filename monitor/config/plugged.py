"""
Checks of kinds that other packages plug in: taken out before the shape is read, which knows our own keys alone.

A package that is broken is a warning, and its checks are unknown: it must not keep all others from being watched.
What is wrong in the configuration is a problem of it, as with our own kinds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from checks import plugged
from checks.check import Question
from checks.kinds import kind
from checks.secret import Secret
from checks.unusable import Unusable, instead_of
from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.check import CheckShape

_OURS: Final = CheckShape.model_fields.keys()


def take(data: Mapping[str, Any], reading: Reading) -> None:
    """
    Moves what is plugged in from *data* into `reading.plugged`. Without a strange key in any check the entry points
    are not read.
    """
    strange = {path: keys for path, check in _checks(data) if (keys := [key for key in check if key not in _OURS])}
    if not strange:
        return
    known = plugged.plugs()
    reading.kinds = tuple(sorted(known.keys() - _OURS))
    reading.warnings += clashes(known)
    broken: dict[str, Unusable] = {}
    for path, check in _checks(data):
        for name in [key for key in strange.get(path, ()) if key in known]:
            here = (*path, name)
            reading.plugged.setdefault(path, {})[name] = _question(name, check.pop(name), here, reading, broken)
            if name in broken:
                reading.warnings.append(f"{reading.where(here)}: {broken[name]}. The check is unknown.")


def clashes(known: Mapping[str, plugged.Plug]) -> list[str]:
    """What is plugged in under a name of our own."""
    return [
        f"{' and '.join(plug.packages)} plugs in {name}, which is a key of our own: ours is used. Rename it there."
        for name, plug in sorted(known.items())
        if name in _OURS
    ]


def secrets_of(questions: Mapping[Path, Mapping[str, Question]], telling: re.Pattern[str]) -> set[str]:
    """
    Values that nothing may show: of fields that are a Secret, and of those whose name says so.

    Args:
        telling: What the names of secrets hold.
    """
    found: set[str] = set()

    def look(value: Any, name: str) -> None:
        if isinstance(value, Secret):
            found.add(value.reveal())
        elif isinstance(value, str) and telling.search(name):
            found.add(value)
        elif is_dataclass(value):
            for field in fields(value):
                look(getattr(value, field.name), field.name)
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                look(inner, str(key))
        elif isinstance(value, (tuple, list, set, frozenset)):
            for inner in value:
                look(inner, name)

    for of_check in questions.values():
        for question in of_check.values():
            look(question, "")
    return found


def _checks(data: Mapping[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """Every check that is written as a group of keys. Total: what else stands there is told by the shape."""
    found: list[tuple[Path, dict[str, Any]]] = []
    services = data.get("services")
    for service, of_service in services.items() if isinstance(services, dict) else ():
        checks = of_service.get("checks") if isinstance(of_service, dict) else None
        for name, check in checks.items() if isinstance(checks, dict) else ():
            if isinstance(check, dict):
                found.append((("services", service, "checks", name), check))
    return found


def _question(name: str, written: Any, path: Path, reading: Reading, broken: dict[str, Unusable]) -> Question:
    """
    Args:
        broken: Kinds that cannot be used, so far: an import that fails may take its time each time.
    """
    from monitor.config.plugged_question import Conversion  # who plugs nothing in does without it

    try:
        if name in broken:
            raise broken[name]
        made = Conversion(kind(name).question, path, reading).of(written)
    except Unusable as fault:
        broken[name] = fault
        return instead_of(name, fault)
    return made or instead_of(name, Unusable("it is not written as it must be"))  # which has been told
