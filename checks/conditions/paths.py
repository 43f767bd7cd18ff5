"""A way into a JSON document: `.data[0].name`, `["a.b"]`. Parsed once; walked without a fault whatever is there."""

from __future__ import annotations

import re
from typing import Final

from checks.conditions.fault import ConditionError
from checks.conditions.unresolved import Unresolved

Path = tuple[str | int, ...]
"""Keys and positions, from the top."""

_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d{1,9})\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\['((?:[^'\\]|\\.)*)'\]", re.DOTALL)
_BRACKET: Final = re.compile(r"\[[^\]]*\]?")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_WORDS: Final = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def parse_path(text: str, at: int) -> Path:
    """*at*: where *text* begins in the condition. Raises ConditionError."""
    steps: list[str | int] = []
    place = 0
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None:
            raise _fault(text, place, at)
        key, position, double, single = found.groups()
        if position is not None:
            steps.append(int(position))
        elif key is not None:
            steps.append(key)
        else:
            steps.append(_ESCAPE.sub(r"\1", double if double is not None else single))
        place = found.end()
    return tuple(steps)


def _fault(text: str, place: int, at: int) -> ConditionError:
    bracket = _BRACKET.match(text, place)
    if bracket is None:
        fix = 'Write a name after each dot; a name that is empty or holds a dot or bracket is written ["a.b"].'
        return ConditionError("a name is missing in the path", fix, at + place, at + place + 1)
    start, end = at + bracket.start(), at + bracket.end()
    if not bracket[0].endswith("]"):
        return ConditionError("a bracket is opened here and not closed", "Close it with ].", start, end)
    if re.fullmatch(r"\[-\d+\]", bracket[0]):
        return ConditionError("a negative position in a list", "Count from 0: [0] is the first.", start, end)
    fix = 'Write a position, counted from 0, or a name in quotes: [0] or ["a.b"].'
    return ConditionError("neither a position nor a name in quotes", fix, start, end)


def walk(document: object, path: Path) -> object:
    """What stands at *path*; `Unresolved` where nothing does. A null at its end is None."""
    here = document
    for depth, step in enumerate(path):
        if isinstance(step, str):
            if isinstance(here, dict) and step in here:
                here = here[step]
                continue
        elif isinstance(here, list) and step < len(here):
            here = here[step]
            continue
        return Unresolved(_missing(here, path[:depth], step))
    return here


def _missing(here: object, before: Path, step: str | int) -> str:
    holder = written(before).lstrip(".") or "the body"
    if here is None:
        return f"{holder} is null"
    if isinstance(step, str) and isinstance(here, dict):
        return f"{holder} has no {step}"
    if isinstance(step, int) and isinstance(here, list):
        return f"{holder} has {len(here)} element{'' if len(here) == 1 else 's'}, and no [{step}]"
    return f"{holder} is {_WORDS.get(type(here), 'a value')}, not {'an object' if isinstance(step, str) else 'a list'}"


def written(path: Path) -> str:
    """As it stands in a condition: `.data[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
