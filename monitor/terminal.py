"""What is safe and welcome on a terminal: text that it does not obey, colour only where it is wanted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, Any


def printable(text: str) -> str:
    """
    One line that no terminal obeys: white space becomes a blank, all else that cannot be seen an escape.

    What a target answered goes through this: an escape sequence in a header could otherwise rewrite the screen.
    """
    return escaped(" ".join(text.split()))


def escaped(line: str) -> str:
    """The same, but white space stays as it is where a line may hold it: indentation means something in a traceback."""
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


def colour_wanted(stream: IO[Any], environ: Mapping[str, str] = os.environ) -> bool:
    """In the order in which Python itself asks: NO_COLOR, FORCE_COLOR, TERM=dumb, and whether it is a terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and stream.isatty()
