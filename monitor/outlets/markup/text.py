"""What all languages share: the parsed Markdown, text that every receiver takes, and cutting to a limit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

T = TypeVar("T")

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_LINKED: Final = ("https://", "http://", "mailto:")


def parsed(markdown: str) -> SyntaxTreeNode:
    """HTML in it is text, and so is what nests deeper than anybody writes."""
    from markdown_it import MarkdownIt  # only a tracker that speaks another language needs it
    from markdown_it.tree import SyntaxTreeNode

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return SyntaxTreeNode(parser.parse(clean(markdown)))


def clean(text: str) -> str:
    """Without what some receivers refuse a whole ticket for: control characters and halves of a character."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\ufffd", lines.encode("utf-8", "replace").decode("utf-8"))


def one_line(text: str, longest: int) -> str:
    """For a title. Of a megabyte no more is read than may be kept."""
    begun = text[: 8 * longest]
    line = " ".join(clean(begun).split()) or "-"
    return line if len(line) <= longest and begun == text else line[: longest - 1] + "…"


def link_of(node: SyntaxTreeNode) -> str:
    """Where a link or an image leads; empty where that is no place to be led to."""
    address = str(node.attrs.get("href") or node.attrs.get("src") or "")
    return address if address.lower().startswith(_LINKED) else ""


def plain_text(node: SyntaxTreeNode) -> str:
    """All the words below *node*, in one line."""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return "".join(map(plain_text, node.children)) if node.children else node.content


def table_rows(table: SyntaxTreeNode) -> list[list[SyntaxTreeNode]]:
    """The cells, row by row. A head without words, as Markdown needs one above each table, is left out."""
    rows = [list(row.children) for part in table.children for row in part.children]
    return [row for row in rows if any(plain_text(cell).strip() for cell in row)]


@dataclass(frozen=True, slots=True)
class Fitted(Generic[T]):
    value: T
    was_cut: bool


def fitted(markdown: str, render: Callable[[str], T], size: Callable[[T], int], limit: int) -> Fitted[T]:
    """
    *markdown* rendered, or as much of its beginning as has a *size* of at most *limit*. It is the source that is cut,
    so that what is left is whole in any language.
    """
    if len(markdown) <= limit:
        whole = render(markdown)
        if size(whole) <= limit:
            return Fitted(whole, was_cut=False)
    low, high, best = 0, min(len(markdown), limit), render("")
    while high - low > max(limit // 100, 1):
        middle = (low + high) // 2
        found = render(_beginning(markdown, middle))
        if size(found) <= limit:
            low, best = middle, found
        else:
            high = middle
    return Fitted(best, was_cut=True)


def _beginning(markdown: str, length: int) -> str:
    """At most *length* characters, to the end of a line if one is near."""
    end = markdown.rfind("\n", length * 3 // 4, length)
    return markdown[: end if end > 0 else length]
