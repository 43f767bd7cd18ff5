"""
Notion's blocks: JSON that cannot be broken out of, within the limits of one request
(https://developers.notion.com/reference/request-limits). An invalid address refuses the whole request, so a link is
made only of what is surely one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from monitor.outlets.markup.text import clean, link_of, parsed, plain_text, table_rows

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

Block = dict[str, Any]
Span = dict[str, Any]
"""A piece of rich text."""

MOST_CHILDREN: Final = 100
"""Blocks in one list of a request."""
MOST_SPANS: Final = 100
"""Pieces of one rich text."""
LONGEST_SPAN: Final = 2_000
"""UTF-16 code units of one piece, and characters of an address."""
BLOCK_COSTS: Final = 300
"""What a block adds to `size`: so many bytes, however little it says."""

_STYLES: Final = {"strong": "bold", "em": "italic", "s": "strikethrough"}


def from_markdown(markdown: str) -> list[Block]:
    """Blocks whose children have none: as deep as one request may be that puts them into a box."""
    return _blocks(parsed(markdown).children)


def from_lines(text: str) -> list[Span]:
    """Plain text, its lines kept."""
    return fitting(_spans(clean(text).strip("\n")))


def size(blocks: Sequence[Block]) -> int:
    """Bytes as JSON, and a toll for each block: what a request may hold is limited in both."""
    said = len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")).encode())
    return said + BLOCK_COSTS * sum(1 + len(children_of(block)) for block in blocks)


def children_of(block: Block) -> list[Block]:
    children = block[block["type"]].get("children", ())
    return list(children)


def block(kind: str, spans: Sequence[Span] = (), **more: object) -> Block:
    return {"type": kind, kind: {"rich_text": fitting(spans), **more}}


def span(text: str, **more: Any) -> Span:
    return {"type": "text", "text": {"content": text}, **more}


def text_of(spans: object) -> str:
    """The words of a rich text that somebody else may have written."""
    if not isinstance(spans, list):
        return ""
    return "".join(str(one.get("plain_text", "")) for one in spans if isinstance(one, dict))


def fitting(spans: Sequence[Span]) -> list[Span]:
    """What has too many pieces loses its emphasis and its links, and after a hundred full ones its end."""
    if len(spans) <= MOST_SPANS:
        return list(spans)
    return _spans("".join(one["text"]["content"] for one in spans))[:MOST_SPANS]


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> list[Block]:
    return [made for node in nodes for made in _block(node)]


def _block(node: SyntaxTreeNode) -> list[Block]:
    match node.type:
        case "heading":
            return [block(f"heading_{min(int(node.tag[1:]), 3)}", _inline(node))]
        case "table":
            return _table(node)
        case "bullet_list":
            return [_item("bulleted_list_item", item) for item in node.children]
        case "ordered_list":
            return [_item("numbered_list_item", item) for item in node.children]
    return _flat([node])


def _item(kind: str, item: SyntaxTreeNode) -> Block:
    first, *rest = item.children or (None,)
    spans = _inline(first) if first is not None and first.type == "paragraph" else []
    inner = _flat(rest if spans or first is None else item.children)[:MOST_CHILDREN]
    return block(kind, spans, **({"children": inner} if inner else {}))


def _flat(nodes: Iterable[SyntaxTreeNode]) -> list[Block]:
    """Without children: what nests deeper is told one after the other."""
    found: list[Block] = []
    for node in nodes:
        match node.type:
            case "paragraph":
                found.append(block("paragraph", _inline(node)))
            case "heading":
                found.append(block("paragraph", _spans(plain_text(node), {"bold": True})))
            case "blockquote":
                found += [
                    block("quote", one[one["type"]]["rich_text"])
                    for one in _flat(node.children)
                    if "rich_text" in one[one["type"]]
                ]
            case "list_item":
                first, *rest = _flat(node.children) or [block("paragraph")]
                found += [block("bulleted_list_item", first[first["type"]].get("rich_text", ())), *rest]
            case "fence" | "code_block":
                found.append(block("code", _spans(node.content.rstrip("\n")), language="plain text"))
            case "table":
                rows = table_rows(node)
                found += [block("paragraph", _spans(" | ".join(map(plain_text, row)))) for row in rows]
            case "hr":
                found.append({"type": "divider", "divider": {}})
            case _:
                found += _flat(node.children)
    return found


def _table(node: SyntaxTreeNode) -> list[Block]:
    rows = table_rows(node)
    width = min(max(map(len, rows), default=0), MOST_CHILDREN)
    has_head = bool(rows) and rows[0][0].type == "th"
    made = [[fitting(_inline(cell)) for cell in row[:width]] for row in rows]
    lines = [{"type": "table_row", "table_row": {"cells": [*cells, *([[]] * (width - len(cells)))]}} for cells in made]
    return [
        {
            "type": "table",
            "table": {
                "table_width": width,
                "has_column_header": has_head and begin == 0,
                "has_row_header": False,
                "children": lines[begin : begin + MOST_CHILDREN],
            },
        }
        for begin in range(0, len(lines), MOST_CHILDREN)
    ]


def _inline(node: SyntaxTreeNode, styles: dict[str, bool] | None = None, address: str = "") -> list[Span]:
    styles = styles or {}
    found: list[Span] = []
    for child in node.children:
        match child.type:
            case "inline":
                found += _inline(child, styles, address)
            case "softbreak":
                found += _spans(" ", styles)
            case "hardbreak":
                found += _spans("\n", styles)
            case "code_inline":
                found += _spans(child.content, {**styles, "code": True}, address)
            case "link":
                found += _inline(child, styles, _address(child))
            case "image":
                # Shown as a link: whoever opens the page must not ask an address of a target's choice.
                found += _spans(plain_text(child) or link_of(child), styles, _address(child))
            case "strong" | "em" | "s":
                found += _inline(child, {**styles, _STYLES[child.type]: True}, address)
            case _:
                found += _spans(child.content, styles, address)
    return found


def _address(node: SyntaxTreeNode) -> str:
    address = link_of(node)
    try:
        parts = urlsplit(address)
        is_one = bool(parts.hostname or parts.scheme == "mailto") and (parts.port is None or parts.port > 0)
    except ValueError:
        return ""
    plain = address.isascii() and address.isprintable() and not set(address) & set(' <>"{}|\\^`')
    return address if is_one and plain and len(address) <= LONGEST_SPAN else ""


def _spans(text: str, styles: dict[str, bool] | None = None, address: str = "") -> list[Span]:
    more: dict[str, Any] = {"annotations": styles} if styles else {}
    made = [span(piece, **more) for piece in _pieces(text)]
    if address:
        for one in made:
            one["text"]["link"] = {"url": address}
    return made


def _pieces(text: str) -> list[str]:
    """As long as a piece may be, also where a character takes two code units."""
    longest = LONGEST_SPAN if text.isascii() else LONGEST_SPAN // 2
    return [text[begin : begin + longest] for begin in range(0, len(text), longest)]
