"""
The Atlassian Document Format, in which Jira Cloud keeps descriptions and comments: JSON that cannot be broken out of.
What may stand in what is the schema's (`@atlaskit/adf-schema`, full.json); the tests hold each document against it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from monitor.outlets.markup.text import clean, link_of, parsed, plain_text, table_rows

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

Node = dict[str, Any]

_MARKS: Final = {"strong": "strong", "em": "em", "s": "strike"}
_BREAK: Final[Node] = {"type": "hardBreak"}


def document(blocks: Iterable[Node]) -> Node:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def from_markdown(markdown: str) -> list[Node]:
    return _blocks(parsed(markdown).children)


def from_lines(text: str) -> list[Node]:
    """A paragraph of plain text, its lines kept."""
    inline: list[Node] = []
    for line in clean(text).strip("\n").split("\n"):
        inline += [*([_BREAK] if inline else []), *_text(line)]
    return [paragraph(inline)]


def paragraph(inline: Sequence[Node]) -> Node:
    return {"type": "paragraph", "content": list(inline)}


def marked(text: str, *marks: str) -> Node:
    """*text* is not empty."""
    return {"type": "text", "text": text, **({"marks": [{"type": mark} for mark in marks]} if marks else {})}


def size(value: object) -> int:
    """
    Characters as JSON. Jira limits a field to 32,767 characters and does not say whether of the text or of the
    document; what is small enough as JSON is small enough either way.
    """
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def text_of(node: Node) -> str:
    """All the words below a node that somebody else may have written."""
    if node.get("type") == "text":
        return str(node.get("text", ""))
    content = node.get("content")
    return "".join(text_of(child) for child in content if isinstance(child, dict)) if isinstance(content, list) else ""


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> list[Node]:
    return [block for node in nodes for block in _block(node)]


def _block(node: SyntaxTreeNode) -> list[Node]:
    match node.type:
        case "heading":
            return [{"type": "heading", "attrs": {"level": int(node.tag[1:])}, "content": _inline(node)}]
        case "blockquote":
            return [{"type": "blockquote", "content": _narrow(node.children) or [paragraph(())]}]
        case "table":
            return _table(node)
        case "hr":
            return [{"type": "rule"}]
    return _narrow([node])


def _narrow(nodes: Iterable[SyntaxTreeNode]) -> list[Node]:
    """What may stand in a quotation or a list: paragraphs, lists and code. Anything else becomes paragraphs."""
    found: list[Node] = []
    for node in nodes:
        match node.type:
            case "paragraph":
                found.append(paragraph(_inline(node)))
            case "heading":
                found.append(paragraph([*_text(plain_text(node), [{"type": "strong"}])]))
            case "bullet_list":
                found.append({"type": "bulletList", "content": _items(node)})
            case "ordered_list":
                start = int(node.attrs.get("start", 1))
                found.append({"type": "orderedList", "attrs": {"order": start}, "content": _items(node)})
            case "fence" | "code_block":
                found.append(_code(node))
            case "table":
                rows = table_rows(node)
                found += [paragraph(_text(" | ".join(plain_text(cell) for cell in row))) for row in rows]
            case _:
                found += _narrow(node.children)
    return found


def _items(node: SyntaxTreeNode) -> list[Node]:
    items = []
    for item in node.children:
        content = _narrow(item.children)
        if not content or content[0]["type"] not in ("paragraph", "codeBlock"):
            content.insert(0, paragraph(()))
        items.append({"type": "listItem", "content": content})
    return items


def _code(node: SyntaxTreeNode) -> Node:
    text = node.content.rstrip("\n")
    return {"type": "codeBlock", "content": [marked(text)] if text else []}


def _table(node: SyntaxTreeNode) -> list[Node]:
    rows = [
        {
            "type": "tableRow",
            "content": [
                {"type": "tableHeader" if cell.type == "th" else "tableCell", "content": [paragraph(_inline(cell))]}
                for cell in row
            ],
        }
        for row in table_rows(node)
    ]
    return [{"type": "table", "content": rows}] if rows else []


def _inline(node: SyntaxTreeNode, marks: Sequence[Node] = ()) -> list[Node]:
    found: list[Node] = []
    for child in node.children:
        match child.type:
            case "inline":
                found += _inline(child, marks)
            case "softbreak":
                found += _text(" ", marks)
            case "hardbreak":
                found.append(_BREAK)
            case "code_inline":
                # Next to code only a link may stand.
                found += _text(child.content, [*(m for m in marks if m["type"] == "link"), {"type": "code"}])
            case "link":
                found += _inline(child, _linked(child, marks))
            case "image":
                # Shown as a link: whoever opens the ticket must not ask an address of a target's choice.
                found += _text(plain_text(child) or link_of(child), _linked(child, marks))
            case "strong" | "em" | "s":
                mark = {"type": _MARKS[child.type]}
                found += _inline(child, [*(m for m in marks if m != mark), mark])
            case _:
                found += _text(child.content, marks)
    return found


def _linked(node: SyntaxTreeNode, marks: Sequence[Node]) -> list[Node]:
    address = link_of(node)
    rest = [mark for mark in marks if mark["type"] != "link"]
    return [*rest, {"type": "link", "attrs": {"href": address}}] if address else rest


def _text(text: str, marks: Sequence[Node] = ()) -> list[Node]:
    return [{"type": "text", "text": text, **({"marks": list(marks)} if marks else {})}] if text else []
