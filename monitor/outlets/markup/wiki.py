"""Jira's wiki markup, in which Data Center keeps descriptions and comments: text, so every sign has to be escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from monitor.outlets.markup.text import clean, link_of, parsed, plain_text, table_rows

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

_AROUND: Final = {"strong": "*", "em": "_", "s": "-"}
_SIGN: Final = re.compile(
    r"[\\{}\[\]*?^~+!|#]"
    # Between two letters these mean nothing: orders_service and 2026-03-01 stay readable.
    r"|(?<![A-Za-z0-9])[-_]|[-_](?![A-Za-z0-9])"
    # Smileys, and signs in brackets.
    r"|[:;](?=[-DPp()\\])|\((?=[/x!iyn+?*-]\)|on\)|off\)|flag|\*[rgby]\))"
)
_LINE_START: Final = re.compile(r"^(\s*)(h[1-6]|bq)\.", re.MULTILINE)
_BREAK: Final = " \\\\ "


def from_markdown(markdown: str) -> str:
    return "\n\n".join(_blocks(parsed(markdown).children))


def from_lines(text: str) -> str:
    """Plain text, its lines kept."""
    return "\n".join(escaped(line) for line in clean(text).strip("\n").split("\n"))


def escaped(text: str) -> str:
    """As it is read, so that it means nothing: no macro, link, mention (`[~name]`), picture, smiley or emphasis."""
    return _LINE_START.sub(r"\1\2&#46;", _SIGN.sub(_escaped_sign, text))


def _escaped_sign(sign: re.Match[str]) -> str:
    # By its number, because two of them are a line break, and one before a letter stands for itself.
    return "&#92;" if sign[0] == "\\" else "\\" + sign[0]


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> list[str]:
    return [block for node in nodes if (block := _block(node))]


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            return f"{node.tag}. {escaped(plain_text(node))}"
        case "paragraph":
            return _inline(node)
        case "bullet_list" | "ordered_list":
            return "\n".join(_items(node, ""))
        case "blockquote":
            return "{quote}\n" + "\n\n".join(_blocks(node.children)) + "\n{quote}"
        case "fence" | "code_block":
            return "{noformat}\n" + _verbatim(node.content.rstrip("\n")) + "\n{noformat}"
        case "table":
            return _table(node)
        case "hr":
            return "----"
    return "\n\n".join(_blocks(node.children))


def _items(node: SyntaxTreeNode, above: str) -> list[str]:
    bullets = above + ("#" if node.type == "ordered_list" else "*")
    lines = []
    for item in node.children:
        inner = [child for child in item.children if child.type not in ("bullet_list", "ordered_list")]
        # An item is one line here: what stands in it as blocks is told as words.
        words = [_inline(child) if child.type == "paragraph" else escaped(_words(child)) for child in inner]
        lines.append(f"{bullets} {_BREAK.join(word for word in words if word) or '-'}")
        for child in item.children:
            if child.type in ("bullet_list", "ordered_list"):
                lines += _items(child, bullets)
    return lines


def _words(node: SyntaxTreeNode) -> str:
    return " ".join(plain_text(node).split())


def _table(node: SyntaxTreeNode) -> str:
    lines = []
    for row in table_rows(node):
        bar = "||" if row[0].type == "th" else "|"
        lines.append(bar + bar.join(f" {_inline(cell) or ' '} " for cell in row) + bar)
    return "\n".join(lines)


def _verbatim(text: str) -> str:
    # A zero-width space in the macro's name: the only thing that ends it.
    return text.replace("{noformat", "{\u200bnoformat")


def _inline(node: SyntaxTreeNode) -> str:
    parts = []
    for child in node.children:
        match child.type:
            case "inline":
                parts.append(_inline(child))
            case "softbreak":
                parts.append(" ")
            case "hardbreak":
                parts.append(_BREAK)
            case "code_inline":
                parts.append("{{" + escaped(child.content) + "}}")
            case "link" | "image":
                parts.append(_link(child))
            case "strong" | "em" | "s":
                sign = _AROUND[child.type]
                parts.append(f"{{{sign}}}{_inline(child)}{{{sign}}}")
            case _:
                parts.append(escaped(child.content))
    return "".join(parts)


def _link(node: SyntaxTreeNode) -> str:
    words, address = escaped(plain_text(node)), link_of(node)
    if not address:
        return words
    # What would end the link is written as URLs write it.
    address = re.sub(r"[\[\]|{}\s\\]", lambda found: f"%{ord(found[0]):02X}", address)
    return f"[{words}|{address}]" if words else f"[{address}]"
