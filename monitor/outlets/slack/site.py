"""Where Slack is, who we are there, which channel it is, and a connection for each effect."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from monitor.config import Slack
from monitor.outlets.http import Connection
from monitor.outlets.outlet import Delivery, DeliveryOutcome
from monitor.outlets.rest import Rest, Stopped, connection
from monitor.outlets.slack.api import Api
from monitor.outlets.slack.threads import Home, Reply, SlackThreads

PATIENCE: Final = 30.0
"""Seconds for which a thread is looked for before it is begun once more: a channel's history knows a message at once,
but a request whose answer we did not wait for may still be carried out."""
_PAGES: Final = 20
_ID: Final = re.compile(r"[CG][A-Z0-9]{8,}")


class SlackSite:
    """
    Args:
        connect: One connection for the requests of one effect.
        now: Seconds of a clock that is never set.
    """

    def __init__(
        self,
        slack: Slack,
        connect: Callable[[], Connection] = connection,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        token = slack.token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}"}
        self._rest = Rest(slack.url, headers, _words, secrets=(token,), connect=connect, now=now)
        self._channel = slack.channel
        self._home: Home | None = None
        self._said: deque[Reply] = deque(maxlen=1_000)
        self.host = self._rest.host

    @contextmanager
    def open(self) -> Iterator[SlackThreads]:
        with self._rest.talk() as talk:
            api = Api(talk)
            if self._home is None:
                self._home = self._found(api)
            yield SlackThreads(api, self._home, self._said)

    def _found(self, api: Api) -> Home:
        url = str(api.ask("auth.test")["url"]).rstrip("/")
        return Home(url, self._channel if _ID.fullmatch(self._channel) else self._id_of(api))

    def _id_of(self, api: Api) -> str:
        """Only channels that we are in: of others we could not read what we wrote there."""
        name, cursor = self._channel.removeprefix("#"), ""
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            page = api.ask(
                "users.conversations",
                types="public_channel,private_channel",
                exclude_archived="true",
                limit=200,
                **more,
            )
            for channel in page["channels"]:
                if channel["name"] == name:
                    return str(channel["id"])
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        detail = f"{self.host}: the app is in no channel called #{name}: invite it there, /invite @NAME"
        raise Stopped(Delivery(outcome=DeliveryOutcome.UNAUTHORISED, detail=detail))


def _words(refusal: Any) -> str:
    """`{"ok": false, "error": ...}`"""
    return str(refusal.get("error") or "")
