"""What every outlet is: a name, a way to deliver one effect, and a way to ask whether it was delivered before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from monitor.ledger.records import Effect


class DeliveryOutcome(StrEnum):
    CONFIRMED = "confirmed"
    REFUSED = "refused"  # the other side will never take it (400, 404, 410, 413, 422): dead-letter
    UNAUTHORISED = "unauthorised"  # 401, 403: the outlet pauses with an alarm, and resumes
    RETRY = "retry"  # not taken, and surely not (408, 409, 425, 429, refused connection): try again later
    AMBIGUOUS = "ambiguous"  # may have been taken (timeout, reset, 5xx): reconcile by key before sending again


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    Attributes:
        detail: One line a person can act on; never holds a secret.
        external_id: The ticket's id; also where the effect was not taken and the ticket is there.
        retry_after: Seconds the other side asked us to wait.
        merged: Duplicates of the ticket that turned up, and were closed.
    """

    outcome: DeliveryOutcome
    detail: str = ""
    external_id: str = ""
    url: str = ""
    retry_after: float | None = None
    merged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    A ticket as it stands in its tracker, where people may have been at it.

    Attributes:
        external_id: What it is called there now.
        gone: That it is not there any more, and what follows, in words; empty while it is there.
        is_closed: None where a ticket is nothing that can be closed.
        by_us: Whether we closed it, as far as the ticket remembers.
        place: Where it was moved to; empty where it is where we make them.
        title: That a person gave it; empty while it has ours.
        merged: Duplicates of it that turned up, and were closed.
    """

    external_id: str
    gone: str = ""
    is_closed: bool | None = None
    by_us: bool = False
    place: str = ""
    title: str = ""
    merged: int = 0


@dataclass(frozen=True, slots=True)
class Attachment:
    """
    A file that belongs to a document.

    Attributes:
        suffix: Of its name, which begins as the document's own: `.ics`, `-errors.svg`.
        media_type: For outlets that must say what it is.
    """

    suffix: str
    media_type: str
    content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Where it stands by itself: `evidence-traffic.svg`, `document.ics`."""
        return self.suffix.removeprefix("-") if self.suffix.startswith("-") else f"document{self.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicNotice:
    """
    What the public is told of an incident: the newest text that was approved.

    Attributes:
        number: Of the approved texts of this incident, from 1: one text is published once.
        stage: As status pages call it: investigating, identified, monitoring or resolved.
        services: Ours that are affected, by their names.
        notify: Whether subscribers are sent a message.
        at: By the wall clock, when it was approved.
    """

    number: int
    title: str
    text: str
    stage: str
    services: tuple[str, ...]
    notify: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    What an effect says, composed from the ledger at the moment of sending: the state of now, never a stale text.

    Attributes:
        markdown: The whole ticket, for outlets that keep a document.
        update: The newest update alone, one short text, for outlets that keep a thread.
        updates: All of them, oldest first, where they are known.
        document: The same as JSON values, for outlets that speak to programs.
        status: The incident's state in a word.
        name: What a file of it is called; without one, by the number and the service.
        due: The day by which it is to be done, like 2026-12-01; empty where there is none.
        heading: What this document is, where it is no ticket that is open or closed.
        degraded: Set to a sentence when this goes out while the ledger cannot record it.
        attachments: For outlets that keep files.
        public: None before a text for the public was approved.
        notes: What people find below a new document, in Markdown, to write on; theirs from then on.
    """

    incident: str
    number: int
    service: str
    title: str
    severity: str
    status: str
    markdown: str
    update: str
    document: dict[str, object]
    name: str = ""
    due: str = ""
    heading: str = ""
    degraded: str = ""
    attachments: tuple[Attachment, ...] = ()
    notes: str = ""
    public: PublicNotice | None = None
    updates: tuple[str, ...] = ()


@runtime_checkable
class Tracked(Protocol):
    """An outlet whose tickets people share with us."""

    def look(self, incident: str, external_id: str) -> Found | Delivery:
        """How it stands there; a duplicate that turned up is merged. A Delivery when that cannot be told now."""
        ...


class Outlet(Protocol):
    @property
    def name(self) -> str: ...

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        """Send it. *external_id*: the ticket's id from an earlier confirmed effect, empty before. Never raises."""
        ...

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:
        """Was this very effect delivered already? None when it surely was not; AMBIGUOUS when that cannot be told."""
        ...
