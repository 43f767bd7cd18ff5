"""One question in datagrams under way: what it is, how far it has come, and where the time went."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol
from urllib.parse import urlsplit

from checks.exchange import Answer, TransportError
from checks.family import Family
from checks.result import Timings
from checks.stream import StreamAnswer, StreamRequest
from checks.urls import clip
from monitor.probing.hops import host_of, place


class NotAllowed(OSError):
    """What we may not do here: nobody's fault but our own. The text says what to do about it."""


class Asked(Protocol):
    """What every request in datagrams has."""

    @property
    def url(self) -> str: ...
    @property
    def timeout(self) -> float: ...
    @property
    def ip(self) -> Family | None: ...
    @property
    def source(self) -> str: ...


class Talk(Protocol):
    """
    What one protocol does with its datagrams, for one question.

    Attributes:
        awaited: In words that follow `waited for`.
    """

    @property
    def awaited(self) -> str: ...

    def open(self, family: socket.AddressFamily) -> socket.socket:
        """A socket that never blocks. Raises OSError, and NotAllowed of its kinds."""

    def datagram(self) -> bytes:
        """What is sent over the socket that was opened last."""

    def hear(self, made: socket.socket) -> bool:
        """Take one datagram; whether that was the answer. Raises OSError, and BlockingIOError where there is none."""

    def instead(self, address: str | None, timeout: float) -> StreamRequest | None:
        """What is asked over a connection, because datagrams will not do. *address*: of whoever has answered."""

    def told(self, answer: StreamAnswer) -> None:
        """What came of `instead`; without an error."""

    def answer(self, error: TransportError | None, **fields: Any) -> Answer:
        """Of these fields of `Answer`, and what was heard. An *error* of its own is what cannot be read."""


class Flight:
    """
    Instants are monotonic seconds, 0.0 where not reached.

    Attributes:
        named: When it was known whom to ask.
        first: When the answer came.
        addresses: Those that have not been tried.
        address: The one that was tried last.
        strays: Datagrams that came and were not the answer.
    """

    __slots__ = (
        "address", "addresses", "begun", "done", "first", "named", "port", "request", "socket", "strays", "talk",
        "where",
    )  # fmt: skip

    def __init__(self, request: Asked, talk: Talk, done: Callable[[Any], None], now: float) -> None:
        self.request = request
        self.talk = talk
        self.done = done
        self.begun = now
        self.named = self.first = 0.0
        self.port = urlsplit(request.url).port or 0
        self.where = place(request.url) if self.port else host_of(request.url)
        self.addresses: deque[tuple[socket.AddressFamily, str]] = deque()
        self.address: str | None = None
        self.socket: socket.socket | None = None
        self.strays = 0

    @property
    def deadline(self) -> float:
        return self.begun + self.request.timeout

    @property
    def awaited(self) -> str:
        if not self.named:
            return f"the name {clip(host_of(self.request.url))} to be resolved"
        return self.talk.awaited + (f"; {self.strays} datagrams that came are not it" if self.strays else "")

    def timings(self) -> Timings:
        now = monotonic()
        if not self.named:
            return Timings(name_lookup=now - self.begun)
        return Timings(name_lookup=self.named - self.begun, first_byte=(self.first or now) - self.named)

    def timings_with(self, later: Timings | None) -> Timings | None:
        """With what was asked over a connection afterwards."""
        if not self.first or later is None:
            return later
        return Timings(
            name_lookup=self.named - self.begun + later.name_lookup,
            connect=later.connect,
            tls=later.tls,
            first_byte=self.first - self.named + later.first_byte,
            transfer=later.transfer,
        )
