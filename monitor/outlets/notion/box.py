"""
Our part of a page: one box (a callout), and everything outside of it is people's.

Blocks cannot be exchanged in one step. So the new box is put behind the old one before that is taken away: whatever
breaks off in between leaves a text that is whole, and the next writing takes away all boxes but its own.
"""

from __future__ import annotations

from typing import Any, Final

from monitor.outlets.markup import notion
from monitor.outlets.markup.notion import Block
from monitor.outlets.markup.text import fitted
from monitor.outlets.rest import Stopped, Talk

BEGIN: Final = "Watchkeeper writes in this box. What stands outside of it is yours and is kept."
CUT: Final = "Cut here: there is no room for more. The whole is shown by: monitor incident show"
LIMIT: Final = 150_000
"""As `notion.size` counts: at most 500 blocks, which are five requests, each far below the 500 kB that are allowed."""
_MOST_PAGES: Final = 20
_GONE: Final = (404, 410)


def boxed(markdown: str) -> tuple[Block, list[Block]]:
    """The box with as much as one request may hold, and what is to follow."""
    ours = fitted(markdown, notion.from_markdown, notion.size, LIMIT)
    blocks = ours.value
    if ours.was_cut:
        blocks = [*blocks, notion.block("paragraph", [notion.span(CUT)])]
    more = {"icon": {"type": "emoji", "emoji": "📟"}, "children": blocks[: notion.MOST_CHILDREN]}
    head = [notion.span(BEGIN, annotations={"italic": True})]
    return notion.block("callout", head, **more), blocks[notion.MOST_CHILDREN :]


def write(talk: Talk, page: str, markdown: str) -> None:
    old = boxes(talk, page)
    box, rest = boxed(markdown)
    place = {"position": {"type": "after_block", "after_block": {"id": old[-1]}}} if old else {}
    made = talk.send("PATCH", f"/v1/blocks/{page}/children", {"children": [box], **place})
    fill(talk, str(made["results"][0]["id"]), rest)
    for block in old:
        try:
            talk.send("DELETE", f"/v1/blocks/{block}")
        except Stopped as stopped:
            if stopped.status not in _GONE:
                raise


def fill(talk: Talk, box: str, rest: list[Block]) -> None:
    for begin in range(0, len(rest), notion.MOST_CHILDREN):
        talk.send("PATCH", f"/v1/blocks/{box}/children", {"children": rest[begin : begin + notion.MOST_CHILDREN]})


def boxes(talk: Talk, page: str) -> list[str]:
    """Ids of our boxes on it, from the top; mostly one."""
    return [str(block["id"]) for block in _children(talk, page) if _is_ours(block)]


def paragraphs(talk: Talk, page: str) -> list[str]:
    """What each says that stands on it."""
    told = [block["paragraph"] for block in _children(talk, page) if block.get("type") == "paragraph"]
    return [notion.text_of(one.get("rich_text")) for one in told]


def _children(talk: Talk, page: str) -> list[Any]:
    """All of them, though they come by the hundred."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        answer = talk.get(f"/v1/blocks/{page}/children", page_size=100, **cursor)
        found += answer["results"]
        if not answer.get("has_more"):
            break
        cursor = {"start_cursor": str(answer["next_cursor"])}
    return found


def _is_ours(block: Any) -> bool:
    return block.get("type") == "callout" and notion.text_of(block["callout"].get("rich_text")).startswith(BEGIN)
