"""Which transition closes or reopens a ticket? Pure: what Jira offers goes in, a transition or the remedy comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

DONE: Final = "done"
"""The key of the category that closed statuses are in: every status of every workflow is in one of three."""

_GOOD_ENDS: Final = ("done", "resolved", "closed", "fixed", "complete", "completed")
_GOOD_RESOLUTIONS: Final = ("done", "fixed", "resolved", "completed")
_OPEN_AGAIN: Final = ("indeterminate", "new")  # in progress, to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """
    Attributes:
        fields: What it asks for and has no default of its own.
    """

    id: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def choose(offered: Sequence[Mapping[str, Any]], *, closing: bool, wanted: str | None) -> Transition | str:
    """
    Args:
        offered: As `GET .../transitions?expand=transitions.fields` lists them.
        wanted: A transition or a status by its name; None for the best of its kind.

    Returns:
        The remedy where there is none that can be made.
    """
    key = "tracker.jira.transitions." + ("close" if closing else "reopen")
    if wanted is not None:
        named = [t for t in offered if wanted.casefold() in (_name(t), _end(t))]
        if not named:
            return f"no transition leads to {wanted!r} from here, {_there_are(offered)}: change {key} or the workflow"
    else:
        named = [t for t in offered if (_category(t) == DONE) == closing]
        if not named:
            kind = "a done status" if closing else "an open status"
            return f"no transition leads to {kind} from here, {_there_are(offered)}: give our user the right to it"
    best = min(named, key=lambda transition: _rank(transition, closing))
    if missing := _missing(best):
        return (
            f"the transition {best.get('name')!r} asks for {', '.join(missing)}: "
            f"make it optional, or name another transition under {key}"
        )
    return Transition(id=str(best["id"]), fields=_given(best))


def is_closed(status: Mapping[str, Any]) -> bool:
    return _category_key(status) == DONE


def _rank(transition: Mapping[str, Any], closing: bool) -> tuple[int, int]:
    """The least asked for first; then a status that tells success, for a workflow may call a cancelled ticket done."""
    if closing:
        return len(_missing(transition)), 0 if _end(transition) in _GOOD_ENDS else 1
    category = _category(transition)
    return len(_missing(transition)), _OPEN_AGAIN.index(category) if category in _OPEN_AGAIN else len(_OPEN_AGAIN)


def _missing(transition: Mapping[str, Any]) -> list[str]:
    given = _given(transition)
    fields: Mapping[str, Mapping[str, Any]] = transition.get("fields") or {}
    return [
        str(asked.get("name") or key)
        for key, asked in fields.items()
        if asked.get("required") and not asked.get("hasDefaultValue") and key not in given
    ]


def _given(transition: Mapping[str, Any]) -> dict[str, Any]:
    """A resolution, if one is asked for: the one thing besides itself that closing is often asked for."""
    asked = (transition.get("fields") or {}).get("resolution")
    if not asked or not asked.get("required"):
        return {}
    names = [str(value.get("name", "")) for value in asked.get("allowedValues") or ()]
    good = [name for good in _GOOD_RESOLUTIONS for name in names if name.casefold() == good]
    return {"resolution": {"name": name}} if (name := next(iter((*good, *names)), "")) else {}


def _there_are(offered: Sequence[Mapping[str, Any]]) -> str:
    names = [f"{t.get('name')!r}" for t in offered]
    return f"only {', '.join(names)}" if names else "where there is none at all for our user"


def _name(transition: Mapping[str, Any]) -> str:
    return str(transition.get("name", "")).casefold()


def _end(transition: Mapping[str, Any]) -> str:
    return str((transition.get("to") or {}).get("name", "")).casefold()


def _category(transition: Mapping[str, Any]) -> str:
    return _category_key(transition.get("to") or {})


def _category_key(status: Mapping[str, Any]) -> str:
    return str((status.get("statusCategory") or {}).get("key", ""))
