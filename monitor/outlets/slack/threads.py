"""
Threads as tickets. The parent message is the ticket, and its metadata, which people do not see, holds the mark, so that
an edit of the message is a write of the mark. Each update is a reply whose metadata holds its signature.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from monitor.ledger.records import Effect
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.rest import Stopped
from monitor.outlets.slack.api import Api, Refused
from monitor.outlets.slack.blocks import Content, parent, reply
from monitor.outlets.slack.errors import UNCHANGEABLE
from monitor.outlets.slack.news import news
from monitor.outlets.ticket import Mark, Ticket, digest

INCIDENT: Final = "watchkeeper_incident"
UPDATE: Final = "watchkeeper_update"
_LOOKED_THROUGH: Final = 200
"""Messages of the channel, newest first. A thread that is looked for was begun minutes ago."""
_PAGE: Final = 200
_PAGES: Final = 50
_AS_IT_IS: Final = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
"""Nothing is made of a text that it does not say itself."""


@dataclass(frozen=True, slots=True)
class Home:
    """
    Attributes:
        url: Of the workspace.
        channel: Its id.
    """

    url: str
    channel: str


@dataclass(frozen=True, slots=True)
class Reply:
    """
    Attributes:
        thread: The ticket's id.
        told: The digest of the newest update in it.
    """

    thread: str
    signature: str
    told: str


class SlackThreads:
    """
    Args:
        said: The newest replies that Slack has confirmed to us: a page of replies may not know them yet.
    """

    place = ""  # a message cannot be moved

    def __init__(self, api: Api, home: Home, said: deque[Reply]) -> None:
        self._api = api
        self._home = home
        self._said = said
        self._telling = ""

    def create(self, message: Message, mark: Mark) -> Ticket:
        sent = {"channel": self._home.channel, **parent(message), **_AS_IT_IS, "metadata": _metadata(mark)}
        made = self._api.tell("chat.postMessage", sent)
        return self._ticket(str(made["channel"]), str(made["ts"]), mark)

    def read(self, ticket: str) -> Ticket:
        channel, _, ts = ticket.partition(":")
        found = self._api.ask(
            "conversations.history",
            channel=channel, oldest=ts, latest=ts, inclusive="true", limit=1, include_all_metadata="true",
        )["messages"]  # fmt: skip
        if not found or found[0].get("subtype") == "tombstone":
            gone = Delivery(outcome=DeliveryOutcome.REFUSED, detail=f"{ticket} is not there")
            raise Refused(gone, "message_not_found")
        return self._ticket(channel, ts, _mark_of(found[0]))

    def find(self, incident: str) -> list[str]:
        channel = self._home.channel
        found = self._api.ask(
            "conversations.history", channel=channel, limit=_LOOKED_THROUGH, include_all_metadata="true"
        )["messages"]
        return [f"{channel}:{message['ts']}" for message in found if _mark_of(message).incident == incident]

    def write(self, ticket: Ticket, message: Message, mark: Mark, *, is_title_ours: bool) -> str:  # noqa: ARG002 - nobody else can edit it
        try:
            self._edit(ticket, parent(message), mark)
        except Refused as refused:
            if refused.error not in UNCHANGEABLE:
                raise
            return "its first message stays as it is: let the app edit its messages, at any time"
        return ""

    def news(self, effect: Effect, message: Message, ticket: Ticket) -> str:
        told = {ticket.mark.said}
        if ticket.mark.order + 1 < effect.order:
            # What lies between was outdated before it was confirmed, and may have been posted all the same.
            told |= {reply.told for reply in self._said if reply.thread == ticket.id}
            told |= {str(_payload(message, UPDATE).get("told")) for message in self._replies(ticket)}
        self._telling = digest(message.update)
        return news(message, told)

    def comment(self, ticket: Ticket, text: str, signature: str) -> None:
        channel, _, ts = ticket.id.partition(":")
        metadata = {"event_type": UPDATE, "event_payload": {"key": signature, "told": self._telling}}
        sent = {"channel": channel, "thread_ts": ts, **reply(text), **_AS_IT_IS, "metadata": metadata}
        self._api.tell("chat.postMessage", sent)
        self._said.append(Reply(ticket.id, signature, self._telling))

    def has_comment(self, ticket: Ticket, signature: str) -> bool:
        return any(reply.signature == signature for reply in self._said) or any(
            _payload(message, UPDATE).get("key") == signature for message in self._replies(ticket)
        )

    def _replies(self, ticket: Ticket) -> Iterator[Any]:
        """Oldest first, as Slack gives them."""
        channel, _, ts = ticket.id.partition(":")
        cursor = ""
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            page = self._api.ask(
                "conversations.replies", channel=channel, ts=ts, limit=_PAGE, include_all_metadata="true", **more
            )
            yield from page["messages"]
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return
        # Better it waits than that it stands there twice.
        detail = f"{ticket.id} has more than {_PAGE * _PAGES} replies, and ours is not among the first"
        raise Stopped(Delivery(outcome=DeliveryOutcome.REFUSED, detail=detail))

    def close(self, ticket: Ticket) -> None:
        """It is what its mark says, which is written already."""

    def reopen(self, ticket: Ticket) -> None:
        """As `close`; its mark is written next."""

    def tie(self, duplicate: Ticket, to: Ticket, mark: Mark) -> None:
        self._edit(duplicate, reply(f"A duplicate. It goes on there: {to.url}"), replace(mark, closed=True))

    def _edit(self, ticket: Ticket, content: Content, mark: Mark) -> None:
        channel, _, ts = ticket.id.partition(":")
        sent = {"channel": channel, "ts": ts, **content, "parse": "none", "link_names": False}
        self._api.tell("chat.update", {**sent, "metadata": _metadata(mark)})

    def _ticket(self, channel: str, ts: str, mark: Mark) -> Ticket:
        bare = ts.replace(".", "")
        return Ticket(
            id=f"{channel}:{ts}",
            url=f"{self._home.url}/archives/{channel}/p{bare}",
            is_closed=mark.closed,
            mark=mark,
            born=int(bare),
            place=self.place,
            title=mark.title,
        )


def _metadata(mark: Mark) -> dict[str, object]:
    return {"event_type": INCIDENT, "event_payload": mark.as_json()}


def _mark_of(message: Any) -> Mark:
    return Mark.from_json(_payload(message, INCIDENT))


def _payload(message: Any, event_type: str) -> dict[str, Any]:
    """What we put beside a message; empty where it is somebody else's."""
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != event_type:
        return {}
    payload = metadata.get("event_payload")
    return payload if isinstance(payload, dict) else {}
