"""A ticket in somebody's tracker as we have to know it, and what a tracker must be able to do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, runtime_checkable

from monitor.ledger.records import Effect
from monitor.outlets.outlet import Attachment, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """
    What the ticket itself remembers of us, where people do not see it: which effect it took last, and what we did.

    Attributes:
        order, key: Of the last effect that was applied; 0 and empty before.
        closed: Whether we closed it. A ticket that is closed and not by us was closed by a person.
        told: Whether we said there that a person's closing is respected.
        title: As we last wrote it; what is there now is a person's if it differs.
        severity: As it was when we last wrote.
        said: Of our last comment, so that the same words are not said twice.
        merged: The ticket that this one is a duplicate of.
    """

    incident: str = ""
    order: int = 0
    key: str = ""
    closed: bool = False
    told: bool = False
    title: str = ""
    severity: str = ""
    said: str = ""
    merged: str = ""

    def has_applied(self, effect: Effect) -> bool:
        """Effects of one incident and outlet come in order, so the last one stands for all before it."""
        return self.incident == effect.incident and (effect.order < self.order or effect.key == self.key)

    def after(self, effect: Effect, message: Message, title: str) -> Mark:
        return replace(
            self,
            incident=effect.incident,
            order=effect.order,
            key=effect.key,
            title=title,
            severity=message.severity,
            said=digest(message.update),
        )

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, value: object) -> Mark:
        """Of whatever stands there: a mark that somebody broke is none."""
        if not isinstance(value, Mapping):
            return cls()
        kinds = {name: type(getattr(cls(), name)) for name in cls.__slots__}
        return cls(**{name: value[name] for name, kind in kinds.items() if type(value.get(name)) is kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """
    Attributes:
        id: What people call it and what the ledger keeps.
        place: Of those that it can be moved between, the one where it is: a project, a repository.
        born: Sorts the elder before the younger.
        title: As it stands there now.
        body: As it stands there now, in the tracker's own form.
        attached: Names of its files, where the tracker keeps some.
        lacks: What it was to have and has not, with the remedy.
    """

    id: str
    url: str
    is_closed: bool
    mark: Mark
    born: int
    place: str
    title: str = ""
    body: Any = None
    attached: frozenset[str] = frozenset()
    lacks: str = ""


class Tracker(Protocol):
    """
    Tickets over one connection. Each method is one step; all raise `Stopped`, and each may be repeated but `create` and
    `comment`.
    """

    place: str

    def create(self, message: Message, mark: Mark) -> Ticket:
        """With the mark's title, in one step."""
        ...

    def read(self, ticket: str) -> Ticket:
        """As it is now, never from an index."""
        ...

    def find(self, incident: str) -> list[str]:
        """The ids of an incident's tickets, as far as an index that may lag knows them."""
        ...

    def write(self, ticket: Ticket, message: Message, mark: Mark, *, is_title_ours: bool) -> str:
        """
        Our part of the body, and the mark; its title too where a person has not given another. What could not be
        rewritten, in words; mostly nothing.
        """
        ...

    def comment(self, ticket: Ticket, text: str, signature: str) -> None: ...

    def has_comment(self, ticket: Ticket, signature: str) -> bool: ...

    def close(self, ticket: Ticket) -> None: ...

    def reopen(self, ticket: Ticket) -> None: ...

    def tie(self, duplicate: Ticket, to: Ticket, mark: Mark) -> None:
        """Give the duplicate its mark, and a link to the other one where there are links."""
        ...


@runtime_checkable
class KeepsFiles(Protocol):
    """What a tracker is as well whose tickets have files."""

    def attach(self, ticket: Ticket, files: Sequence[Attachment]) -> None:
        """In one step. Raises Stopped."""
        ...


@runtime_checkable
class TellsAll(Protocol):
    """What a tracker is as well in which people talk: it is told each update, also those that became one effect."""

    def news(self, effect: Effect, message: Message, ticket: Ticket) -> str:
        """What its next comment says; empty when nothing is new. Raises Stopped."""
        ...


class Site(Protocol):
    """Where a tracker is reached."""

    host: str

    def open(self) -> AbstractContextManager[Tracker]: ...


LONGEST_TITLE: Final = 255
"""Characters: Jira's limit, the lowest of them."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def signature(effect: Effect, part: str = "") -> str:
    """Ends each comment of ours: by it a comment is found again whose answer was lost."""
    return f"(watchkeeper {effect.incident}/{effect.order}{part})"
