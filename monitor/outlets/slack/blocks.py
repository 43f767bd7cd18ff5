"""
What people read, as rich text (docs.slack.dev/reference/block-kit/blocks/rich-text-block): in its texts nothing is a
sign of a markup language, a mention or a link, so whatever a target said stays what it said. Pure.

The line beside it, for notifications and programs that show no blocks, has a markup language, and is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from monitor.outlets.markup.text import clean, one_line
from monitor.outlets.outlet import Message

LONGEST_TEXT: Final = 3_000
"""Characters of one text."""
LONGEST: Final = 6_000
"""Characters of a message's texts. Slack refuses blocks of about 13,000, what is around the texts included."""
LONGEST_LINE: Final = 500
"""Characters of the line beside the blocks, before it is escaped: an edit takes 4,000 bytes of it."""
LISTED: Final = 20
"""Lines of a list."""

Content = dict[str, object]
"""The part of a request that says what is read: `text` and `blocks`."""

_CUT: Final = "Cut here: there is no room for more. The whole is shown by: monitor incident show"
_ROWS: Final = (
    ("Status", "status"), ("Service", "services"), ("Opened", "opened_at"), ("Reported by", "reporter"),
    ("Who", "roles"), ("Acknowledged by", "acknowledged_by"),
)  # fmt: skip
_LISTS: Final = (
    ("Symptoms", "symptoms"), ("Why this severity", "why"), ("For recovery", "conditions"), ("Alerts", "alerts"),
)  # fmt: skip


def parent(message: Message) -> Content:
    """The first message of a thread: the incident as it is now."""
    room = _Room(f"{_CUT} {message.number}")
    room.section((message.title, True))
    if message.degraded:
        room.section((message.degraded, False))
    rows = [(name, _row(message.document.get(key))) for name, key in _ROWS]
    for name, value in rows:
        if value:
            room.section((f"{name}: ", True), (value, False))
    for name, key in _LISTS:
        if lines := _lines(message.document.get(key)):
            room.section((name, True))
            room.bullets(lines)
    return room.content(message.title)


def reply(text: str) -> Content:
    room = _Room(_CUT)
    room.section((text.strip(), False))
    return room.content(text)


def escaped(line: str) -> str:
    """One line of Slack's mrkdwn in which nobody is called and nothing is a link."""
    plain = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A space that takes no room, between the sign and what it would call or begin.
    return "".join(f"{sign}\u200b" if sign in "@#*_~`" else sign for sign in plain).replace("://", ":\u200b//")


class _Room:
    """Takes texts until there is no place for more."""

    def __init__(self, cut: str) -> None:
        self._cut = cut
        self._left = LONGEST
        self._was_cut = False
        self._elements: list[dict[str, Any]] = []

    def section(self, *texts: tuple[str, bool]) -> None:
        """Each with whether it is bold."""
        if found := self._texts(texts):
            self._elements.append({"type": "rich_text_section", "elements": found})

    def bullets(self, lines: Iterable[str]) -> None:
        found = [texts for line in lines if (texts := self._texts([(line, False)], end=""))]
        items = [{"type": "rich_text_section", "elements": texts} for texts in found]
        if items:
            self._elements.append({"type": "rich_text_list", "style": "bullet", "elements": items})

    def _texts(self, texts: Iterable[tuple[str, bool]], end: str = "\n") -> list[dict[str, Any]]:
        found = []
        for text, bold in texts:
            if taken := self._taken(text):
                found.append(_text(taken, bold=bold))
        if found and end:
            found.append(_text(end))
        return found

    def _taken(self, text: str) -> str:
        whole = clean(text[: LONGEST_TEXT + 1])
        taken = whole[: min(LONGEST_TEXT, self._left)]
        self._was_cut = self._was_cut or len(taken) < len(whole)
        self._left -= len(taken)
        return taken

    def content(self, line: str) -> Content:
        if self._was_cut:
            self._elements.append({"type": "rich_text_section", "elements": [_text(self._cut, bold=True)]})
        first = next((part for part in line.splitlines() if part.strip()), "")
        return {
            "text": escaped(one_line(first[: LONGEST_LINE * 2], LONGEST_LINE)),
            "blocks": [{"type": "rich_text", "elements": self._elements}],
        }


def _text(text: str, *, bold: bool = False) -> dict[str, Any]:
    styled = {"style": {"bold": True}} if bold else {}
    return {"type": "text", "text": text, **styled}


def _row(value: object) -> str:
    found = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
    return " ".join(found.split())


def _lines(value: object) -> list[str]:
    lines = [" ".join(str(line).split()) for line in value] if isinstance(value, list | tuple) else []
    more = len(lines) - LISTED
    return [*lines[:LISTED], f"and {more} more"] if more > 0 else lines
