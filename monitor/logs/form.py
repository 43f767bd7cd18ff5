"""
How a line is written, and what stderr is: a terminal, the journal, or anything else.

Whatever stands in a message, a record begins in the first column and nothing else does: further lines are indented, and
what a terminal would obey is escaped. A target that answers with a line break cannot forge a line of ours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Final, TextIO

from monitor.logs.line import Line
from monitor.terminal import colour_wanted, escaped

FORMATS: Final = ("auto", "text", "json")

_COLOURS: Final = {"ERROR": "1;31", "CRITICAL": "1;31", "WARNING": "33", "INFO": "32"}
_DIM: Final = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """
    Attributes:
        journal: Each line begins with `<3>` and so on, as sd-daemon(3) has it: journald takes it off and keeps the
            priority, of a JSON line too. The time is left to journald.
    """

    json: bool = False
    colour: bool = False
    journal: bool = False

    @classmethod
    def of(cls, wanted: str, stream: TextIO, environ: Mapping[str, str]) -> Form:
        journal = is_journal(stream, environ.get("JOURNAL_STREAM", ""))
        colour = wanted == "auto" and not journal and colour_wanted(stream, environ)
        return cls(json=wanted == "json", colour=colour, journal=journal)

    def render(self, line: Line) -> str:
        """With its line break."""
        texts = [_json(line)] if self.json else self._text(line)
        prefix = f"<{_priority(line.number)}>" if self.journal else ""
        # Each of them: journald makes an entry of every line, and one without a prefix would be INFO.
        return "".join(f"{prefix}{text}\n" for text in texts)

    def _text(self, line: Line) -> list[str]:
        first, *rest = _lines(line.message)
        if line.fault is not None:
            rest += _lines(line.fault.stacktrace)
        about = line.fields.get("incident")
        told = f"{first} [{escaped(str(about))}]" if about else first
        return [self._head(line) + told, *(f"    {text}" for text in rest)]

    def _head(self, line: Line) -> str:
        if self.journal:
            return ""
        at, level = line.at.astimezone(UTC), f"{line.level: <7}"
        if not self.colour:
            return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {level} "
        return f"{_painted(f'{at:%H:%M:%S}', _DIM)} {_painted(level, _COLOURS.get(line.level, _DIM))} "


def is_journal(stream: TextIO, journal_stream: str) -> bool:
    """
    Is *stream* the very connection to the journal that systemd names in $JOURNAL_STREAM, as device:inode?

    The variable alone proves nothing: a child whose stderr was redirected inherits it.
    """
    device, colon, inode = journal_stream.partition(":")
    if not (colon and device.isascii() and device.isdigit() and inode.isascii() and inode.isdigit()):
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return (found.st_dev, found.st_ino) == (int(device), int(inode))


def _priority(number: int) -> int:
    """Of syslog: 3 error, 4 warning, 6 informational, 7 debug."""
    if number >= 40:
        return 3
    if number >= 30:
        return 4
    return 6 if number >= 20 else 7


def _json(line: Line) -> str:
    """One object on one line. Ours come last: no field takes the name of one of them."""
    at = line.at.astimezone(UTC)
    document: dict[str, object] = {
        "time": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        "level": line.level,
        "message": line.message,
    }
    own: dict[str, object] = dict(document)
    if line.repeated:
        own["repeated"] = line.repeated
    if line.fault is not None:
        own["exception_type"] = line.fault.type
        own["exception_message"] = line.fault.message
        own["exception_stacktrace"] = line.fault.stacktrace
    return json.dumps({**document, **line.fields, **own})


def _lines(text: str) -> list[str]:
    return [escaped(line.expandtabs(4)) for line in text.splitlines()] or [""]


def _painted(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def rendered(form: Form, lines: Iterable[Line]) -> str:
    return "".join(form.render(line) for line in lines)
