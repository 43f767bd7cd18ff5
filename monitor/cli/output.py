"""What all commands share in speaking to people: troubles, safe text, tables, colour only where it is welcome."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, Any

import click

from monitor.terminal import colour_wanted as colour_wanted
from monitor.terminal import printable as printable

UNKNOWN = 3
"""Exit code for bad usage, bad config and everything else that kept a command from its work."""

Cell = str | tuple[str, str]
"""A text, or a text and its style in rich's words ("bold red")."""

UNBOUNDED = 100_000
"""Columns when nobody looks at a terminal: a log line that is cut or wrapped cannot be searched."""

SHORT = 20


class Trouble(click.ClickException):
    """Ends the command with status 3. The message stands alone: it says what was found and what would be right."""

    exit_code = UNKNOWN

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file or sys.stderr)


def width_of(stream: IO[Any]) -> int:
    if not stream.isatty():
        return UNBOUNDED
    import shutil

    return shutil.get_terminal_size().columns


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], width: int = UNBOUNDED, colour: bool = False) -> str:
    """Aligned columns; the long ones wrap when *width* is not enough. Every cell must be `printable` already."""
    plain = "" if colour else _plain_table(headers, rows, width)
    return plain or _drawn_table(headers, rows, width, colour)


def _plain_table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> str:
    """
    What goes into a pipe or fits the terminal without colours: of five hundred rows in a hundredth of the time.
    Empty where a column has to wrap, or holds letters that are wider or narrower than one place.
    """
    lines = [tuple(headers), *([cell if isinstance(cell, str) else cell[0] for cell in row] for row in rows)]
    if not all(cell.isascii() for line in lines for cell in line):
        return ""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        return ""
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _drawn_table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], width: int, colour: bool) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*headers, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    lines = [[Text(cell) if isinstance(cell, str) else Text(cell[0], style=cell[1]) for cell in row] for row in rows]
    for line in lines:
        drawn.add_row(*line)
    for column, cells in zip(drawn.columns, zip(*lines, strict=True), strict=False):
        column.overflow = "fold"
        # Short ones stay whole: a wrapped name is read as two.
        column.no_wrap = max(len(cell) for cell in cells) <= SHORT
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
