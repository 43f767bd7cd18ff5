"""Where GitHub is, who we are there, and a connection for each effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from monitor.config import Github
from monitor.outlets.github.tickets import GithubTickets
from monitor.outlets.http import Connection
from monitor.outlets.rest import Rest


class GithubSite:
    def __init__(
        self,
        github: Github,
        connect: Callable[[], Connection] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._github = github
        token = github.token.get_secret_value()
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            # The one that servers of one's own know too.
            "X-GitHub-Api-Version": "2022-11-28",
        }
        more = {} if connect is None else {"connect": connect}
        self._rest = Rest(github.url, headers, _words, secrets=(token,), now=now, **more)
        self.host = self._rest.host

    @contextmanager
    def open(self) -> Iterator[GithubTickets]:
        with self._rest.talk() as talk:
            yield GithubTickets(talk, self._github)


def _words(refusal: Any) -> str:
    """`{"message": ..., "errors": [{"message": ...} or {"field": ..., "code": ...}]}`"""
    parts = [str(refusal.get("message") or "")]
    for error in refusal.get("errors") or ():
        told = error.get("message") or f"{error.get('field')} {error.get('code')}" if isinstance(error, dict) else error
        parts.append(str(told))
    return "; ".join(part for part in parts if part)
