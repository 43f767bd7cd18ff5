"""A body that comes in chunks, each with its size before it. Pure; as strict and as lenient as libcurl."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, Protocol

from monitor.probing.failures import RECV_ERROR, TOO_LARGE

_HEX: Final = re.compile(rb"[0-9a-fA-F]*")
_LONGEST_SIZE: Final = 17  # digits
_BIGGEST: Final = 2**63 - 1
_LONGEST_TRAILER: Final = 4093
_MALFORMED: Final = "Malformed encoding found in chunked-encoding"


class Sink(Protocol):
    """What becomes of it; each says True when the answer is over."""

    def take(self, piece: bytes) -> bool: ...
    def take_trailer(self, line: bytes) -> bool: ...
    def fail(self, code: int, message: str) -> bool: ...


class _Part(Enum):
    """What the next byte belongs to."""

    SIZE = auto()
    EXTENSION = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()  # the beginning of a line of them
    TRAILER = auto()
    TRAILER_END = auto()
    LAST = auto()  # the line feed of the empty line behind them


class Chunks:
    """
    Attributes:
        ended: Where in the last data the body was over.
    """

    __slots__ = ("_left", "_part", "_rest", "ended")

    def __init__(self) -> None:
        self.ended = 0
        self._part = _Part.SIZE
        self._left = 0
        self._rest = b""

    def feed(self, sink: Sink, data: bytes, at: int) -> bool:
        """Take *data* from *at* on; True when the answer is over, for better or worse."""
        while at < len(data):
            at = _STEPS[self._part](self, sink, data, at)
            if at < 0:
                return True
        return False

    # Each step takes data from *at* on and returns where it left off, -1 when the answer is over.

    def _size(self, sink: Sink, data: bytes, at: int) -> int:
        found = _HEX.match(data, at)
        digits = found[0] if found else b""
        at += len(digits)
        self._rest += digits
        if len(self._rest) > _LONGEST_SIZE:
            return _give_up(sink, f"chunk hex-length longer than {_LONGEST_SIZE}")
        if at == len(data):
            return at
        if not self._rest:
            return _give_up(sink, f"chunk hex-length char not a hex digit: 0x{data[at]:x}")
        self._left = int(self._rest, 16)
        if self._left > _BIGGEST:
            return _give_up(sink, f"invalid chunk size: '{self._rest.decode()}'")
        self._rest = b""
        self._part = _Part.EXTENSION
        return at

    def _extension(self, _sink: Sink, data: bytes, at: int) -> int:
        end = data.find(b"\n", at) + 1
        if end == 0:
            return len(data)
        self._part = _Part.DATA if self._left else _Part.TRAILERS
        return end

    def _data(self, sink: Sink, data: bytes, at: int) -> int:
        piece = data[at : at + self._left]
        if sink.take(piece):
            return -1
        self._left -= len(piece)
        if not self._left:
            self._part = _Part.DATA_END
        return at + len(piece)

    def _data_end(self, sink: Sink, data: bytes, at: int) -> int:
        if data[at] == 10:
            self._part = _Part.SIZE
        elif data[at] != 13:
            return _give_up(sink, _MALFORMED)
        return at + 1

    def _trailers(self, _sink: Sink, data: bytes, at: int) -> int:
        if data[at] == 13:
            self._part = _Part.LAST
            return at + 1
        self._part = _Part.LAST if data[at] == 10 else _Part.TRAILER
        return at

    def _trailer(self, sink: Sink, data: bytes, at: int) -> int:
        ends = [end for end in (data.find(b"\r", at), data.find(b"\n", at)) if end >= 0]
        end = min(ends, default=len(data))
        self._rest += data[at:end]
        if len(self._rest) > _LONGEST_TRAILER:
            sink.fail(TOO_LARGE, "Out of memory in chunked-encoding")
            return -1
        if not ends:
            return end
        line, self._rest = self._rest, b""
        self._part = _Part.TRAILER_END
        if sink.take_trailer(line):
            return -1
        return end + 1 if data[end] == 13 else end

    def _trailer_end(self, sink: Sink, data: bytes, at: int) -> int:
        if data[at] != 10:
            return _give_up(sink, _MALFORMED)
        self._part = _Part.TRAILERS
        return at + 1

    def _last(self, sink: Sink, data: bytes, at: int) -> int:
        self.ended = at + 1
        return -1 if data[at] == 10 else _give_up(sink, _MALFORMED)


_STEPS: Final = {
    _Part.SIZE: Chunks._size,
    _Part.EXTENSION: Chunks._extension,
    _Part.DATA: Chunks._data,
    _Part.DATA_END: Chunks._data_end,
    _Part.TRAILERS: Chunks._trailers,
    _Part.TRAILER: Chunks._trailer,
    _Part.TRAILER_END: Chunks._trailer_end,
    _Part.LAST: Chunks._last,
}


def _give_up(sink: Sink, message: str) -> int:
    sink.fail(RECV_ERROR, message)
    return -1
