"""
YAML text to a tree in which every value knows its file and line. Bounded: no file can make it grow or nest at will.

Built from the parser's events and not with `yaml.compose`: that one recurses in C without a limit, and a file of
brackets would end the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from monitor.config.problems import Path, Problem, join

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 24  # the deepest key of the model is at 8
MAX_NODES = 1_000_000

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")


@dataclass(slots=True)
class Scalar:
    """`text` is None for a value that was left out."""

    file: str
    line: int
    text: str | None


@dataclass(slots=True)
class Listing:
    file: str
    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """One key of a group: the key's own place, and its value."""

    file: str
    line: int
    value: Node


@dataclass(slots=True)
class Group:
    file: str
    line: int
    entries: dict[str, Entry] = field(default_factory=dict)


Node = Scalar | Listing | Group


def plain(node: Node) -> object:
    """A tree as dicts, lists and text."""
    if isinstance(node, Group):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    return [plain(item) for item in node.items] if isinstance(node, Listing) else node.text or ""


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A value that may be repeated, with how many nodes each repeat adds and how deep it reaches."""

    node: Node
    nodes: int
    height: int


@dataclass(frozen=True, slots=True)
class Document:
    """
    What stands between two `---` lines of a file.

    Attributes:
        line: Of the `---`, or of the first value where there is none.
    """

    line: int
    root: Node

    @property
    def is_empty(self) -> bool:
        return isinstance(self.root, Scalar) and self.root.text is None


class Unreadable(Exception):
    """The file cannot be understood beyond this line."""

    def __init__(self, line: int, found: str, fix: str) -> None:
        super().__init__(found)
        self.line, self.found, self.fix = line, found, fix


def read(file: str, data: bytes) -> tuple[Group | None, list[Problem]]:
    """The tree of one file and what is wrong with it as YAML; no tree when it cannot be read to its end."""
    documents, problems = read_documents(file, data)
    return (None, problems) if documents is None else sole(file, documents, problems)


def read_documents(file: str, data: bytes) -> tuple[list[Document] | None, list[Problem]]:
    """As `read`, for a file that may hold several documents."""
    try:
        reader = _Reader(file, _decode(data))
        return list(reader.documents()), reader.problems
    except Unreadable as error:
        return None, [Problem(file, error.line, "", error.found, error.fix)]


def sole(file: str, documents: list[Document], problems: list[Problem]) -> tuple[Group | None, list[Problem]]:
    """The one document that a config of ours consists of, beside what is known to be wrong with it."""
    if len(documents) > 1:
        second = Problem(file, documents[1].line, "", "a second document begins here", "Remove the '---' line.")
        return None, [second]
    if not documents or documents[0].is_empty:
        fix = "Begin with services:, and one service with one check under it."
        return None, [Problem(file, 0, "", "is empty", fix)]
    root = documents[0].root
    if not isinstance(root, Group):
        fix = "Begin with a key such as services:."
        return None, [Problem(file, root.line, "", "does not begin with a key", fix)]
    return root, problems


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise Unreadable(0, f"is larger than {MAX_BYTES // 1024**2} MB", "Split it, and name a folder with -c.")
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, "holds a byte that is not UTF-8", "Save the file as UTF-8.") from None
    if odd := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", source):
        line = source.count("\n", 0, odd.start()) + 1
        raise Unreadable(line, f"holds the control character {odd[0]!r}", "Remove it.")
    return source


class _Reader:
    """Turns the events of a file into nodes, counting as it goes."""

    def __init__(self, file: str, source: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._lines = source.split("\n")
        self._events = self._translated(yaml.parse(source, Loader=_Loader))
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0
        self._deepest = 0

    def documents(self) -> Iterator[Document]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()  # an anchor is known in its own document alone
                yield Document(_line(event), self._node(next(self._events), ()))

    def _translated(self, events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
        try:
            yield from events
        except yaml.MarkedYAMLError as error:
            raise self._explained(error) from None
        except yaml.YAMLError:
            raise Unreadable(0, "cannot be read as YAML", "Save it as plain UTF-8 text.") from None

    def _node(self, event: yaml.Event, path: Path) -> Node:
        self._count(1, len(path), event)
        if isinstance(event, yaml.AliasEvent):
            return self._repeated(event, path)
        assert isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent))  # what else a value begins with
        # Neither tags nor anchors are quoted back: `secret: !abc` and `secret: *abc` may be a secret without quotes.
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            found = f"{join(path)} begins with '!', which is a tag in YAML" if path else "begins with a tag"
            raise Unreadable(_line(event), found, "Put a value that begins with '!' in quotes.")
        if event.anchor is None:
            return self._fresh(event, path)
        nodes, deepest = self._nodes, self._deepest
        self._deepest = len(path)
        node = self._fresh(event, path)
        # Only now: a value that holds itself finds no such anchor.
        self._anchors[event.anchor] = _Anchor(node, self._nodes - nodes + 1, self._deepest - len(path))
        self._deepest = max(deepest, self._deepest)
        return node

    def _fresh(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, path: Path) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            left_out = not event.style and event.tag is None and event.value in _NULLS
            return Scalar(self._file, _line(event), None if left_out else event.value)
        return self._listing(event, path) if isinstance(event, yaml.SequenceStartEvent) else self._group(event, path)

    def _repeated(self, event: yaml.AliasEvent, path: Path) -> Node:
        anchor = self._anchors.get(event.anchor or "")
        if anchor is None:
            raise Unreadable(
                _line(event),
                "a value begins with '*', which in YAML repeats an anchor, and there is no such anchor above",
                "Put a value that begins with '*' in quotes, or define the anchor first.",
            )
        self._count(anchor.nodes, len(path) + anchor.height, event)
        return anchor.node

    def _count(self, nodes: int, depth: int, event: yaml.Event) -> None:
        self._nodes += nodes
        self._deepest = max(self._deepest, depth)
        if depth > MAX_DEPTH:
            raise Unreadable(_line(event), f"is nested more than {MAX_DEPTH} deep", "No key stands that deep.")
        if self._nodes > MAX_NODES:
            raise Unreadable(_line(event), f"holds more than {MAX_NODES:,} values", "Use fewer repeats (*anchor).")

    def _listing(self, start: yaml.Event, path: Path) -> Listing:
        listing = Listing(self._file, _line(start))
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            listing.items.append(self._node(event, (*path, len(listing.items))))
        return listing

    def _group(self, start: yaml.Event, path: Path) -> Group:
        group = Group(self._file, _line(start))
        inherited: list[Group] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            key = self._key(event, path)
            value = self._node(next(self._events), (*path, key))
            if key == "<<":
                inherited += self._inherited(value, line)
            elif (first := group.entries.get(key)) is not None:
                found = f"is set twice; the first is on line {first.line}"
                self.problems.append(Problem(self._file, line, join((*path, key)), found, "Keep one of them."))
            else:
                group.entries[key] = Entry(self._file, line, value)
        for other in inherited:
            for key, entry in other.entries.items():
                group.entries.setdefault(key, entry)
        return group

    def _key(self, event: yaml.Event, path: Path) -> str:
        if isinstance(event, yaml.ScalarEvent) and (event.style or event.value not in _NULLS):
            self._count(1, len(path), event)
            return str(event.value)
        where = f" in {join(path)}" if path else ""
        raise Unreadable(
            _line(event),
            f"a key{where} is not text",
            "Write a word before the colon; put text that begins with '{', '[' or '*' in quotes.",
        )

    def _inherited(self, value: Node, line: int) -> list[Group]:
        groups = value.items if isinstance(value, Listing) else [value]
        if all(isinstance(group, Group) for group in groups):
            return [group for group in groups if isinstance(group, Group)]
        raise Unreadable(line, "<< repeats something that is not a group of keys", "Write <<: *anchor of a group.")

    def _explained(self, error: yaml.MarkedYAMLError) -> Unreadable:
        """A syntax error in our words. The parser's own are about tokens, and may quote a value."""
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        content = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        if "\t" in content[: len(content) - len(content.lstrip())]:
            return Unreadable(line, "a tab indents this line", "Indent with spaces: YAML does not take tabs.")
        if content.lstrip().startswith(":"):
            return Unreadable(line, "a line begins with a colon", "Write the key before the colon.")
        if _LIST_MEANT_AS_TEXT.search(content):
            found = "a value begins with '[', which begins a list in YAML"
            return Unreadable(line, found, "Put it in quotes, for example '[STATUS] == 200'.")
        if "mapping values" in (error.problem or "") and f"{content} ".count(": ") == 1:
            found = "the line before this one has no colon"
            return Unreadable(line, found, "Write key: value; put text that goes over several lines in quotes.")
        wording = f"{error.context or ''} {error.problem or ''}"
        for clue, found, fix in _SYNTAX:
            if clue in wording:
                if clue in ("quoted scalar", "flow") and error.context_mark:
                    line = error.context_mark.line + 1  # where it was opened, not where the file ended
                return Unreadable(line, found, fix)
        return Unreadable(
            line, "cannot be read as YAML", "Look at the indentation, quotes and brackets here and above."
        )


# `- [STATUS] == 200`: a bracket that is closed and followed by more.
_LIST_MEANT_AS_TEXT = re.compile(r"(?:- |: |\[|, )\[[A-Za-z_]+\][^\s,\]}]* *[=!<>]")
_SYNTAX = (
    ("escape", "a backslash in double quotes that YAML does not know", "Use single quotes, or write \\\\."),
    ("quoted scalar", "a quote is opened here and not closed", "Close it, or remove it."),
    ("mapping values are not allowed", "a second ': ' on one line", "Put the value in quotes, or begin a new line."),
    ("could not find expected ':'", "a key without a colon", "Write key: value; put long text in quotes."),
    (
        "flow",
        "a bracket or brace is not closed, or a comma is missing",
        "Close it, separate with commas, or put a value that holds brackets in quotes.",
    ),
    ("block", "is not in line with the keys above", "Indent keys of one group by the same number of spaces."),
    ("cannot start any token", "a value begins with a character that YAML reserves", "Put the value in quotes."),
    ("alias", "a '*' without a name", "Put a value that begins with '*' in quotes."),
    ("anchor", "a '&' without a name", "Put a value that begins with '&' in quotes."),
)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
