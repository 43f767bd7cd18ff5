"""A Jira site: where it is, who we are there, and a connection for each effect."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from monitor.config import Jira
from monitor.outlets.http import Connection
from monitor.outlets.jira.dialect import Cloud, DataCenter, Dialect
from monitor.outlets.jira.tickets import JiraTickets
from monitor.outlets.rest import Rest


class JiraSite:
    def __init__(
        self,
        jira: Jira,
        connect: Callable[[], Connection] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jira = jira
        self._dialect: Dialect = Cloud() if jira.api == "cloud" else DataCenter()
        token = jira.token.get_secret_value()
        both = b64encode(f"{jira.user}:{token}".encode()).decode()
        # Without a user it is a personal access token, or one of OAuth 2.
        headers = {"Authorization": f"Basic {both}" if jira.user else f"Bearer {token}"}
        more = {} if connect is None else {"connect": connect}
        self._rest = Rest(jira.url, headers, _words, secrets=(token, both), now=now, **more)
        self.host = self._rest.host

    @contextmanager
    def open(self) -> Iterator[JiraTickets]:
        with self._rest.talk() as talk:
            yield JiraTickets(talk, self._jira, self._dialect)


def _words(refusal: Any) -> str:
    """`{"errorMessages": [...], "errors": {field: ...}}`, and what stands before Jira itself: `{"message": ...}`."""
    messages = [str(message) for message in refusal.get("errorMessages") or ()]
    messages += [f"{field}: {why}" for field, why in (refusal.get("errors") or {}).items()]
    return "; ".join(messages) or str(refusal.get("message") or "")
