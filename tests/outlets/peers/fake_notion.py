"""As much of Notion as an incident's page meets: a data source, pages, their blocks, and a query that comes behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from faults import Asked, Peer

API = "https://api.notion.example"
SOURCE = str(UUID(int=0xD5))
DATABASE = str(UUID(int=0xDB))
BOT = str(UUID(int=0xB0))
PERSON = str(UUID(int=0xA1))


def columns() -> dict[str, Any]:
    names = {"a": "Not started", "b": "Doing", "c": "Done", "d": "Won't fix"}
    options = [{"id": ident, "name": name} for ident, name in names.items()]
    groups = [
        {"name": "To-do", "option_ids": ["a"]},
        {"name": "In progress", "option_ids": ["b"]},
        {"name": "Complete", "option_ids": ["c", "d"]},
    ]
    return {
        "Name": {"type": "title", "title": {}},
        "Status": {"type": "status", "status": {"options": options, "groups": groups}},
        "Watchkeeper": {"type": "rich_text", "rich_text": {}},
        "Severity": {"type": "select", "select": {"options": []}},
        "Due": {"type": "date", "date": {}},
    }


@dataclass
class Page:
    id: str
    properties: dict[str, Any]
    visible_at: float
    author: str = BOT
    source: str = SOURCE
    in_trash: bool = False

    @property
    def status(self) -> str:
        return str(self.properties["Status"]["status"]["name"])

    @property
    def title(self) -> str:
        return words(self.properties["title"]["title"])

    @property
    def mark(self) -> dict[str, Any]:
        return dict(json.loads(words(self.properties["Watchkeeper"]["rich_text"]).partition(" ")[2]))


@dataclass
class FakeNotion(Peer):
    """
    Attributes:
        lag: Seconds until the query knows a new page.
        columns: Of the data source, as Notion tells them.
        children: Blocks by whose they are, a page's or another block's.
    """

    lag: Callable[[], float] = lambda: 0.0
    columns: dict[str, Any] = field(default_factory=columns)
    sources: tuple[str, ...] = (SOURCE,)
    pages: list[Page] = field(default_factory=list)
    children: dict[str, list[Any]] = field(default_factory=dict)
    blocks: int = 0

    def sleep(self, seconds: float) -> None:
        self.now.seconds += seconds

    def obey(self, asked: Asked) -> tuple[int, Any]:
        path, body = asked.path, asked.body
        if path == "/v1/users/me":
            return 200, {"object": "user", "id": BOT, "type": "bot", "name": "Watchkeeper"}
        if path == f"/v1/databases/{DATABASE}":
            return 200, {"id": DATABASE, "data_sources": [{"id": source, "name": "Ops"} for source in self.sources]}
        if path == f"/v1/data_sources/{SOURCE}":
            if asked.method == "PATCH":
                new = {name: {"type": next(iter(kind)), **kind} for name, kind in body["properties"].items()}
                self.columns = self.columns | new
            return 200, {"object": "data_source", "id": SOURCE, "properties": self.columns}
        if path == f"/v1/data_sources/{SOURCE}/query":
            return self.query(body)
        if path == "/v1/pages":
            return self.create(body)
        found = re.fullmatch(r"/v1/(pages|blocks)/([0-9a-f-]{36})(/children)?", path)
        if found is None:
            return no(404, "object_not_found", "Could not find it.")
        if found[1] == "pages":
            return self.page(found[2], asked)
        if not found[3]:
            return self.delete(found[2])
        return self.append(found[2], body) if asked.method == "PATCH" else self.listed(found[2], asked)

    def create(self, body: Any) -> tuple[int, Any]:
        assert body["parent"] == {"type": "data_source_id", "data_source_id": SOURCE}
        problem = self.problem(body["properties"]) or unfit(body["children"])
        if problem:
            return no(400, "validation_error", problem)
        page = Page(str(UUID(int=0x1000 + len(self.pages))), {}, self.now() + self.lag())
        self.pages.append(page)
        page.properties = {"Status": {"type": "status", "status": {"name": "Not started"}}} | told(body["properties"])
        self.put(page.id, body["children"])
        return 200, shown(page)

    def page(self, ident: str, asked: Asked) -> tuple[int, Any]:
        page = next((page for page in self.pages if page.id == ident), None)
        if page is None:
            return no(404, "object_not_found", f"Could not find page with ID: {ident}.")
        if asked.method == "PATCH":
            if problem := self.problem(asked.body["properties"]):
                return no(400, "validation_error", problem)
            page.properties |= told(asked.body["properties"])
        return 200, shown(page)

    def query(self, body: Any) -> tuple[int, Any]:
        column, begin = body["filter"]["property"], body["filter"]["rich_text"]["starts_with"]
        if column not in self.columns:
            return no(400, "validation_error", f"Could not find property with name or id: {column}")
        found = [
            shown(page)
            for page in self.pages
            if page.visible_at <= self.now()
            and not page.in_trash
            and words(page.properties.get(column, {}).get("rich_text", [])).startswith(begin)
        ]
        return 200, {
            "object": "list",
            "results": found[: body["page_size"]],
            "has_more": len(found) > body["page_size"],
        }

    def append(self, parent: str, body: Any) -> tuple[int, Any]:
        if problem := unfit(body["children"]):
            return no(400, "validation_error", problem)
        if parent not in self.children:
            return no(404, "object_not_found", f"Could not find block with ID: {parent}.")
        place = None
        if "position" in body:
            assert body["position"]["type"] == "after_block"
            after = body["position"]["after_block"]["id"]
            place = next(n for n, block in enumerate(self.children[parent], 1) if block["id"] == after)
        return 200, {"object": "list", "results": self.put(parent, body["children"], place), "has_more": False}

    def put(self, parent: str, children: Any, place: int | None = None) -> list[Any]:
        made = []
        for block in children:
            self.blocks += 1
            kind = block["type"]
            inner = dict(block[kind])
            ident = str(UUID(int=0xB10C0000 + self.blocks))
            self.put(ident, inner.pop("children", []))
            if "cells" in inner:
                inner["cells"] = [read(cell) for cell in inner["cells"]]
            inner = {name: read(value) if name == "rich_text" else value for name, value in inner.items()}
            made.append({"object": "block", "id": ident, "type": kind, kind: inner})
        there = self.children.setdefault(parent, [])
        there[len(there) if place is None else place : len(there) if place is None else place] = made
        return made

    def listed(self, parent: str, asked: Asked) -> tuple[int, Any]:
        if parent not in self.children:
            return no(404, "object_not_found", f"Could not find block with ID: {parent}.")
        begin, size = int(asked.query.get("start_cursor", 0)), int(asked.query["page_size"])
        blocks = self.children[parent]
        more = begin + size < len(blocks)
        end = {"has_more": more, "next_cursor": str(begin + size) if more else None}
        return 200, {"object": "list", "results": blocks[begin : begin + size], **end}

    def delete(self, ident: str) -> tuple[int, Any]:
        for blocks in self.children.values():
            for block in blocks:
                if block["id"] == ident:
                    blocks.remove(block)
                    return 200, block
        return no(404, "object_not_found", f"Could not find block with ID: {ident}.")

    def problem(self, properties: Any) -> str:
        """What Notion says of properties that the data source does not have, or of too long a text."""
        for name, value in properties.items():
            if name != "title" and name not in self.columns:
                return f"{name} is not a property that exists."
            kind = "title" if name == "title" else self.columns[name]["type"]
            if set(value) != {kind}:
                return f"{name} is expected to be {kind}."
            if kind == "status" and value[kind]["name"] not in {o["name"] for o in self.columns[name][kind]["options"]}:
                return f'Status option "{value[kind]["name"]}" does not exist'
            if kind in ("title", "rich_text") and (wrong := unfit_text(value[kind])):
                return wrong
        return ""

    def said(self, page: Page) -> tuple[str, ...]:
        """The paragraphs of its own, from the top."""
        own = [block["paragraph"] for block in self.children[page.id] if block["type"] == "paragraph"]
        return tuple(words(one["rich_text"]) for one in own)

    def boxes(self, page: Page) -> list[str]:
        """The text of each box of ours."""
        own = [block["id"] for block in self.children[page.id] if block["type"] == "callout"]
        return [" ".join(self.read_all(ident)) for ident in own]

    def read_all(self, parent: str) -> list[str]:
        found = []
        for block in self.children[parent]:
            inner = block[block["type"]]
            found.append(words(inner.get("rich_text", [span for cell in inner.get("cells", ()) for span in cell])))
            found += self.read_all(block["id"])
        return found


def unfit(children: Any, depth: int = 1) -> str:
    """The limits of one request: https://developers.notion.com/reference/request-limits"""
    if len(children) > 100:
        return f"body.children.length should be ≤ `100`, instead was `{len(children)}`."
    if children and depth > 3:
        return "children of children of children are not allowed"
    for block in children:
        inner = block[block["type"]]
        if wrong := unfit_text(inner.get("rich_text", ())) or unfit(inner.get("children", ()), depth + 1):
            return wrong
        if block["type"] == "table":
            cells = [row["table_row"]["cells"] for row in inner["children"]]
            if any(len(row) != inner["table_width"] for row in cells):
                return "Number of cells in table row must match the table width"
            if wrong := next((w for row in cells for cell in row if (w := unfit_text(cell))), ""):
                return wrong
    return ""


def unfit_text(spans: Any) -> str:
    if len(spans) > 100:
        return f"rich_text.length should be ≤ `100`, instead was `{len(spans)}`."
    for span in spans:
        content, link = span["text"]["content"], span["text"].get("link")
        if len(content.encode("utf-16-le")) > 4_000:
            return "text.content.length should be ≤ `2000`"
        if link is not None and not re.fullmatch(r"(https?://|mailto:)[!-~]{1,1990}", link["url"]):
            return "Invalid URL for link."
    return ""


def told(properties: Any) -> dict[str, Any]:
    found = {}
    for name, value in properties.items():
        kind = next(iter(value))
        found[name] = {"type": kind, kind: read(value[kind]) if kind in ("title", "rich_text") else value[kind]}
    return found


def read(spans: Any) -> list[Any]:
    return [{**span, "plain_text": span["text"]["content"]} for span in spans]


def words(spans: Any) -> str:
    return "".join(span["plain_text"] for span in spans)


def shown(page: Page) -> dict[str, Any]:
    return {
        "object": "page",
        "id": page.id,
        "created_time": "2026-03-01T12:00:00.000Z",
        "created_by": {"object": "user", "id": page.author},
        "in_trash": page.in_trash,
        "parent": {"type": "data_source_id", "data_source_id": page.source, "database_id": DATABASE},
        "properties": page.properties,
        "url": f"https://www.notion.example/{page.id.replace('-', '')}",
    }


def no(status: int, code: str, message: str) -> tuple[int, Any]:
    return status, {"object": "error", "status": status, "code": code, "message": message}
