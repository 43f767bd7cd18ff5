"""
A group of keys in a modules file, asked for its values. What is wrong is told with its place; a key that nobody has
asked for is known to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Final

from checks.blackbox.regexes import Unsayable, Untranslatable, translated
from monitor.config.document import Entry, Group, Listing, Node, Scalar
from monitor.config.foreign.durations import go_seconds
from monitor.config.problems import Path, Problem, join, quote
from monitor.config.reading import Reading
from monitor.config.values import meant

_TRUE: Final = ("true", "yes", "on", "y")
_FALSE: Final = ("false", "no", "off", "n", "")
_UNITS: Final = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MOST_SECRET: Final = 64 * 1024


@dataclass(slots=True)
class Findings:
    """
    Attributes:
        of: The config that names the modules file; it watches what files are named.
        problems: What makes the whole file wrong.
        refused: What a module asks that cannot be done here, so that this module alone cannot be used.
        secrets: Values that nothing may show.
        authorities: Files of CA certificates.
    """

    of: Reading
    problems: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    authorities: set[str] = field(default_factory=set)


class Part:
    def __init__(self, entry: Entry, path: Path, findings: Findings) -> None:
        self._entry = entry
        self._path = path
        self._findings = findings
        self._known: list[str] = []
        self._entries: dict[str, Entry] = {}
        if isinstance(entry.value, Group):
            self._entries = entry.value.entries
        elif not _is_empty(entry.value):
            self.tell("", "is no group of keys", "Begin a new line under it and write key: value there.")

    def tell(self, key: str, found: str, fix: str) -> None:
        """A problem of what stands under *key*, or of the group itself."""
        self._findings.problems.append(self._problem(key, found, fix))

    def refuse(self, key: str, found: str, fix: str) -> None:
        """As `tell`, for what blackbox_exporter can do and we cannot."""
        self._findings.refused.append(self._problem(key, found, fix))

    def _problem(self, key: str, found: str, fix: str) -> Problem:
        at = self._entries.get(key, self._entry)
        return Problem(at.file, at.line, join((*self._path, key) if key else self._path), found, fix)

    def names(self) -> list[str]:
        return list(self._entries)

    def has(self, key: str) -> bool:
        return self._node(key) is not None

    def part(self, key: str) -> Part:
        """An empty one where there is none."""
        node = self._node(key)
        here = self._entries.get(key, self._entry)
        entry = here if node is not None else Entry(here.file, here.line, Group(here.file, here.line))
        return Part(entry, (*self._path, key), self._findings)

    def parts(self, key: str) -> list[Part]:
        return [
            Part(Entry(node.file, node.line, node), (*self._path, key, place), self._findings)
            for place, node in enumerate(self._items(key))
        ]

    def text(self, key: str, default: str = "") -> str:
        node = self._node(key)
        if node is None:
            return default
        if not isinstance(node, Scalar):
            self.tell(key, "is not a single value", "Write one value after the colon.")
            return default
        return node.text or ""

    def texts(self, key: str) -> tuple[str, ...]:
        found = [node.text if isinstance(node, Scalar) else None for node in self._items(key)]
        if None in found:
            self.tell(key, "holds what is not a single value", "Write one value after each '- '.")
        return tuple(text for text in found if text is not None)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        part = self.part(key)
        return tuple((name, part.text(name)) for name in part.names())

    def flag(self, key: str, default: bool = False) -> bool:
        text = self.text(key).lower()
        if not self.has(key):
            return default
        if text not in (*_TRUE, *_FALSE):
            self.tell(key, f"{quote(text)} is neither true nor false", "Write true or false.")
        return text in _TRUE

    def word(self, key: str, default: str, *known: str) -> str:
        """One of a few."""
        text = self.text(key, default)
        if text not in known:
            options = [one for one in known if one]
            self.tell(key, f"{quote(text)} is not one of {', '.join(options)}", meant(text, options))
            return default
        return text

    def number(self, key: str, default: int, most: float = inf) -> int:
        text = self.text(key, str(default))
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) > most:
            self.tell(key, f"{quote(text)} is no number that can stand here", "Write a whole number.")
            return default
        return int(text)

    def numbers(self, key: str) -> tuple[int, ...]:
        texts = self.texts(key)
        if not all(re.fullmatch(r"\d{1,9}", text, re.ASCII) for text in texts):
            self.tell(key, "holds what is no number", "Write a list of whole numbers, for example [200, 204].")
            return ()
        return tuple(map(int, texts))

    def size(self, key: str) -> int:
        """Bytes. As there, KB and KiB are 1024 of them both."""
        text = self.text(key, "0")
        found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?) ?([KMGT]?)i?B?", text, re.ASCII)
        if found is None:
            self.tell(key, f"{quote(text)} is no size", "Write it with a unit, for example 1MB.")
            return 0
        return int(float(found[1]) * _UNITS[found[2]])

    def seconds(self, key: str) -> float:
        text = self.text(key, "0s")
        found = go_seconds(text)
        if found is None:
            self.tell(key, f"{quote(text)} is not a duration", "Write it with a unit, for example 5s.")
        return found or 0.0

    def regex(self, key: str) -> str:
        text = self.text(key)
        return self._translated(text, key, self._entries[key]) if text else ""

    def regexes(self, key: str) -> tuple[str, ...]:
        texts = self.texts(key)
        return tuple(
            self._translated(text, key, node, place)
            for place, (text, node) in enumerate(zip(texts, self._items(key), strict=False))
        )

    def secret(self, key: str) -> str:
        """What stands under *key*, or in the file that is named under *key*_file."""
        value = self.text(key)
        name = self.text(f"{key}_file")
        if value and name:
            self.tell(f"{key}_file", f"{key} is set as well", "Keep one of them.")
        elif name:
            value = self.content(f"{key}_file")
        if value:
            self._findings.secrets.add(value)
        return value

    def hide(self, value: str) -> None:
        """It is a secret, or holds one."""
        if value:
            self._findings.secrets |= {value, value.split()[-1]}

    def content(self, key: str) -> str:
        """Of the file that is named under *key*, without white space around it."""
        found = self._read(key)
        try:
            return found.decode().strip()
        except UnicodeDecodeError:
            self.tell(key, "the file is not text", "Save it as UTF-8.")
            return ""

    def pem(self, key: str, authorities: bool = False) -> str | None:
        """Path of a file of certificates, or of a key."""
        if not self.text(key):
            return None
        if b"-----BEGIN" not in self._read(key):
            self.tell(key, "names no PEM file", "Name one, with a line -----BEGIN ... in it.")
            return None
        path = str(self._findings.of.file_path_at(self.text(key), self._entries[key].file))
        if authorities:
            self._findings.authorities.add(path)
        return path

    def end(self) -> None:
        """Tells every key that nobody has asked for."""
        for key in self._entries:
            if key not in self._known:
                self.tell(key, "unknown key", meant(key, self._known))

    def _read(self, key: str) -> bytes:
        path = self._findings.of.file_path_at(self.text(key), self._entries[key].file)
        try:
            with path.open("rb") as stream:
                return stream.read(16 * _MOST_SECRET)
        except (OSError, ValueError):
            self.tell(key, "the file cannot be read", "Correct the name; a relative one is beside this file.")
            return b"-----BEGIN"  # one problem is enough

    def _translated(self, text: str, key: str, at: Entry | Node, *place: int) -> str:
        try:
            return translated(text)
        except Untranslatable as error:
            beyond_us = isinstance(error, Unsayable)
            fix = "Write it in another way." if beyond_us else "Write it as Go's package regexp wants it."
            where = join((*self._path, key, *place))
            told = self._findings.refused if beyond_us else self._findings.problems
            told.append(Problem(at.file, at.line, where, f"{quote(text)} {error}", fix))
        return ""

    def _items(self, key: str) -> Iterator[Node]:
        node = self._node(key)
        if node is None:
            return
        if not isinstance(node, Listing):
            self.tell(key, "is not a list", "Write each entry on a line of its own after '- '.")
            return
        yield from node.items

    def _node(self, key: str) -> Node | None:
        if key not in self._known:
            self._known.append(key)
        entry = self._entries.get(key)
        return None if entry is None or (isinstance(entry.value, Scalar) and entry.value.text is None) else entry.value


def _is_empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text is None
