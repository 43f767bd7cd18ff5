"""Request bodies: bytes to checked values. Pure and total: out come texts, or an `HttpProblem`, whatever came in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches

from monitor.web.problems import FieldProblem, HttpProblem

MAX_BODY = 1_000_000
"""Bytes. A user report is a few hundred; the bound is what one request may make the daemon hold."""

MAX_DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """
    A text in a body.

    Attributes:
        limit: Characters, so that a ticket stays readable and the ledger small.
        lines: Whether line breaks may stand in it.
        choices: The only values there are; empty for free text.
    """

    name: str
    limit: int = 200
    required: bool = True
    lines: bool = False
    choices: tuple[str, ...] = ()


BY = (Field(name="by"),)
"""Who says so."""


def parse_object(body: bytes) -> dict[str, object]:
    """JSON text to an object, nested at most MAX_DEPTH deep; raises HttpProblem 400."""
    if not body.strip():
        raise HttpProblem(400, "the body is empty; send a JSON object")
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise HttpProblem(400, f"the body is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise HttpProblem(400, f"the body is nested more than {MAX_DEPTH} deep") from None
    except json.JSONDecodeError as error:
        raise HttpProblem(
            400, f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    except ValueError as error:  # a number with thousands of digits, and what the two hooks refuse
        raise HttpProblem(400, f"the body is not JSON that can be used: {error}") from None
    if _deeper_than(value, MAX_DEPTH):
        raise HttpProblem(400, f"the body is nested more than {MAX_DEPTH} deep")
    if not isinstance(value, dict):
        raise HttpProblem(400, f"the body is {kind_of(value)}; send a JSON object")
    return value


def check_fields(values: dict[str, object], fields: Sequence[Field]) -> dict[str, str]:
    """
    The texts that were asked for, stripped, those left out as ""; raises HttpProblem 422 naming every wrong field.
    """
    known = {field.name: field for field in fields}
    errors = [
        FieldProblem(_shown(name), "an unknown field", _suggestion(name, tuple(known)))
        for name in values
        if name not in known
    ]
    checked = {}
    for name, field in known.items():
        value = values.get(name)
        problem = _problem(field, value)
        if problem is not None:
            errors.append(problem)
        checked[name] = value.strip() if isinstance(value, str) else ""
    if errors:
        named = ", ".join(error.field for error in errors)
        raise HttpProblem(422, f"{len(errors)} problem{'s' * (len(errors) > 1)} in the body: {named}", errors=errors)
    return checked


def instant(values: dict[str, str], name: str) -> datetime | None:
    """A field that holds an instant; None where it was left out. Raises HttpProblem 422."""
    text = values[name]
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        error = FieldProblem(name, ascii(text[:40]), "an instant with its zone, like 2026-03-01T12:00:00Z")
        raise HttpProblem(422, f"1 problem in the body: {name}", errors=[error])
    return at.astimezone(UTC)


def day(values: dict[str, str], name: str) -> date:
    """A field that holds a day. Raises HttpProblem 422."""
    try:
        return date.fromisoformat(values[name])
    except ValueError:
        error = FieldProblem(name, ascii(values[name][:40]), "a day, like 2026-03-01")
        raise HttpProblem(422, f"1 problem in the body: {name}", errors=[error]) from None


def _problem(field: Field, value: object) -> FieldProblem | None:
    wanted = " or ".join(field.choices) if field.choices else f"text of 1 to {field.limit} characters"
    if value is None:
        return FieldProblem(field.name, "nothing", wanted) if field.required else None
    if not isinstance(value, str):
        return FieldProblem(field.name, kind_of(value), wanted)
    if not value.strip():
        return FieldProblem(field.name, "an empty text", wanted) if field.required else None
    if len(value) > field.limit:
        return FieldProblem(field.name, f"a text of {len(value)} characters", wanted)
    if field.choices and value.strip() not in field.choices:
        return FieldProblem(field.name, ascii(value.strip()[:40]), wanted)
    if odd := _odd_character(value.strip(), field.lines):
        # Such a name or symptom would go on to terminals, tickets and an encoder that refuses half a surrogate pair.
        plain = "text without control characters" + ("" if field.lines else " or line breaks")
        return FieldProblem(field.name, f"the character U+{ord(odd):04X}", plain)
    return None


def _odd_character(text: str, lines: bool) -> str:
    allowed = "\n\r\t" if lines else ""
    for char in text:
        code = ord(char)
        control = code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029)
        if (control and char not in allowed) or 0xD800 <= code < 0xE000:
            return char
    return ""


def _suggestion(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"only {', '.join(known)}"


def _shown(name: str) -> str:
    text = name if len(name) <= 60 else name[:57] + "..."
    return text if text.isprintable() else ascii(text)[1:-1]


def kind_of(value: object) -> str:
    """What JSON calls it, with an article."""
    for kind, word in ((bool, "true or false"), ((int, float), "a number"), (str, "a text"), (list, "a list")):
        if isinstance(value, kind):
            return word
    return "an object" if isinstance(value, dict) else "null"


def _deeper_than(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for one in level for child in _children(one)]
        if not level:
            return False
    return True


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Two readers of one body would believe two different things.
        raise ValueError("a name stands twice in one object")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")
