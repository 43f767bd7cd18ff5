"""
Messages of a WebSocket out of the bytes in which they come, and into those in which a client sends them. Pure.

Source: RFC 6455, 5 and 7.4. No extension is spoken, as none is offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from checks.urls import clip

_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_MASKED, _LENGTH = 0x80, 0x7F
_MOST_OF_CONTROL: Final = 125

NORMAL_CLOSURE: Final = 1000
_CODES: Final = {
    NORMAL_CLOSURE: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1007: "invalid payload",
    1008: "policy violation",
    1009: "message too big",
    1010: "extension missing",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
    3000: "unauthorized",
    3003: "forbidden",
    3008: "timeout",
}


class Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


_KNOWN: Final = frozenset(Opcode)


class Violation(Exception):
    """What the protocol forbids, in words that follow the name of who did it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, or a control frame; *opcode* is no CONTINUATION."""

    opcode: Opcode
    payload: bytes

    @property
    def text(self) -> str:
        return self.payload.decode("utf-8", "replace")


MOST_FRAMES: Final = 20_000
"""Of one connection. Each costs some CPU, however short it is: a megabyte of the shortest would hold up all checks."""


class Reader:
    """What a server sends: its fragments are joined, and control frames between them come first."""

    def __init__(self, most: int) -> None:
        """*most*: bytes that one message may have."""
        self._most = most
        self._frames = 0
        self._rest = b""
        self._at = 0
        self._opcode: Opcode | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Message]:
        """
        The messages that *data* completes. Raises Violation behind those that came before it; the reader is of no more
        use then.
        """
        self._rest, self._at = self._rest[self._at :] + data, 0
        while (frame := self._take()) is not None:
            final, opcode, payload = frame
            self._frames += 1
            if self._frames > MOST_FRAMES:
                raise Violation(f"sent more than {MOST_FRAMES} frames")
            if opcode >= Opcode.CLOSE:
                yield Message(opcode, payload)
            elif (message := self._joined(final, opcode, payload)) is not None:
                yield message

    def _take(self) -> tuple[bool, Opcode, bytes] | None:
        data, at = self._rest, self._at
        if len(data) < at + 2:
            return None
        first, second = data[at], data[at + 1]
        final, number, length = bool(first & _FINAL), first & _OPCODE, second & _LENGTH
        if first & _RESERVED:
            raise Violation("used an extension that was not agreed on")
        if number not in _KNOWN:
            raise Violation(f"sent a frame of the unknown kind {number}")
        if second & _MASKED:
            raise Violation("masked a frame, which only clients may")
        if number >= Opcode.CLOSE and (length > _MOST_OF_CONTROL or not final):
            raise Violation(f"sent a {Opcode(number).name.lower()} that is fragmented or too long")
        wide = {126: 2, 127: 8}.get(length, 0)
        begin = at + 2 + wide
        if len(data) < begin:
            return None
        if wide:
            length = int.from_bytes(data[at + 2 : begin], "big")
        if number < Opcode.CLOSE and self._size + length > self._most:
            raise Violation(f"sent a message of more than {self._most} bytes")
        if len(data) < begin + length:
            return None
        self._at = begin + length
        return final, Opcode(number), data[begin : begin + length]

    def _joined(self, final: bool, opcode: Opcode, payload: bytes) -> Message | None:
        begins = opcode is not Opcode.CONTINUATION
        if begins is (self._opcode is not None):
            raise Violation("began a message before the last one had ended" if begins else "went on with no message")
        if begins:
            self._opcode = opcode
        self._parts.append(payload)
        self._size += len(payload)
        if not final or self._opcode is None:
            return None
        message = Message(self._opcode, b"".join(self._parts))
        self._opcode, self._parts, self._size = None, [], 0
        if message.opcode is Opcode.TEXT:
            _decoded(message.payload, "a text message")
        return message


def frame(opcode: Opcode, payload: bytes, mask: bytes) -> bytes:
    """One whole message as a client sends it. *mask*: four bytes that nobody can foresee (RFC 6455, 10.3)."""
    size = len(payload)
    if size < 126:
        length = bytes([_MASKED | size])
    elif size < 65536:
        length = bytes([_MASKED | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([_MASKED | 127]) + size.to_bytes(8, "big")
    return bytes([_FINAL | opcode]) + length + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """And unmasked, if it is."""
    whole = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")


def closing(payload: bytes) -> str:
    """`1001 (going away): 'maintenance'`: why the other side closes. Raises Violation."""
    if not payload:
        return "no reason"
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not (code in _CODES or 3000 <= code < 5000):
        raise Violation(f"closed with {code}, which is no code to close with")
    words = _decoded(payload[2:], "a reason to close")
    named = f"{code} ({_CODES[code]})" if code in _CODES else str(code)
    return f"{named}: {clip(words)!r}" if words else named


def _decoded(payload: bytes, what: str) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise Violation(f"sent {what} that is not UTF-8") from None
