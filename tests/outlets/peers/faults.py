"""A peer in this process: it answers as a server would, and fails when told to, before or after it has obeyed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from monitor.outlets.http import Answer, NoAnswer


class Fault(StrEnum):
    REFUSED = "refused"  # no connection
    BAD = "4xx"
    LIMITED = "429"
    BEFORE = "5xx before"
    AFTER = "5xx after applying"
    DROPPED = "applied and connection dropped"
    TORN = "applied and answer torn"
    TIMEOUT = "timeout"  # nothing was applied
    LATE = "timeout, applied later"


APPLIED = (Fault.AFTER, Fault.DROPPED, Fault.TORN)
LATE_BY = 20.0
"""Seconds after which a request is obeyed whose sender has given up."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    body: object = None

    @property
    def changes(self) -> bool:
        return self.method != "GET" and "/search" not in self.path and not self.path.endswith("/query")


@dataclass
class Peer:
    """
    Attributes:
        plan: For each request the fault it meets, or None.
        checked: Called with each request and its answer: the vendor's description of both.
    """

    now: Clock = field(default_factory=Clock)
    plan: Callable[[Asked], Fault | None] = lambda _asked: None
    checked: Callable[[Asked, int, object], None] = lambda _asked, _status, _document: None
    log: list[Asked] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    later: list[tuple[float, Asked]] = field(default_factory=list)

    def obey(self, asked: Asked) -> tuple[int, object]:
        """The status and the JSON of the answer."""
        raise NotImplementedError

    def headers_of(self, _document: object) -> Mapping[str, str]:
        """Of the answer, those that matter."""
        return {}

    def connect(self) -> Peer:
        return self

    def close(self) -> None:
        pass

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        form = headers.get("Content-Type", "").startswith("multipart/")
        asked = Asked(method, unquote(parts.path), query, (headers, body) if form else json.loads(body or b"null"))
        self.catch_up()
        fault = self.plan(asked)
        if fault is Fault.REFUSED:
            raise NoAnswer("NewConnectionError", never_left=True)
        self.log.append(asked)
        self.headers.append(headers)
        if fault is Fault.TIMEOUT:
            raise NoAnswer("ReadTimeout", never_left=False)
        if fault is Fault.LATE:
            self.later.append((self.now() + LATE_BY, asked))
            raise NoAnswer("ReadTimeout", never_left=False)
        if fault is Fault.BAD:
            return Answer(status=400, body=b'{"errorMessages": ["no"]}')
        if fault is Fault.LIMITED:
            return Answer(status=429, retry_after=5.0)
        if fault is Fault.BEFORE:
            return Answer(status=503)
        status, document = self.obey(asked)
        self.checked(asked, status, document)
        if fault is Fault.AFTER:
            return Answer(status=502)
        if fault is Fault.DROPPED:
            raise NoAnswer("RemoteDisconnected", never_left=False)
        if fault is Fault.TORN:
            return Answer(status=status, body=None)
        answered = b"" if document is None else json.dumps(document).encode()
        return Answer(status=status, headers=self.headers_of(document), body=answered)

    def catch_up(self) -> None:
        due = [asked for at, asked in self.later if at <= self.now()]
        self.later = [(at, asked) for at, asked in self.later if at > self.now()]
        for asked in due:
            self.obey(asked)
