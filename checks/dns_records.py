"""
Names and records of DNS messages (RFC 1035, 3), from bytes to the text of zone files. Pure.

The bytes may be anything. They are read within bounds, and what is wrong with them is one `Malformed`.
"""

from __future__ import annotations

from base64 import b64encode
from ipaddress import IPv6Address
from struct import Struct
from struct import error as TooShort  # noqa: N812 - what it means here
from typing import Final, NamedTuple

TYPES: Final = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "NAPTR": 35,
    "DNAME": 39, "DS": 43, "SSHFP": 44, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "TLSA": 52, "SVCB": 64, "HTTPS": 65,
    "SPF": 99, "ANY": 255, "CAA": 257,
}  # fmt: skip
"""The types that can be asked for."""
CLASSES: Final = {"IN": 1, "CH": 3}
MAX_NAME: Final = 255
"""Bytes of a name, with the length before each label and the empty one at the end."""

_TYPE_NAMES: Final = {number: name for name, number in TYPES.items()}
_CLASS_NAMES: Final = {number: name for name, number in CLASSES.items()}
_OPT: Final = 41
# What the data of a record holds, in order. n: a name. 1, 2, 4: a number of as many bytes. A, 6: an address. s: text
# with its length before it, in quotes. t: the same without. S: all such texts. q: the rest as text. x, X: the rest in
# hexadecimal digits. b: the rest in base 64. What is not known here is shown as RFC 3597 has it.
_FORMS: Final = {
    "A": "A", "AAAA": "6", "NS": "n", "CNAME": "n", "PTR": "n", "DNAME": "n", "MX": "2n", "SOA": "nn44444", "TXT": "S",
    "SPF": "S", "SRV": "222n", "CAA": "1tq", "DS": "211X", "DNSKEY": "211b", "TLSA": "111x", "SSHFP": "11X",
    "NAPTR": "22sssn",
}  # fmt: skip
_OF_ANY_CLASS: Final = ("TXT", "NS", "SOA")
_FIXED: Final = Struct("!2HIH")
_NUMBERS: Final = {"1": Struct("!B"), "2": Struct("!H"), "4": Struct("!I")}
# What would be read as something else in a zone file, or cannot be shown.
_IN_NAME: Final = {
    **{n: f"\\{n:03}" for n in (*range(33), *range(127, 256))},
    **{ord(c): f"\\{c}" for c in '."\\;()@$'},
}
_IN_TEXT: Final = {**{n: f"\\{n:03}" for n in (*range(32), *range(127, 256))}, **{ord(c): f"\\{c}" for c in '"\\'}}


class Malformed(ValueError):
    """These bytes are no DNS message. The text says what is wrong with them, in words that follow its sender."""


class Record(NamedTuple):
    name: str
    ttl: int
    rclass: str
    rtype: str
    rdata: str

    @property
    def text(self) -> str:
        """As a line of a zone file, with tabs between name, TTL, class, type and data."""
        return f"{self.name}\t{self.ttl}\t{self.rclass}\t{self.rtype}\t{self.rdata}"


def read_record(data: bytes, at: int) -> tuple[Record | None, int]:
    """
    The record that begins at *at*, and where it ends. Raises Malformed.

    None for what is no record: it tells of the message itself (OPT, RFC 6891).
    """
    labels, at = read_name(data, at)
    end = at + _FIXED.size
    if end <= len(data):
        kind, number, ttl, length = _FIXED.unpack_from(data, at)
        at, end = end, end + length
    if end > len(data):
        raise Malformed("ends in the middle of a record")
    if kind == _OPT:
        return None, end
    rtype = _TYPE_NAMES.get(kind) or f"TYPE{kind}"
    rclass = _CLASS_NAMES.get(number) or f"CLASS{number}"
    form = _FORMS.get(rtype) if rclass == "IN" or rtype in _OF_ANY_CLASS else None
    rdata = _unknown(data[at:end]) if form is None else _rdata(data, at, end, form, rtype)
    return Record(written(labels), ttl, rclass, rtype, rdata), end


def read_name(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The labels of the name that begins at *at*, and where it ends. Raises Malformed."""
    labels: list[bytes] = []
    after, length, lowest = -1, 1, at
    while True:
        if at >= len(data):
            raise Malformed("ends in the middle of a name")
        size = data[at]
        if not size:
            return labels, at + 1 if after < 0 else after
        if size < 64:
            length += size + 1
            if length > MAX_NAME or at + size >= len(data):
                raise Malformed("holds a name that is too long, or ends too early")
            labels.append(data[at + 1 : at + 1 + size])
            at += size + 1
            continue
        if size < 192 or at + 1 >= len(data):
            raise Malformed("holds a name of neither letters nor a reference")
        if after < 0:
            after = at + 2
        # Only ever backwards: so it comes to an end, wherever it points.
        at = (size & 63) << 8 | data[at + 1]
        if at >= lowest:
            raise Malformed("holds a name that refers to itself")
        lowest = at


def written(labels: list[bytes]) -> str:
    return "".join([f"{label.decode('latin-1').translate(_IN_NAME)}." for label in labels]) or "."


def _unknown(data: bytes) -> str:
    return rf"\# {len(data)} {data.hex().upper()}".rstrip()


def _rdata(data: bytes, at: int, end: int, form: str, rtype: str) -> str:
    parts = []
    try:
        for part in form:
            text, at = _part(data, at, end, part)
            parts.append(text)
    except Malformed:
        raise
    except (TooShort, IndexError, ValueError):
        at = -1
    if at != end:
        raise Malformed(f"holds a record of type {rtype} whose data has another form")
    return " ".join(parts)


def _part(data: bytes, at: int, end: int, part: str) -> tuple[str, int]:
    if part == "A":
        return ".".join(map(str, data[at : at + 4])), at + 4
    if part == "n":
        labels, at = read_name(data, at)
        return written(labels), at
    if (number := _NUMBERS.get(part)) is not None:
        return str(number.unpack_from(data, at)[0]), at + number.size
    if part == "6":
        return str(IPv6Address(data[at : at + 16])), at + 16
    if part in "st":
        text, at = _in_text(data[at + 1 : at + 1 + data[at]]), at + 1 + data[at]
        return (f'"{text}"' if part == "s" else text), at
    if part == "S":
        texts = []
        while at < end:
            text, at = _part(data, at, end, "s")
            texts.append(text)
        return " ".join(texts), at
    if at > end:
        raise IndexError  # what came before has taken bytes of the next record
    return _rest(data[at:end], part), end


def _rest(data: bytes, part: str) -> str:
    if part == "q":
        return f'"{_in_text(data)}"'
    if part == "b":
        return b64encode(data).decode()
    return data.hex() if part == "x" else data.hex().upper()


def _in_text(data: bytes) -> str:
    return data.decode("latin-1").translate(_IN_TEXT)
