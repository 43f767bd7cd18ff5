"""A log line as a value, and the harmless form in which every record becomes one: masked, bounded, without objects."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from monitor.logs.redact import Redactor

LONGEST: Final = 8000
"""Characters of a message, of a field, and of a traceback; journald cuts a line at 48 KB, and JSON must not be cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An exception as texts."""

    type: str
    message: str
    stacktrace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """
    Attributes:
        at: Wall clock, UTC.
        level: DEBUG, INFO, WARNING, ERROR or CRITICAL.
        number: The level's number, as loguru and `logging` count.
        fields: What the line is about: service, check, incident, trace_id, ...
        always: Said however often: two transitions in the same words are two transitions.
        repeated: How many lines a repeat stands for; 0 for a line of its own.
    """

    at: datetime
    level: str
    number: int
    message: str
    fields: Mapping[str, str | int | float] = field(default_factory=dict)
    fault: Fault | None = None
    always: bool = False
    repeated: int = 0


def fault_of(error: BaseException, redactor: Redactor) -> Fault:
    """The traceback as Python prints it, with what it was caused by, and without the values of variables."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    told = "".join(traceback.format_exception_only(error)).strip()
    message = told.partition(": ")[2] if told.startswith(name) else told
    stack = redactor.masked("".join(traceback.format_exception(error)).rstrip())
    return Fault(
        type=redactor.masked(name),
        message=clipped(redactor.masked(message)),
        # Its end says what happened; its beginning only how we came there.
        stacktrace=stack if len(stack) <= LONGEST else f"... {len(stack) - LONGEST} characters\n{stack[-LONGEST:]}",
    )


def fields_of(bound: Mapping[str, object], redactor: Redactor) -> dict[str, str | int | float]:
    """What was bound to a line, without what is empty: texts and numbers, and any other value as its text."""
    found: dict[str, str | int | float] = {}
    for name, value in bound.items():
        if value is None or value == "":
            continue
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        shown = clipped(redactor.masked(str(value)))
        # A number can be a secret too.
        found[redactor.masked(name)] = value if number and shown == str(value) else shown  # type: ignore[assignment]
    return found


def clipped(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... {len(text) - LONGEST} more characters"
