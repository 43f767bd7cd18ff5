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
_USUAL: Final = {f"HTTP/1.1 {status}": status for status in range(200, 600)}
"""How an answer begins that needs no second look."""


class _Part(Enum):
    """What the next byte belongs to."""

    STATUS = auto()
    HEADERS = auto()
    COUNTED = auto()  # a body of known length
    ENDLESS = auto()  # a body that ends with the connection
    CHUNKED = auto()


# Python 3.11 takes as long to find a member in its enum as to call a function, and these are asked for all the time.
_STATUS, _HEADERS, _COUNTED, _ENDLESS, _CHUNKED = _Part
_NOT_STOPPED: Final = Stopped.NO


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
        self.stopped = _NOT_STOPPED
        self.code = OK
        self.message = ""
        self._head = head
        self._follows = follows
        self._max_body = max_body
        self._part = _STATUS
        self._rest = b""
        self._header_bytes = 0
        self._location = b""
        self._closes = False
        self._surplus = False
        self._length: int | None = None
        self._left = 0

    @property
    def persists(self) -> bool:
        whole = self.code == OK and self.stopped is _NOT_STOPPED and self.headers_ended
        return whole and not (self._closes or self._surplus or self._part is _ENDLESS or self.status == 101)

    def feed(self, data: bytes) -> bool:
        """Take what came; True when the answer is over, for better or worse."""
        part = self._part
        if part is _STATUS:
            if not (self._rest or self._header_bytes) and (end := self._read_usual_head(data)):
                return self._end_head(data, end)
            return self._read_head(self._rest + data)
        if part is _HEADERS:
            return self._read_head(self._rest + data)
        return self._read_body(data, 0)

    def end(self) -> None:
        """The connection was closed."""
        part = self._part
        if part is _STATUS:
            self.fail(GOT_NOTHING, "Empty reply from server")
        elif part is _COUNTED:
            self.fail(PARTIAL_FILE, f"end of response with {self._left} bytes missing")
        elif part is _HEADERS:
            if self._length and not self._head:
                self.fail(PARTIAL_FILE, f"transfer closed with {self._length} bytes remaining to read")
        elif part is not _ENDLESS:
            self.fail(PARTIAL_FILE, "transfer closed with outstanding read data remaining")

    # -- status line and headers ---------------------------------------------------------------------------------------

    def _read_head(self, data: bytes) -> bool:
        at, size = 0, len(data)
        # Over all blocks: a target may send "100 Continue" for ever.
        room = MAX_HEADER_BYTES - self._header_bytes
        clean = b"\0" not in data and data.count(b"\r") == data.count(b"\r\n")
        while (end := data.find(b"\n", at) + 1) > 0:
            first, begins = data[at], self._part is _STATUS
            if end > room:
                break
            if begins:
                if self._read_status(data[at:end]):
                    return True
            elif first == 10 or first == 13:
                if data[at:end] not in (b"\r\n", b"\n"):
                    return self.fail(WEIRD_SERVER_REPLY, "Carriage return found in header")
                if self._is_interim():
                    self._part = _STATUS
                else:
                    return self._end_head(data, end)
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
        if self._part is _STATUS and not b"HTTP/".startswith(self._rest[:5]):
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
        self._begin_block(status)
        self._closes = line[5:8] != b"1.1"
        if status < 100:
            return self.fail(UNSUPPORTED_PROTOCOL, "Unsupported response code in HTTP response")
        self._part = _HEADERS
        return False

    def _begin_block(self, status: int) -> None:
        self.status = status or None
        self.headers = []
        self.headers_ended = False
        self._bodyless = status < 200 or status == 204 or status == 304
        self._chunked = self._closes = self._located = False
        self._length = None

    def _no_http(self) -> bool:
        if self.status is not None:  # behind an interim answer
            return self.fail(WEIRD_SERVER_REPLY, "Invalid status line")
        return self.fail(UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed")

    def _read_usual_head(self, data: bytes) -> int:
        """
        All of a head at once, as most answers allow it: for a third of what it costs line by line.

        Returns where the body begins; 0 where something is odd or missing, and nothing was read.
        """
        end = data.find(b"\r\n\r\n")
        if not -1 < end <= MAX_HEADER_BYTES - 4:
            return 0
        head = data[:end]
        lines = head.decode("latin-1").split("\r\n")
        breaks = len(lines) - 1
        stray = head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head
        status = _USUAL.get(lines[0][:12])
        if status is None or stray or b"\n " in head or b"\n\t" in head or breaks > _MOST_HEADERS:
            return 0
        self._begin_block(status)
        found = self.headers
        del lines[0]
        for line in lines:
            name, colon, value = line.partition(":")
            if colon and name.lower() not in _TELLING:
                found.append((name.strip(), value.strip()))
            elif self._take_header(line):
                break
        return end + 4

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
        if self._length is None and value.isdecimal() and value.isascii() and len(value) < 19:
            self._length = int(value)
            return False
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

    def _is_interim(self) -> bool:
        status = self.status or 0
        if status < 200 and status != 101:
            self.headers_ended = True
            return True
        return False

    def _end_head(self, data: bytes, end: int) -> bool:
        """The headers of the answer itself are read, up to *end*. True when all of it is over."""
        if self.code:
            return True
        self._rest = b""
        self._header_bytes += end
        self.headers_ended = True
        status = self.status
        if self._follows and self._located and status in REDIRECTS:
            self.stopped = Stopped.REDIRECT
        elif self._head or status == 204 or status == 304:
            pass
        elif self._chunked:
            self._part, self._chunks = _CHUNKED, Chunks()
            return self._read_body(data, end)
        elif self._length is None:
            self._part = _ENDLESS
            return self._read_body(data, end)
        elif self._length:
            self._part, self._left = _COUNTED, self._length
            return self._read_body(data, end)
        self._surplus = end < len(data)
        return True

    # -- body ----------------------------------------------------------------------------------------------------------

    def _read_body(self, data: bytes, at: int) -> bool:
        if self._part is _COUNTED:
            piece = data[at : at + self._left]
            self._left -= len(piece)
            self._surplus = at + len(piece) < len(data)
            return self.take(piece) or self._left == 0
        if self._part is _ENDLESS:
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
