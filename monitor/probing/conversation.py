"""One conversation under way: where it stands, what it waits for, and what became of it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from checks.exchange import Answer, TransportError
from checks.result import Timings
from checks.stream import Certificate, StreamAnswer, StreamRequest
from checks.urls import clip
from monitor.probing.dialogue import Next
from monitor.probing.failures import phases
from monitor.probing.hops import place

Done = Callable[[Answer], None]


class Talk(Protocol):
    """
    What is said and heard, as `Dialogue` decides it of lines.

    Attributes:
        said: What the target has said, as evidence.
        groups: Of what was expected last and came, the whole first.
        failed: Why it cannot go on, in words that follow the target's name.
        leaving: Whether all that was asked has been answered. What comes then is the goodbye, and changes nothing.
        awaited: In words that follow `waited for`.
        said_too_early: See `Dialogue`.
    """

    @property
    def said(self) -> bytes: ...
    @property
    def groups(self) -> tuple[str, ...]: ...
    @property
    def failed(self) -> TransportError | None: ...
    @property
    def leaving(self) -> bool: ...
    @property
    def awaited(self) -> str: ...
    @property
    def said_too_early(self) -> bool: ...
    def next(self) -> Next: ...
    def sending(self) -> bytes: ...
    def secured(self) -> None: ...
    def hear(self, data: bytes) -> None: ...
    def closed(self) -> None: ...


class Stream:
    """
    One conversation under way. Instants are monotonic seconds, 0.0 where not reached.

    Attributes:
        left: When all was answered, and the goodbye began.
        fell_back: Whether the addresses of the family that is not preferred were asked for.
    """

    __slots__ = (
        "address", "begun", "certificates", "connected", "dialogue", "done", "fell_back", "first", "interest", "left",
        "named", "protocol", "request", "shaking_since", "shook", "socket", "unsent", "where",
    )  # fmt: skip

    def __init__(self, request: StreamRequest, talk: Talk, done: Done, now: float) -> None:
        self.request = request
        self.done = done
        self.begun = now
        self.named = self.connected = self.first = self.left = 0.0
        self.shaking_since = self.shook = 0.0
        self.where = place(request.url) if request.url.startswith("tcp:") else clip(request.url)
        self.socket: socket.socket | None = None
        self.address: str | None = None
        self.dialogue = talk
        self.unsent = b""
        self.interest = 0
        self.fell_back = False
        self.certificates: tuple[Certificate, ...] = ()
        self.protocol = ""

    @property
    def deadline(self) -> float:
        return self.begun + self.request.timeout

    @property
    def awaited(self) -> str:
        if self.shaking_since:
            return f"the TLS handshake with {self.where}"
        if self.unsent:
            return f"{self.where} to take what we send"
        return self.dialogue.awaited

    @property
    def silent(self) -> bool:
        return not self.first and not self.shook

    def answer(self, error: TransportError | None) -> StreamAnswer:
        """What became of it by now."""
        return StreamAnswer(
            body=self.dialogue.said,
            timings=self._timings(self.left or monotonic()),
            address=self.address,
            url=self.request.url,
            error=error,
            groups=self.dialogue.groups,
            certificates=self.certificates,
            protocol=self.protocol,
        )

    def _timings(self, now: float) -> Timings:
        if not self.connected:
            named = self.named - self.begun if self.named else 0.0
            return phases((named, 0.0, 0.0, 0.0, now - self.begun), False, False)
        named, connect = self.named - self.begun, self.connected - self.named
        tls = self.shook + (now - self.shaking_since if self.shaking_since else 0.0)
        rest = max(0.0, now - self.connected - tls)
        if not self.request.listens:
            rest = 0.0  # nothing was waited for; what is left is ours
        ready = self.connected + (0.0 if self.request.secures_itself else tls)
        first = min(rest, max(0.0, self.first - ready)) if self.first else rest
        return Timings(
            name_lookup=max(0.0, named), connect=max(0.0, connect), tls=tls, first_byte=first, transfer=rest - first
        )
