"""
Pages as tickets. Our mark stands in a column of its own (a text property), by which the data source is asked for an
incident's pages; whether a ticket is closed is another column's word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from monitor.config import Notion
from monitor.outlets.markup import notion as markup
from monitor.outlets.markup.text import fitted
from monitor.outlets.notion import box
from monitor.outlets.notion.schema import Schema
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.rest import Stopped, Talk
from monitor.outlets.ticket import Mark, Ticket

_LOOKED_THROUGH: Final = 50
_LONGEST_COMMENT: Final = 20_000  # characters; ten pieces of a hundred that are allowed


class NotionTickets:
    def __init__(self, talk: Talk, notion: Notion, schema: Schema) -> None:
        self.place = schema.source
        self._talk = talk
        self._notion = notion
        self._schema = schema

    def create(self, message: Message, mark: Mark) -> Ticket:
        first, rest = box.boxed(_markdown(message))
        page = {
            "parent": {"type": "data_source_id", "data_source_id": self.place},
            # Its own name never matters: every title has this id.
            "properties": {
                "title": {"title": [markup.span(mark.title)]},
                self._notion.mark: _text(_told(mark)),
                self._notion.status: {self._schema.status: {"name": self._schema.open}},
                **self._severity(message),
                **self._due(message),
            },
            "children": [first, *markup.from_markdown(message.notes)],
        }
        ticket = self._ticket(self._talk.send("POST", "/v1/pages", page))
        return self._filled(ticket, rest) if rest else ticket

    def _filled(self, ticket: Ticket, rest: list[markup.Block]) -> Ticket:
        try:
            for found in box.boxes(self._talk, ticket.id)[-1:]:
                box.fill(self._talk, found, rest)
        except Stopped as stopped:
            # The page is there, so it was created; its next update writes the whole.
            return replace(
                ticket, lacks=f"without the end of its text until its next update: {stopped.delivery.detail}"
            )
        return ticket

    def read(self, ticket: str) -> Ticket:
        page = self._talk.get(f"/v1/pages/{ticket}")
        if page.get("in_trash"):
            detail = "it lies in the trash"
            raise Stopped(Delivery(outcome=DeliveryOutcome.REFUSED, detail=detail), 410)
        return self._ticket(page)

    def find(self, incident: str) -> list[str]:
        asked = {
            "filter": {"property": self._notion.mark, "rich_text": {"starts_with": f"{incident} "}},
            "page_size": _LOOKED_THROUGH,
        }
        found = self._talk.search(f"/v1/data_sources/{self.place}/query", asked)["results"]
        # A copy that a person made has our mark as well, and another author.
        ours = [page for page in found if (page.get("created_by") or {}).get("id") == self._schema.us]
        return [str(page["id"]) for page in ours]

    def write(self, ticket: Ticket, message: Message, mark: Mark, *, is_title_ours: bool) -> str:
        box.write(self._talk, ticket.id, _markdown(message))
        # The mark comes last: it says that all of it is there.
        columns = {self._notion.mark: _text(_told(mark))} if self._notion.mark in ticket.body else {}
        if message.severity != ticket.mark.severity and self._notion.severity in ticket.body:
            columns |= self._severity(message)
        title = {"title": {"title": [markup.span(mark.title)]}} if is_title_ours else {}
        if columns or title:
            self._talk.send("PATCH", f"/v1/pages/{ticket.id}", {"properties": {**columns, **title}})
        return "" if columns else f"it has no property {self._notion.mark} there"

    def comment(self, ticket: Ticket, text: str, signature: str) -> None:
        """At the end of the page, where people read on; comments of Notion's own are hidden once resolved."""
        said = fitted(text, markup.from_lines, lambda _: 0, _LONGEST_COMMENT)
        end = [markup.span(f"\n{box.CUT}")] if said.was_cut else []
        spans = [*said.value, *end, markup.span(f"\n{signature}", annotations={"color": "gray"})]
        children = {"children": [markup.block("paragraph", spans)]}
        self._talk.send("PATCH", f"/v1/blocks/{ticket.id}/children", children)

    def has_comment(self, ticket: Ticket, signature: str) -> bool:
        return any(signature in words for words in box.paragraphs(self._talk, ticket.id))

    def close(self, ticket: Ticket) -> None:
        self._move(ticket, self._schema.closed)

    def reopen(self, ticket: Ticket) -> None:
        self._move(ticket, self._schema.open)

    def tie(self, duplicate: Ticket, to: Ticket, mark: Mark) -> None:  # noqa: ARG002 - the comment has its address
        self._talk.send("PATCH", f"/v1/pages/{duplicate.id}", {"properties": {self._notion.mark: _text(_told(mark))}})

    def _move(self, ticket: Ticket, option: str) -> None:
        name = self._notion.status
        if name not in ticket.body:
            detail = f"it was moved to where pages have no property {name}"
            raise Stopped(Delivery(outcome=DeliveryOutcome.REFUSED, detail=detail))
        status = {name: {ticket.body[name]["type"]: {"name": option}}}
        self._talk.send("PATCH", f"/v1/pages/{ticket.id}", {"properties": status})

    def _ticket(self, page: Any) -> Ticket:
        columns: Mapping[str, Any] = page["properties"]
        ident, parent = UUID(page["id"]), page["parent"]
        status = columns.get(self._notion.status) or {}
        option = (status.get(str(status.get("type"))) or {}).get("name")
        created = datetime.fromisoformat(page["created_time"]).timestamp()
        return Ticket(
            id=str(ident),
            url=str(page.get("url") or ""),
            is_closed=option in self._schema.all_closed,
            mark=_mark_of(columns.get(self._notion.mark)),
            # Instants are whole minutes there, and no two tickets may be of one age.
            born=(int(created) << 128) | ident.int,
            place=str(parent.get(str(parent["type"])) or ""),
            title=next((markup.text_of(c["title"]) for c in columns.values() if c["type"] == "title"), ""),
            body=columns,
        )

    def _due(self, message: Message) -> dict[str, Any]:
        return {self._notion.due: {"date": {"start": message.due}}} if self._notion.due and message.due else {}

    def _severity(self, message: Message) -> dict[str, Any]:
        if not self._notion.severity or not message.severity:
            return {}
        return {self._notion.severity: {"select": {"name": message.severity}}}


def _told(mark: Mark) -> str:
    """The incident stands first, for people and for the question."""
    return f"{mark.incident} {json.dumps(mark.as_json(), ensure_ascii=False)}"


def _mark_of(column: Any) -> Mark:
    text = markup.text_of(column.get("rich_text")) if isinstance(column, dict) else ""
    with suppress(ValueError, RecursionError):
        return Mark.from_json(json.loads(text.partition(" ")[2]))
    return Mark()


def _text(text: str) -> dict[str, Any]:
    return {"rich_text": markup.from_lines(text)}


def _markdown(message: Message) -> str:
    return f"> {message.degraded}\n\n{message.markdown}" if message.degraded else message.markdown
