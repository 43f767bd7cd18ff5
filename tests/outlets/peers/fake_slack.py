"""As much of Slack's Web API as an incident's thread meets: a channel, its history, threads, metadata, its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faults import Asked, Peer

API = "https://slack.example/api"
CHANNEL = "C0INCIDENTS"
LONGEST_BLOCKS = 13_000
PAGE = 3
"""Messages of a page; Slack may give fewer than were asked for."""
REPLY_LAG = 5.0


@dataclass
class Posted:
    ts: str
    text: str
    blocks: list[Any]
    metadata: dict[str, Any] | None
    visible_at: float
    thread_ts: str = ""
    edits: int = 0

    @property
    def words(self) -> str:
        """All that a person reads in the blocks."""
        return "".join(words_of(self.blocks))


def words_of(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for one in value for text in words_of(one)]
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "text" else []
        return own + words_of(value.get("elements", []))
    return []


@dataclass
class FakeSlack(Peer):
    """
    Attributes:
        lag: Seconds until history knows a new message. Replies come behind as well, by REPLY_LAG at most.
        refuses: By method, the error that it answers.
        behind: Seconds that have passed since the request that is obeyed just now arrived.
        edited_within: Seconds after which a message cannot be edited any more.
    """

    lag: Callable[[], float] = lambda: 0.0
    refuses: dict[str, str] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=lambda: {"C0GENERAL00": "general", CHANNEL: "incidents"})
    posted: list[Posted] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    edited_within: float = float("inf")
    behind: float = 0.0

    def catch_up(self) -> None:
        """Each at its own instant: from then on it is under way to whoever asks."""
        due, self.later = (
            [one for one in self.later if one[0] <= self.now()],
            [o for o in self.later if o[0] > self.now()],
        )
        for at, asked in due:
            self.behind = self.now() - at
            self.obey(asked)
        self.behind = 0.0

    def obey(self, asked: Asked) -> tuple[int, Any]:
        method = asked.path.rpartition("/")[2]
        if error := self.refuses.get(method):
            return 200, {"ok": False, "error": error, "needed": "channels:history", "provided": "chat:write"}
        answer = {
            "auth.test": lambda _: {"url": "https://example.slack.example/", "user_id": "U1", "bot_id": "B1"},
            "users.conversations": self.conversations,
            "conversations.history": self.history,
            "conversations.replies": self.replies,
            "chat.postMessage": self.post,
            "chat.update": self.update,
        }[method](asked.query if asked.body is None else asked.body)
        return 200, {"ok": "error" not in answer, **answer}

    def conversations(self, query: Any) -> dict[str, Any]:
        return paged([{"id": id_, "name": name} for id_, name in self.channels.items()], query, 1)

    def history(self, query: Any) -> dict[str, Any]:
        if query["channel"] not in self.channels:
            return {"error": "channel_not_found"}
        only = query.get("latest") if query.get("latest") == query.get("oldest") else None
        found = [p for p in self._seen(only) if not p.thread_ts and p.ts not in self.deleted]
        if only is not None:
            assert query["inclusive"] == "true"
            found = [p for p in found if p.ts == only]
        return {"messages": [shown(p, query) for p in reversed(found)][: int(query["limit"])]}

    def replies(self, query: Any) -> dict[str, Any]:
        if query["ts"] in self.deleted:
            return {"error": "thread_not_found"}
        found = [p for p in self._seen(query["ts"]) if query["ts"] in (p.ts, p.thread_ts)]
        return paged([shown(p, query) for p in found], query, PAGE)

    def _seen(self, known: str | None) -> list[Posted]:
        """Whoever asks for a message by its own ts is answered, however young it is."""
        return [p for p in self.posted if p.visible_at <= self.now() or p.ts == known]

    def post(self, body: Any) -> dict[str, Any]:
        if error := self._wrong(body):
            return {"error": error}
        if body.get("thread_ts") in self.deleted:
            return {"error": "thread_not_found"}
        assert (body["parse"], body["link_names"], body["unfurl_links"]) == ("none", False, False)
        lag = min(self.lag(), REPLY_LAG) if body.get("thread_ts") else self.lag()
        ts = f"{1_772_366_400 + int(self.now())}.{len(self.posted):06d}"
        self.posted.append(
            Posted(
                ts,
                body["text"],
                body["blocks"],
                body["metadata"],
                self.now() - self.behind + lag,
                body.get("thread_ts", ""),
            )
        )
        return {"channel": body["channel"], "ts": ts, "message": {"text": body["text"]}}

    def update(self, body: Any) -> dict[str, Any]:
        if error := self._wrong(body):
            return {"error": error}
        found = next((p for p in self.posted if p.ts == body["ts"] and p.ts not in self.deleted), None)
        if found is None:
            return {"error": "message_not_found"}
        if self.now() - float(found.ts) + 1_772_366_400 > self.edited_within:
            return {"error": "edit_window_closed"}
        found.text, found.blocks, found.metadata = body["text"], body["blocks"], body["metadata"]
        found.edits += 1
        return {"channel": body["channel"], "ts": found.ts, "text": found.text}

    def _wrong(self, body: Any) -> str:
        if body["channel"] not in self.channels:
            return "channel_not_found"
        if len(body["text"].encode()) > 4_000:
            return "msg_too_long"
        if sum(len(text) for text in words_of(body["blocks"])) > LONGEST_BLOCKS:
            return "msg_blocks_too_long"
        fits = all(isinstance(text, str) and text for text in words_of(body["blocks"]))
        return "" if fits and body["text"] and elements_fit(body["blocks"]) else "invalid_blocks"

    # -- as people see it ---------------------------------------------------------------------------------------

    def parents(self, incident: str = "") -> list[Posted]:
        found = [p for p in self.posted if not p.thread_ts and p.ts not in self.deleted]
        return [p for p in found if not incident or p.metadata["event_payload"]["incident"] == incident]

    def thread(self, parent: Posted) -> list[Posted]:
        return [p for p in self.posted if p.thread_ts == parent.ts]


def elements_fit(blocks: list[Any]) -> bool:
    """As the reference of rich_text has it."""
    for block in blocks:
        if block["type"] != "rich_text":
            return False
        for part in block["elements"]:
            if part["type"] == "rich_text_list":
                if part["style"] != "bullet" or any(one["type"] != "rich_text_section" for one in part["elements"]):
                    return False
            elif part["type"] != "rich_text_section" or not part["elements"]:
                return False
    return bool(blocks)


def shown(posted: Posted, query: Any) -> dict[str, Any]:
    found = {"type": "message", "ts": posted.ts, "text": posted.text, "bot_id": "B1"}
    return found | ({"metadata": posted.metadata} if query.get("include_all_metadata") == "true" else {})


def paged(items: list[Any], query: Any, most: int) -> dict[str, Any]:
    size, start = min(int(query["limit"]), most), int(query.get("cursor", 0))
    more = str(start + size) if start + size < len(items) else ""
    name = "messages" if "ts" in query else "channels"
    return {name: items[start : start + size], "response_metadata": {"next_cursor": more}}
