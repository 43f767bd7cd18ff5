"""A place in an OpenSLO document, and how what stands there is read: what is wrong is told, and comes back as None."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from monitor.config.document import Group, Listing, Node, Scalar
from monitor.config.problems import Path, Problem, join, quote
from monitor.config.values import meant


@dataclass(slots=True)
class Findings:
    """
    Attributes:
        refused: What keeps an objective from being carried over.
        left_out: What stands beside objectives and has no counterpart here; they are carried over all the same.
    """

    refused: list[Problem] = field(default_factory=list)
    left_out: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Field:
    """
    Attributes:
        document: `SLO checkout`, as it is told.
        path: Within that document.
        line: Of the key.
    """

    document: str
    path: Path
    line: int
    node: Node
    findings: Findings

    @property
    def place(self) -> str:
        return f"{self.document}: {join(self.path)}" if self.path else self.document

    def refuse(self, found: str, fix: str) -> None:
        self._tell(self.findings.refused, found, fix)

    def leave_out(self, found: str, fix: str) -> None:
        self._tell(self.findings.left_out, found, fix)

    def _tell(self, to: list[Problem], found: str, fix: str) -> None:
        problem = Problem(self.node.file, self.line, self.place, found, fix)
        if problem not in to:
            to.append(problem)

    def get(self, key: str) -> Field | None:
        """What stands under *key*; None when it is absent or left empty."""
        if not isinstance(self.node, Group):
            return None
        entry = self.node.entries.get(key)
        if entry is None or (isinstance(entry.value, Scalar) and entry.value.text is None):
            return None
        return Field(self.document, (*self.path, key), entry.line, entry.value, self.findings)

    def need(self, key: str) -> Field | None:
        """As `get`; that there is none is told."""
        found = self.get(key)
        if found is None and self.is_group():
            self.refuse(f"has no {key}", f"OpenSLO v1 requires it: add {key}.")
        return found

    def known(self, *keys: str) -> None:
        """Tells every other key: it may be a mistyped one, or an extension of another tool."""
        if self.is_group() and isinstance(self.node, Group):
            for key, entry in self.node.entries.items():
                if key not in keys:
                    there = Field(self.document, (*self.path, key), entry.line, entry.value, self.findings)
                    there.leave_out("is no key of OpenSLO v1", meant(key, list(keys)))

    def is_group(self) -> bool:
        if isinstance(self.node, Group):
            return True
        self.refuse("is not a group of keys", "Begin a new line under it and write key: value there.")
        return False

    def text(self) -> str | None:
        """One value, as it is written."""
        if isinstance(self.node, Scalar) and self.node.text is not None:
            return self.node.text.strip()
        self.refuse("is not a single value", "Write one value after the colon.")
        return None

    def items(self) -> Iterator[Field]:
        if not isinstance(self.node, Listing):
            self.refuse("is not a list", "Write each entry on a line of its own after '- '.")
            return
        for position, item in enumerate(self.node.items):
            yield Field(self.document, (*self.path, position), item.line, item, self.findings)

    def string(self, key: str) -> str:
        """The value under *key*, empty when there is none."""
        found = self.get(key)
        return (found.text() or "") if found else ""

    def shown(self) -> str:
        """The value for a message."""
        return quote(self.node.text or "") if isinstance(self.node, Scalar) else "this"
