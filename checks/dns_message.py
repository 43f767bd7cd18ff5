"""DNS messages (RFC 1035, 4): a question to bytes, and what comes back to records. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from checks.dns_records import CLASSES, MAX_NAME, TYPES, Malformed, Record, read_name, read_record

RCODES: Final = (
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
    "NOTZONE",
)  # fmt: skip
"""By their number."""
MAX_RECORDS: Final = 500
"""Of one message. Two bytes may stand for a name of 255 letters, and the loop waits while they are read."""

_HEADER: Final = Struct("!6H")
_KIND: Final = Struct("!2H")
_PART: Final = re.compile(r"(?:^|(?<=\.))((?:[^\\.]|\\\d{3}|\\.)*)(?:\.|$)", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(?:(\d{3})|(.))", re.DOTALL)
_AA, _TC, _RD = 0x0400, 0x0200, 0x0100

Question = tuple[tuple[bytes, ...], int, int]
"""Labels of the name in lower case, type and class."""


class Query(NamedTuple):
    """
    What is asked.

    Attributes:
        name: With or without the dot at its end; a dot alone is the root.
        rtype: A key of `TYPES`.
        rclass: A key of `CLASSES`.
        recursion: Whether the server is to ask others what it does not know itself.
    """

    name: str
    rtype: str = "A"
    rclass: str = "IN"
    recursion: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.rtype}" if self.rclass == "IN" else f"{self.name} {self.rclass} {self.rtype}"


@dataclass(frozen=True, slots=True)
class Message:
    """
    What a server said.

    Attributes:
        flags: The second field of the header.
    """

    flags: int
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()

    @property
    def rcode(self) -> str:
        number = self.flags & 15
        return RCODES[number] if number < len(RCODES) else f"RCODE{number}"

    @property
    def authoritative(self) -> bool:
        return bool(self.flags & _AA)


def labels_of(name: str) -> tuple[bytes, ...]:
    """*name* as it goes over the wire. Raises ValueError, with what is wrong, for what is no domain name."""
    bare = name.removesuffix(".")
    written = _PART.findall(bare) if "\\" in bare else bare.split(".")
    if ".".join(written) != bare:
        raise ValueError("ends with a backslash")
    labels = tuple(map(_encoded, written)) if bare else ()
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError("has a part that is empty or longer than 63 letters")
    if sum(map(len, labels)) + len(labels) + 1 > MAX_NAME:
        raise ValueError("is longer than 253 letters")
    return labels


def _encoded(label: str) -> bytes:
    if "\\" in label:
        return _ESCAPE.sub(_meant, label.encode("utf-8", "surrogatepass"))
    if label.isascii():
        return label.encode()
    try:
        return label.encode("idna")
    except UnicodeError:
        raise ValueError("has a part that no domain name can hold") from None


def _meant(escaped: re.Match[bytes]) -> bytes:
    """Of `\\.` or `\\255`, as zone files write what would be read as something else (RFC 1035, 5.1)."""
    digits = escaped[1]
    if not digits:
        return escaped[2]
    if int(digits) > 255:
        raise ValueError("has a number after a backslash that is more than 255")
    return bytes([int(digits)])


def encode(query: Query, number: int) -> bytes:
    """The message that asks *query*, with the id *number*. Raises ValueError for what is no domain name."""
    name = b"".join(bytes((len(label),)) + label for label in labels_of(query.name)) + b"\0"
    flags = _RD if query.recursion else 0
    return _HEADER.pack(number, flags, 1, 0, 0, 0) + name + _KIND.pack(TYPES[query.rtype], CLASSES[query.rclass])


def answers(data: bytes, asked: bytes) -> bool:
    """
    Whether *data* says that it answers *asked*: by its id and its question. Anybody may send to a port that waits, and
    whoever has not seen the question has to guess both.
    """
    if len(data) < _HEADER.size or data[:2] != asked[:2] or not data[2] & 0x80:
        return False
    try:
        question, _ = _question(data)
    except Malformed:
        return False
    if question is None:
        return bool(data[3] & 15)  # one that could not read it, or gives up, may leave it out
    return question == _question(asked)[0]


def is_truncated(data: bytes) -> bool:
    """Whether an answer was cut, perhaps in the middle of a record: the whole is had over TCP."""
    return bool(data[2] << 8 & _TC)


def decode(data: bytes) -> Message:
    """Raises Malformed."""
    if len(data) < _HEADER.size:
        raise Malformed(f"has {len(data)} bytes, fewer than a header")
    _, flags, _, *counts = _HEADER.unpack_from(data)
    if sum(counts) > MAX_RECORDS:
        raise Malformed(f"has {sum(counts)} records, more than the {MAX_RECORDS} that are read")
    _, at = _question(data)
    sections = []
    for count in counts:
        records = []
        for _ in range(count):
            record, at = read_record(data, at)
            if record is not None:
                records.append(record)
        sections.append(tuple(records))
    return Message(flags, *sections)


def _question(data: bytes) -> tuple[Question | None, int]:
    """What is asked, and where the records begin. Raises Malformed."""
    count = int.from_bytes(data[4:6], "big")
    if not count:
        return None, _HEADER.size
    if count > 1:
        raise Malformed(f"has {count} questions, where one was asked")
    labels, at = read_name(data, _HEADER.size)
    if at + _KIND.size > len(data):
        raise Malformed("ends in the middle of its question")
    kind, rclass = _KIND.unpack_from(data, at)
    return (tuple([label.lower() for label in labels]), kind, rclass), at + _KIND.size
