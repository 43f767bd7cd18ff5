"""
A WebSocket over a conversation: the opening handshake, the messages of a script, and a goodbye. Decides; `stream.py`
acts.

Source: RFC 6455.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha1
from typing import Final
from urllib.parse import urlsplit

from checks.exchange import TransportError
from checks.http import status_text
from checks.patterns import Searches, SearchTooLong
from checks.result import Reason
from checks.stream import MAX_HEARD, Step, WebSocketRequest
from checks.urls import clip
from monitor.probing.dialogue import MAX_LINE, Next, filled
from monitor.probing.frames import NORMAL_CLOSURE, Message, Opcode, Reader, Violation, closing, frame
from monitor.probing.hops import Headers, ascii_url
from monitor.probing.http1 import Response
from monitor.probing.stream import Host, Streams
from monitor.probing.transfer import Stopped

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_SAID: Final = 16 * MAX_HEARD
"""Bytes that a target may say in one conversation: some begin with a snapshot of all they have."""
_EVIDENCE: Final = 4096  # bytes of the last messages that are kept as such


def websockets(host: Host) -> Streams:
    return Streams(host, WebSocket)


class WebSocket:
    """
    Attributes:
        groups: Of the last message that was expected and came, the message itself first.
        failed: Why it cannot go on.
        leaving: Whether the script is over, and nothing but the goodbye is left.
    """

    def __init__(
        self, request: WebSocketRequest, own_headers: Headers, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.groups: tuple[str, ...] = ()
        self.failed: TransportError | None = None
        self.leaving = False
        self.said_too_early = False
        self._script = request.script
        self._subprotocols = request.subprotocols
        self._random = random
        self._key = b64encode(random(16))
        self._out = _opening(request, own_headers, self._key)
        self._response: Response | None = Response(head=False, follows=False, max_body=MAX_HEARD)
        self._reader = Reader(MAX_SAID)
        self._messages: deque[str] = deque()
        self._searches = Searches()
        self._ending: TransportError | None = None
        self._at = 0
        self._heard = 0
        self._said = b""
        self._passed = ""
        self._closed = False

    @property
    def said(self) -> bytes:
        """The messages, one a line; of what did not become a WebSocket the body of its answer."""
        return bytes(self._response.body) if self._response is not None else self._said

    def next(self) -> Next:
        """What is due. Steps that what has been said fulfils are done on the way."""
        if self._out:
            return Next.SEND
        if self.failed is not None:
            return Next.OVER
        if self._response is not None:
            return Next.LISTEN
        while self._at < len(self._script):
            step = self._script[self._at]
            if self._ending is None and step.send is not None:
                return Next.SEND
            if step.send is not None or not self._fulfilled(step):
                return self._stuck()
            self._at += 1
        if not self.leaving:
            self.leaving = True
            if self._ending is None:
                self._out = self._frame(Opcode.CLOSE, NORMAL_CLOSURE.to_bytes(2, "big"))
                return Next.SEND
        return Next.OVER if self._ending is not None else Next.LISTEN

    def sending(self) -> bytes:
        if self._out:
            out, self._out = self._out, b""
            return out
        text = filled(self._script[self._at].send or b"", self.groups)
        self._at += 1
        return self._frame(Opcode.TEXT, text)

    def secured(self) -> None:
        """Nothing of this begins in the clear to be secured later."""

    def hear(self, data: bytes) -> None:
        self._heard += len(data)
        if self._response is not None:
            data = self._answered(self._response, data)
        if self._response is None and data:
            self._take(data)

    def closed(self) -> None:
        """The target says nothing more."""
        if self._response is None:
            self._end(Reason.RESET, "hung up without closing the WebSocket")
        elif self.failed is None:
            words = "before it had answered the opening handshake" if self._heard else "without a word"
            self._fail(Reason.RESET, f"closed the connection {words}")

    @property
    def awaited(self) -> str:
        if self._response is not None:
            return "its answer to the opening handshake"
        step = self._script[self._at] if self._at < len(self._script) else Step()
        passed = f"; the last message was {self._passed!r}" if self._passed else ""
        return f"a message that matches {step.expect}{passed}"

    def _answered(self, response: Response, data: bytes) -> bytes:
        """What came behind the answer to the opening handshake."""
        over = response.feed(data)
        status = response.status or 0
        if response.code:
            self._fail(Reason.PROTOCOL, f"does not speak HTTP as it should: {clip(response.message)}")
        elif response.stopped is Stopped.HEADERS:
            self._fail(Reason.PROTOCOL, "sent too many headers, or too long ones")
        elif status >= 200 and (over or response.headers_ended):
            self._fail(Reason.STATUS, f"answered {status_text(status)}, wanted 101 Switching Protocols")
        elif status == 101 and response.headers_ended:
            self._judge(response.headers)
            self._response = None
            return bytes(response.body)
        return b""

    def _judge(self, headers: list[tuple[str, str]]) -> None:
        """RFC 6455, 4.1: what the answer must hold."""
        found: dict[str, str] = {}
        for name, value in headers:
            found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
        upgraded = found.get("upgrade", "").lower() == "websocket"
        if not upgraded or "upgrade" not in _words(found.get("connection", "").lower()):
            self._fail(Reason.PROTOCOL, "answered 101 without upgrading the connection to a WebSocket")
        elif found.get("sec-websocket-accept", "") != accept(self._key):
            self._fail(Reason.PROTOCOL, "answered 101 with a Sec-WebSocket-Accept that does not belong to our key")
        elif "sec-websocket-extensions" in found:
            self._fail(Reason.PROTOCOL, "answered with an extension that was not offered")
        else:
            self._judge_subprotocol(found.get("sec-websocket-protocol", ""))

    def _judge_subprotocol(self, chosen: str) -> None:
        offered = " or ".join(self._subprotocols)
        if chosen and chosen not in self._subprotocols:
            wanted = f", wanted {offered}" if offered else ", and none was offered"
            self._fail(Reason.HEADER, f"chose the subprotocol {clip(chosen)}{wanted}")
        elif self._subprotocols and not chosen:
            self._fail(Reason.HEADER, f"chose no subprotocol, wanted {offered}")

    def _take(self, data: bytes) -> None:
        if self._heard > MAX_SAID:  # at the goodbye as well: one that never stops would hold the loop
            self._end(Reason.BODY, f"said more than {MAX_SAID} bytes")
        try:
            for message in self._reader.feed(data):
                if self._ending is not None:
                    return  # nothing counts behind a goodbye
                self._take_message(message)
        except Violation as violation:
            self._end(Reason.PROTOCOL, str(violation))

    def _take_message(self, message: Message) -> None:
        if message.opcode is Opcode.CLOSE:
            self._end(Reason.BODY, f"closed the WebSocket with {closing(message.payload)}")
            if not self.leaving:
                self._out += self._frame(Opcode.CLOSE, message.payload[:2])
        elif self.leaving:
            return
        elif message.opcode is Opcode.PING:
            self._out += self._frame(Opcode.PONG, message.payload)
        elif message.opcode is not Opcode.PONG:
            self._messages.append(message.text[:MAX_LINE])
            self._said += (message.payload + b"\n")[: _EVIDENCE - len(self._said)]

    def _fulfilled(self, step: Step) -> bool:
        while self._messages:
            text = self._messages.popleft()
            try:
                found = self._searches.find(step.expect or "", text)
                refused = not found and step.refuse is not None and self._searches.find(step.refuse, text)
            except SearchTooLong as error:
                self._fail(Reason.BODY, f"said {clip(text)!r}: {error}")
                return False
            if found:
                self._passed = ""
                self.groups = (text, *(group or "" for group in found.groups()))
                return True
            if refused:
                self._fail(Reason.BODY, f"said {clip(text)!r}, wanted a message that matches {step.expect}")
                return False
            self._passed = clip(text)
        return False

    def _stuck(self) -> Next:
        """What the step that is due needs has not come, and may come no more."""
        if self.failed is None and self._ending is None:
            return Next.LISTEN
        if self.failed is None and self._ending is not None:
            waited = "had more to say" if self._script[self._at].send is not None else f"waited for {self.awaited}"
            self.failed = replace(self._ending, detail=f"{self._ending.detail}, where we {waited}")
        return Next.OVER

    def _end(self, reason: Reason, what: str) -> None:
        """Nothing more comes. Whether that is a failure depends on what has come before."""
        if self._ending is None:
            self._ending = TransportError(reason=reason, detail=what, before_any_byte=False)

    def _fail(self, reason: Reason, what: str) -> None:
        self.failed = TransportError(reason=reason, detail=what, before_any_byte=not self._heard)

    def _frame(self, opcode: Opcode, payload: bytes) -> bytes:
        return frame(opcode, payload, self._random(4))


def accept(key: bytes) -> str:
    """What proves that whoever answers has read *key* as a WebSocket's."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest()).decode()


def _opening(request: WebSocketRequest, own: Headers, key: bytes) -> bytes:
    """Raises ValueError where a header would smuggle in another, or the URL is none."""
    url = urlsplit(ascii_url(request.resource))
    lines = [
        ("Host", url.netloc),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key.decode()),
        ("Sec-WebSocket-Version", "13"),
    ]
    if request.subprotocols:
        lines.append(("Sec-WebSocket-Protocol", ", ".join(request.subprotocols)))
    named = {name.lower() for name, _ in request.headers}
    lines = [pair for pair in (*lines, *own) if pair[0].lower() not in named]
    lines += request.headers
    if any(character in f"{name}{value}" for name, value in lines for character in "\r\n\0"):
        raise ValueError("a header holds a line break")
    path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",")]
