"""A problem of the config: where it is, what was found, what would be right. All of them are told in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from monitor.config.stamps import Stamps

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the config: ("services", "orders", "slos", 0, "objective")."""


@dataclass(frozen=True, slots=True)
class Problem:
    """
    Attributes:
        file: As the user named it.
        line: Counted from 1; 0 when the problem is not of one line, for example a file that is not there.
        path: `services.orders.checks.ready.timeout`; empty when it is not of one key.
        found: What is wrong, in a few words. Holds values only as they are written in the file, and no secret.
        fix: What would be right, as a sentence.
        excerpt: The value as it is written, and under it a mark where in it the fault is; empty when that goes without
            saying.
    """

    file: str
    line: int
    path: str
    found: str
    fix: str
    excerpt: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        subject = f"{self.path}: {self.found}" if self.path else self.found
        return "\n    ".join((f"{self.place}  {subject}", *self.excerpt, self.fix))


class ConfigError(Exception):
    """
    Everything that is wrong with a config. `str()` is what a person reads.

    Attributes:
        read_from: The files that were read, or would have been, as they looked.
    """

    def __init__(self, problems: Sequence[Problem], read_from: Stamps = MappingProxyType({})) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)
        self.read_from = read_from

    def __str__(self) -> str:
        files = list(dict.fromkeys(problem.file for problem in self.problems))
        count = f"{len(self.problems)} problem" + ("" if len(self.problems) == 1 else "s")
        where = files[0] if len(files) == 1 else f"The config ({', '.join(files)})"
        return f"{where} has {count}; nothing was started.\n\n" + "\n".join(map(str, self.problems))


class Wrong(ValueError):
    """
    A value that cannot be read, said by the parser of that value, which knows neither file nor line.

    Both may hold `{value}`: it becomes the value as written in the file, so that what came from an environment
    variable is never shown.

    Attributes:
        at: From where to where in a longer value, where that should be pointed at.
    """

    def __init__(self, found: str, fix: str, at: tuple[int, int] | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.fix = fix
        self.at = at


def join(path: Path) -> str:
    """A path as people write it: `services.orders.slos[0].objective`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + quote(step)
    return text


def pointed(text: str, at: tuple[int, int], width: int = 100) -> tuple[str, str]:
    """*text* on one line of bounded width, and a line of marks under its part *at*."""
    start, end = at
    first = 0 if end <= width else max(0, start - width // 2)
    before, after = "..." if first else "", "..." if len(text) > first + width else ""
    window = "".join(c if c.isprintable() else " " for c in text[first : first + width])
    marks = "^" * max(1, min(end, first + width) - start)
    return f"{before}{window}{after}", f"{' ' * (len(before) + start - first)}{marks}"


def quote(text: str, limit: int = 80) -> str:
    """A value on one line of bounded length, in quotes when its ends could not be seen otherwise."""
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return text if text.isprintable() and text and text.strip() == text else repr(text)
