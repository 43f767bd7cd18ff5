"""
GitHub's Markdown, which is ours and more: in it a name behind an @ calls somebody, a number behind a # links another
issue, and HTML is taken. Whatever a target said must do none of it.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.outlets.markup.text import clean

_CALLS: Final = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9])|#(?=\d)|(?<=GH)-(?=\d)", re.IGNORECASE)
_SIGNS: Final = re.compile(r"[\\`*_{}\[\]<>|~!&$]")
_LINE_START: Final = re.compile(r"^([#+=-]|\d+(?=[.)]))")


def from_markdown(markdown: str) -> str:
    """As it is, but that it calls nobody, links no issue, loads no picture, and has no HTML."""
    return _uncalled(clean(markdown).replace("<", "&lt;").replace("![", "!\\["))


def from_lines(text: str) -> str:
    """Plain text, its lines kept, and nothing in it is Markdown."""
    return "\\\n".join(escaped(line.strip()) for line in clean(text).strip().split("\n")).replace("\\\n\\\n", "\n\n")


def escaped(line: str) -> str:
    found = _SIGNS.sub(r"\\\g<0>", line)
    # A number at the start would begin a list: its dot is what makes it one.
    start = _LINE_START.sub(lambda sign: sign[0] + "\\" if sign[0].isdigit() else "\\" + sign[0], found)
    return _uncalled(start)


def _uncalled(text: str) -> str:
    # A space that takes no room, between the sign and what it would call.
    return _CALLS.sub("\\g<0>\u200b", text)
