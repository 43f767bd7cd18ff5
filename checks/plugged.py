"""
Kinds of check that other packages plug in, by an entry point of the group `watchkeeper.checks`.

The entry points of an installation are read from its disk, which takes longer than the rest of a start: only where a
name is asked for that none of our own kinds has.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from checks.bounded import Overrun, bounded
from checks.unusable import Unusable

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "watchkeeper.checks"
LONGEST_IMPORT: Final = 5.0
"""Seconds. A prober that says nothing for ten is replaced, and its successor would import the same."""


@dataclass(frozen=True, slots=True)
class Plug:
    """
    One name that is plugged in.

    Attributes:
        packages: Whoever does, as `watchkeeper-ntp 1.0`: one, if nothing is wrong.
    """

    name: str
    packages: tuple[str, ...]
    _entry: EntryPoint

    def module(self) -> Any:
        """Imports it. Raises Unusable."""
        if len(self.packages) > 1:
            raise Unusable(f"the kind {self.name} is plugged in by {' and '.join(self.packages)}; remove one of them")
        importlib.invalidate_caches()  # it may have been installed since this process looked
        try:
            with bounded(LONGEST_IMPORT):
                return self._entry.load()
        except Overrun:
            why = f"its import took more than {LONGEST_IMPORT:g} s"
        except (Exception, SystemExit) as error:
            why = f"its import failed: {where_raised(error)}"
            if isinstance(error, ImportError):
                why = f"its import failed: {str(error)[:200]}"
        raise Unusable(f"the kind {self.name} of {self.packages[0]} cannot be used: {why}")


def plugs() -> Mapping[str, Plug]:
    """All that this installation has, by name."""
    from importlib.metadata import entry_points

    found: dict[str, Plug] = {}
    for entry in entry_points(group=GROUP):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
        other = found.get(entry.name)
        if other is None or package in other.packages:
            found[entry.name] = Plug(entry.name, (package,), entry)
        else:
            found[entry.name] = Plug(entry.name, (*other.packages, package), entry)
    return found


Parts = tuple[type[Any], Callable[..., Any], Callable[..., Any]]


def load(name: str) -> Parts:
    """
    `Question`, `requests` and `judge` of a kind that is not our own.

    Raises KeyError for a name that nobody plugs in, and Unusable.
    """
    plug = plugs()[name]
    module = plug.module()
    fault = _fault(name, module)
    if fault:
        raise Unusable(f"the kind {name} of {plug.packages[0]} cannot be used: {fault}")
    return module.Question, module.requests, module.judge


def _fault(name: str, module: Any) -> str:
    question = getattr(module, "Question", None)
    if not isinstance(question, type) or not is_dataclass(question):
        return "it has no dataclass Question"
    if getattr(question, "kind", None) != name:
        return f"its Question does not say kind: ClassVar[str] = {name!r}"
    if "url" not in question.__dataclass_fields__ and not isinstance(getattr(question, "url", None), property):
        return "its Question has no url"
    for called in ("requests", "judge"):
        if not callable(getattr(module, called, None)):
            return f"it has no function {called}"
    return ""


def where_raised(error: BaseException) -> str:
    """`KeyError at ntp.py:14`. Without the text: what an unforeseen error quotes could be a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
