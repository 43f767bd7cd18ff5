"""
An HTTP/1.1 answer out of the bytes in which it comes. Pure: bytes in, what they mean out.

It is as strict, as lenient and as wordy as libcurl, which asks what is not plain HTTP: a target that gets a certificate
must not fail for another reason, or in other words.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from monitor.probing.chunks import Chunks
from monitor.probing.failures import (
    BAD_CONTENT_ENCODING,
    GOT_NOTHING,
    OK,
    PARTIAL_FILE,
    TOO_LARGE,
    UNSUPPORTED_PROTOCOL,
    WEIRD_SERVER_REPLY,
)
from monitor.probing.hops import REDIRECTS
from monitor.probing.transfer import MAX_HEADER_BYTES, Stopped

_DIGITS: Final = re.compile(r"[0-9]+")
_STATUS_LINE: Final = re.compile(rb"HTTP/(?:1\.[01]|[23](?:\.[0-9])?)[ \t]([0-9]{3})")
_BLANK: Final = b" \t"
_WHITE: Final = b" \t\r\n\v\f"
_MOST_HEADERS: Final = 5000
_BIGGEST: Final = 2**63 - 1
_TELLING: Final = frozenset({"content-length", "transfer-encoding", "connection", "location"})
"""Of these headers something follows for the rest of the answer."""


class _Part(Enum):
    """What the next byte belongs to."""

    STATUS = auto()
    HEADERS = auto()
    COUNTED = auto()  # a body of known length
    ENDLESS = auto()  # a body that ends with the connection
    CHUNKED = auto()


class Response:
    """
    Attributes:
        code, message: As libcurl would end; 0 while there is nothing to complain of.
        headers_ended: False in the middle of a block of headers.
        persists: Whether another request may follow on the same connection; to be asked when the answer is over.
    """

    __slots__ = (
        "_bodyless", "_chunked", "_chunks", "_closes", "_follows", "_head", "_header_bytes", "_left", "_length",
        "_located", "_location", "_max_body", "_part", "_rest", "_surplus", "body", "code", "headers", "headers_ended",
        "message", "status", "stopped",
    )  # fmt: skip

    def __init__(self, *, head: bool, follows: bool, max_body: int) -> None:
        """
        Args:
            head: Whether HEAD was asked: no body comes, whatever the headers say.
            follows: Whether a redirect ends with its headers.
        """
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.headers_ended = True
        self.body = bytearray()
        self.stopped = Stopped.NO
        self.code = OK
        self.message = ""
        self._head = head
        self._follows = follows
        self._max_body = max_body
        self._part = _Part.STATUS
        self._rest = b""
        self._header_bytes = 0
        self._location = b""
        self._closes = False
        self._surplus = False
        self._begin_block()

    @property
    def persists(self) -> bool:
        whole = self.code == OK and self.stopped is Stopped.NO and self.headers_ended
        return whole and not (self._closes or self._surplus or self._part is _Part.ENDLESS or self.status == 101)

    def feed(self, data: bytes) -> bool:
        """Take what came; True when the answer is over, for better or worse."""
        part = self._part
        if part is _Part.STATUS or part is _Part.HEADERS:
            return self._read_head(self._rest + data if self._rest else data)
        return self._read_body(data, 0)

    def end(self) -> None:
        """The connection was closed."""
        part = self._part
        if part is _Part.STATUS:
            self.fail(GOT_NOTHING, "Empty reply from server")
        elif part is _Part.COUNTED:
            self.fail(PARTIAL_FILE, f"end of response with {self._left} bytes missing")
        elif part is _Part.HEADERS:
            if self._length and not self._head:
                self.fail(PARTIAL_FILE, f"transfer closed with {self._length} bytes remaining to read")
        elif part is not _Part.ENDLESS:
            self.fail(PARTIAL_FILE, "transfer closed with outstanding read data remaining")

    # -- status line and headers ---------------------------------------------------------------------------------------

    def _begin_block(self) -> None:
        self._bodyless = False
        self._chunked = False
        self._located = False
        self._length: int | None = None
        self._left = 0

    def _read_head(self, data: bytes) -> bool:
        at, size = 0, len(data)
        # Over all blocks: a target may send "100 Continue" for ever.
        room = MAX_HEADER_BYTES - self._header_bytes
        clean = b"\0" not in data and data.count(b"\r") == data.count(b"\r\n")
        while (end := data.find(b"\n", at) + 1) > 0:
            first, begins = data[at], self._part is _Part.STATUS
            if end > room:
                break
            if begins:
                if self._read_status(data[at:end]):
                    return True
                if clean and (ends := self._read_headers(data, end, min(room, size))):
                    end = ends
                    if self.code:
                        return True
            elif first == 10 or first == 13:
                if self._end_block(data[at:end]):
                    self._surplus = end < size
                    return True
                if self._part is not _Part.STATUS:
                    self._rest = b""
                    self._header_bytes += end
                    return self._read_body(data, end)
            elif end == size:
                break  # what comes next may still be a part of it
            elif data[end] in _BLANK:
                whole = _end_of_header(data, end)
                if whole == 0 or self._read_header(_unfolded(data[at:whole]), clean):
                    break
                end = whole
            elif self._read_header(data[at:end], clean):
                return True
            at = end
        if self.code:
            return True
        self._rest = data[at:]
        self._header_bytes += at
        if self._part is _Part.STATUS and not b"HTTP/".startswith(self._rest[:5]):
            return self._no_http()
        if size > room:
            self.stopped = Stopped.HEADERS
        return self.stopped is Stopped.HEADERS

    def _read_status(self, line: bytes) -> bool:
        if line[:5] != b"HTTP/":
            return self._no_http()
        found = _STATUS_LINE.match(line)
        if found is None:
            what = "HTTP/1 subversion" if line[5:6] == b"1" else "HTTP version"
            return self.fail(UNSUPPORTED_PROTOCOL, f"Unsupported {what} in response")
        if complaint := _unclean(line):
            return self.fail(WEIRD_SERVER_REPLY, complaint)
        status = int(found[1])
        self.status = status or None
        self._closes = line[5:8] != b"1.1"
        self.headers = []
        self.headers_ended = False
        self._begin_block()
        if status < 100:
            return self.fail(UNSUPPORTED_PROTOCOL, "Unsupported response code in HTTP response")
        self._bodyless = status in (204, 304) or status < 200
        self._part = _Part.HEADERS
        return False

    def _no_http(self) -> bool:
        if self.status is not None:  # behind an interim answer
            return self.fail(WEIRD_SERVER_REPLY, "Invalid status line")
        return self.fail(UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed")

    def _read_headers(self, data: bytes, begin: int, room: int) -> int:
        """
        All of a block at once, as most blocks allow it: for a third of what it costs line by line.

        Returns where the empty line behind them begins; 0 where something is odd or missing, and nothing was read.
        """
        end = data.find(b"\r\n\r\n", begin)
        # Without any header the empty line is the first, and what was found may lie in the body.
        if not -1 < end <= room - 4 or data.startswith(b"\r\n", begin):
            return 0
        block = data[begin:end]
        odd = block.count(b"\n") != block.count(b"\r\n") or b"\n " in block or b"\n\t" in block
        lines = block.decode("latin-1").split("\r\n")
        if odd or len(self.headers) + len(lines) > _MOST_HEADERS:
            return 0
        found = self.headers
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or name.lower() in _TELLING:
                if self._take_header(line):
                    break
            else:
                found.append((name.strip(), value.strip()))
        return end + 2

    def _read_header(self, line: bytes, clean: bool) -> bool:
        if not clean and (complaint := _unclean(line)):
            return self.fail(WEIRD_SERVER_REPLY, complaint)
        return self._take_header(line.decode("latin-1"))

    def _take_header(self, line: str) -> bool:
        name, colon, written = line.partition(":")
        if not colon:
            return self.fail(WEIRD_SERVER_REPLY, "Header without colon")
        value = written.strip()
        key = name.lower()
        if key == "content-length":
            if not self._bodyless and self._read_length(value):
                return self.fail(WEIRD_SERVER_REPLY, "Invalid Content-Length: value")
        elif key == "transfer-encoding":
            if not (self._bodyless or self._head) and (complaint := self._read_encodings(value)):
                return self.fail(BAD_CONTENT_ENCODING, complaint)
        elif key == "connection":
            self._closes = self._closes or "close" in value.lower()
        elif key == "location":
            self._located = True
            if self._read_location(written.encode("latin-1").strip(_WHITE)):
                return self.fail(WEIRD_SERVER_REPLY, "Multiple Location headers")
        if len(self.headers) >= _MOST_HEADERS:
            return self.fail(TOO_LARGE, f"Too many response headers, {_MOST_HEADERS} is max")
        self.headers.append((name.strip(), value))
        return False

    def _read_length(self, value: str) -> bool:
        """True where it is no length, or contradicts another."""
        for text in value.split(","):
            number = text.strip(" \t")
            digits = _DIGITS.match(number)
            if digits is None:
                return True
            # One that no machine can count to says nothing, nor does what is behind it. int() has a limit of its own.
            length = int(digits[0]) if len(digits[0].lstrip("0")) < 20 else _BIGGEST + 1
            if length > _BIGGEST:
                break
            if digits[0] != number or self._length not in (None, length):
                return True
            self._length = length
        return False

    def _read_location(self, value: bytes) -> bool:
        """True where it contradicts another, be it of an interim answer: which one would be followed?"""
        if value and self._location not in (b"", value):
            return True
        self._location = value or self._location
        return False

    def _read_encodings(self, value: str) -> str:
        """A complaint, or nothing."""
        for text in value.split(","):
            encoding = text.strip(" \t")
            if encoding.lower() == "chunked":
                self._chunked = True
            elif encoding and self._chunked:
                return f"A Transfer-Encoding ({encoding}) was listed after chunked"
            elif encoding and encoding.lower() != "identity":
                return f"Unsolicited Transfer-Encoding ({encoding}) found"
        return ""

    def _end_block(self, line: bytes) -> bool:
        """True when the answer is over with its headers."""
        if line not in (b"\r\n", b"\n"):
            return self.fail(WEIRD_SERVER_REPLY, "Carriage return found in header")
        self.headers_ended = True
        status = self.status or 0
        if status < 200 and status != 101:
            self._part = _Part.STATUS
            return False
        if self._follows and status in REDIRECTS and self._located:
            self.stopped = Stopped.REDIRECT
            return True
        if self._head or status in (204, 304):
            return True
        if self._chunked:
            self._part, self._chunks = _Part.CHUNKED, Chunks()
        elif self._length is not None:
            self._part, self._left = _Part.COUNTED, self._length
            return self._length == 0
        else:
            self._part = _Part.ENDLESS
        return False

    # -- body ----------------------------------------------------------------------------------------------------------

    def _read_body(self, data: bytes, at: int) -> bool:
        if self._part is _Part.COUNTED:
            piece = data[at : at + self._left]
            self._left -= len(piece)
            self._surplus = at + len(piece) < len(data)
            return self.take(piece) or self._left == 0
        if self._part is _Part.ENDLESS:
            return self.take(data[at:])
        over = self._chunks.feed(self, data, at)
        self._surplus = over and self._chunks.ended < len(data)
        return over

    # -- what was read -------------------------------------------------------------------------------------------------

    def take(self, piece: bytes) -> bool:
        """True when the bound of the body is passed."""
        room = self._max_body - len(self.body)
        if len(piece) <= room:
            self.body += piece
            return False
        self.body += piece[:room]
        self.stopped = Stopped.BODY
        return True

    def take_trailer(self, line: bytes) -> bool:
        """Kept with the headers: to a person it makes no difference. True where it is none, or one too many."""
        self._header_bytes += len(line) + 2
        if self._header_bytes > MAX_HEADER_BYTES:
            self.stopped = Stopped.HEADERS
            return True
        name, colon, value = line.decode("latin-1").partition(":")
        if b"\0" in line:
            return self.fail(WEIRD_SERVER_REPLY, "NUL byte in header")
        if not colon:
            return self.fail(WEIRD_SERVER_REPLY, "Header without colon")
        self.headers.append((name.strip(), value.strip()))
        return False

    def fail(self, code: int, message: str) -> bool:
        self.code, self.message = code, message
        return True


def _end_of_header(data: bytes, end: int) -> int:
    """The end of the header whose first line ends at *end*; 0 while the next line may still be a part of it."""
    while end < len(data):
        if data[end] not in _BLANK:
            return end
        end = data.find(b"\n", end) + 1
        if end == 0:
            return 0
    return 0


def _unfolded(lines: bytes) -> bytes:
    """One header that was sent in several lines: a line that begins with a blank goes on with the one before."""
    return b" ".join(filter(None, (line.strip(b" \t\r") for line in lines.split(b"\n")))) + b"\r\n"


def _unclean(line: bytes) -> str:
    """What is wrong first."""
    nul, stray = line.find(b"\0"), line.find(b"\r")
    if stray not in (-1, len(line) - 2) and not -1 < nul < stray:
        return "Carriage return found in header"
    return "NUL byte in header" if nul >= 0 else ""
