"""
A place in the file of another tool, and how what stands there is read. Nothing raises: what is not as that tool wants
it is told, and comes back as None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from monitor.config.document import Group, Listing, Node, Scalar
from monitor.config.foreign.told import Told, Word
from monitor.config.problems import Path, Problem, join


def literal(text: str) -> str:
    """*text* of a tool that knows no variables: in a file of ours a dollar sign may begin one."""
    return text.replace("$", "$$")


class Refused(Exception):
    """What stands at a place would mean something else here, so that a whole check is not carried over."""

    def __init__(self, place: Place, found: str, fix: str) -> None:
        super().__init__(found)
        self.place, self.found, self.fix = place, found, fix


def scalar(place: Place, text: str) -> Scalar:
    """*text* as a value of a check, with the place that it came from."""
    return Scalar(place.file, place.line, text)


@dataclass(frozen=True, slots=True)
class Place:
    """
    Attributes:
        origin: `endpoints[2] (api)`: what the path is within, as it is told.
        line: Of the key.
        written: From a value of that tool to what stands for it in a file of ours, dollar signs being the difference.
    """

    node: Node
    told: Told
    origin: str = ""
    path: Path = ()
    line: int = 0
    written: Callable[[str], str] = literal

    @property
    def file(self) -> str:
        return self.node.file

    @property
    def shown(self) -> str:
        return f"{self.origin}: {join(self.path)}" if self.origin and self.path else self.origin or join(self.path)

    def called(self, origin: str) -> Place:
        """The same place, which what stands below it is told by."""
        return replace(self, origin=origin, path=())

    def tell(self, word: Word, found: str, fix: str) -> None:
        alike = join(self.path) if self.origin else ""
        self.told.tell(word, Problem(self.file, self.line, self.shown, found, fix), alike)

    def refuse(self, found: str, fix: str) -> None:
        self.tell(Word.REFUSED, found, fix)

    def leave_out(self, found: str, fix: str) -> None:
        self.tell(Word.LEFT_OUT, found, fix)

    def names(self) -> list[str]:
        return list(self.node.entries) if isinstance(self.node, Group) else []

    def get(self, key: str) -> Place | None:
        """What stands under *key*; None when it is absent, left empty, or an empty list or group."""
        entry = self.node.entries.get(key) if isinstance(self.node, Group) else None
        if entry is None or _is_empty(entry.value):
            return None
        return replace(self, node=entry.value, path=(*self.path, key), line=entry.line)

    def items(self) -> Iterator[Place]:
        if not isinstance(self.node, Listing):
            self.leave_out("is not a list", "Write each entry on a line of its own after '- '.")
            return
        for position, item in enumerate(self.node.items):
            yield replace(self, node=item, path=(*self.path, position), line=item.line)

    @property
    def is_group(self) -> bool:
        return isinstance(self.node, Group)

    def text(self) -> str | None:
        """One value, in our spelling."""
        if isinstance(self.node, Scalar):
            return self.written(self.node.text or "")
        self.leave_out("is not a single value", "Write one value after the colon.")
        return None

    def plain(self) -> str:
        """As that tool has it, without white space around it."""
        return (self.node.text or "").strip() if isinstance(self.node, Scalar) else ""

    def plain_of(self, key: str) -> str:
        """The value under *key*, as that tool has it."""
        found = self.get(key)
        return found.plain() if found else ""

    def string(self, key: str) -> str:
        """The value under *key* without white space around it, empty when there is none."""
        found = self.get(key)
        return (found.text() or "").strip() if found else ""

    def flag(self, key: str) -> bool:
        return self.string(key).lower() in ("true", "yes", "on", "1")

    def tell_others(self, known: Collection[str], word: Word = Word.LEFT_OUT) -> None:
        """Tells every key that is not *known*: it may be mistyped, or of another version of that tool."""
        for key in self.names():
            other = self.get(key) if key not in known else None
            if other is not None:
                other.tell(word, "is not known to this import", "Look whether it matters to you.")


def _is_empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return not (node.text or "").strip()
    return not (node.items if isinstance(node, Listing) else node.entries)
