"""
What a data source's columns are to us: one that holds our mark, one that says whether a ticket is closed, and maybe one
for the severity. Pure: the data source as Notion tells it goes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.config import Notion

_KINDS = ("status", "select")


class Unfit(Exception):
    """A person has to change the data source or the configuration first; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """
    Attributes:
        source: The data source's id.
        status: The kind of the column that says whether it is closed: status or select.
        open, closed: The options that we set.
        all_closed: Options that mean closed, whoever set them.
        has_mark: Whether the column for our mark is there.
    """

    source: str
    status: str
    open: str
    closed: str
    all_closed: frozenset[str]
    has_mark: bool = True
    us: str = field(default="", repr=False)
    """The id of our own user."""

    @classmethod
    def of(cls, source: Mapping[str, Any], notion: Notion, us: str) -> Schema:
        """Raises Unfit."""
        columns = source["properties"]
        status = _column(columns, notion.status, "Add it, of the type status, or name another one")
        mark = columns.get(notion.mark)
        if mark is not None and mark["type"] != "rich_text":
            raise Unfit(f"its property {notion.mark} is of the type {mark['type']}, not text: name another one")
        if notion.severity is not None:
            # A status takes only the options that it has; a select makes those that it lacks.
            _column(columns, notion.severity, "Add it, of the type select, or name another one", ("select",))
        if notion.due is not None:
            _column(columns, notion.due, "Add it, of the type date, or name another one", ("date",))
        opened, closed, all_closed = _options(columns[notion.status], notion)
        return cls(
            source=str(source["id"]),
            status=status,
            open=opened,
            closed=closed,
            all_closed=all_closed,
            has_mark=mark is not None,
            us=us,
        )


def _column(columns: Mapping[str, Any], name: str, remedy: str, kinds: tuple[str, ...] = _KINDS) -> str:
    kind = str(columns[name]["type"]) if name in columns else ""
    if kind in kinds:
        return kind
    found = f"is of the type {kind}, not {' or '.join(kinds)}" if kind else "is not there"
    raise Unfit(f"its property {name} {found}: {remedy}")


def _options(column: Mapping[str, Any], notion: Notion) -> tuple[str, str, frozenset[str]]:
    """By its groups where it has any: To-do, In progress, Complete. What is named in the configuration goes first."""
    if column["type"] == "select":
        closed = notion.closed or "Done"
        return notion.open or "In progress", closed, frozenset({closed})
    told = column["status"]
    names = {option["id"]: str(option["name"]) for option in told["options"]}
    groups = {
        str(group["name"]): [names[i] for i in group["option_ids"] if i in names] for group in told.get("groups") or ()
    }
    done = groups.get("Complete", [])
    going = groups.get("In progress", []) or groups.get("To-do", [])
    opened, closed = notion.open or next(iter(going), ""), notion.closed or next(iter(done), "")
    for key, name in (("open", opened), ("closed", closed)):
        if name not in names.values():
            what = f"has no option {name}" if name else f"has no group to tell by which option is {key}"
            raise Unfit(f"its property {notion.status} {what}: name one under {key}, of {', '.join(names.values())}")
    return opened, closed, frozenset({closed, *done})
