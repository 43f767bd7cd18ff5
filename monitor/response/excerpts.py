"""What others wrote, for a ticket: cut, without what a terminal would obey, and nothing in it is markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from monitor.outlets.markup.text import clean

Hide = Callable[[str], str]

LONGEST_LINE: Final = 400
MOST_BLOCK: Final = 6_000
"""Characters of one block: a ticket has several, and some trackers take 32,767 in all."""
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_MARKUP: Final = re.compile(r"[\\`*_\[\]!|~#<]")


def clipped(text: str, *, escaped: bool = True) -> str:
    """One line of at most LONGEST_LINE characters. *escaped*: as a part of Markdown, none of which it becomes."""
    line = " ".join(clean(_ANSI.sub("", text[: LONGEST_LINE * 10])).split())
    if len(line) > LONGEST_LINE:
        line = line[: LONGEST_LINE - 1] + "…"
    return _MARKUP.sub(_sign, line) if escaped else line


def fenced(lines: Iterable[str]) -> list[str]:
    """A block of code that nothing in it can end."""
    shown: list[str] = []
    room = MOST_BLOCK
    for line in lines:
        text = clipped(line, escaped=False)
        room -= len(text) + 1
        if room < 0:
            shown.append("…")
            break
        shown.append(text)
    longest = max((len(run) for line in shown for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *shown, fence]


def code(text: str) -> str:
    """A command to be copied, in one line of Markdown."""
    line = " ".join(clean(text).split())
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def _sign(found: re.Match[str]) -> str:
    return "&lt;" if found[0] == "<" else f"\\{found[0]}"
