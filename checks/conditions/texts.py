"""A JSON value as text: what it is compared as where it is no number, and how long it is. As gatus has it."""

from __future__ import annotations

import json

from checks.conditions.quantities import number_text
from checks.conditions.unresolved import Unresolved

_TOO_DEEP = "it is nested too deeply"


def text_of(value: object) -> str | Unresolved:
    """
    `true`, `1`, `john`; a list as its elements between brackets, `[1 2]`; an object as minified JSON, its keys sorted.
    """
    if isinstance(value, str):
        return value
    try:
        return _object(value) if isinstance(value, dict) else _shown(value)
    except RecursionError:
        return Unresolved(_TOO_DEEP)


def length_of(value: object) -> int | Unresolved:
    """Elements of a list; of anything else the bytes of its text."""
    if isinstance(value, list):
        return len(value)
    text = text_of(value)
    return text if isinstance(text, Unresolved) else bytes_of(text)


def bytes_of(text: str) -> int:
    # JSON may hold half of a surrogate pair, which is no text in UTF-8; it counts as what would stand in its place.
    return len(text.encode("utf-8", "surrogatepass"))


def _object(value: dict[str, object]) -> str:
    return json.dumps(_exact(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _exact(value: object) -> object:
    """With 1.0 as 1, as it is everywhere else."""
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value


def _shown(value: object) -> str:
    """As Go prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, list):
        return f"[{' '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_shown(value[key])}' for key in sorted(value))}]"
    return str(value)
