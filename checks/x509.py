"""
What stands in a certificate (X.509, RFC 5280), read from its DER as far as anybody here asks for it. Pure.

The bytes may be anything; what cannot be read is one `Malformed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

# Tags.
_UTC_TIME, _VERSION, _EXTENSIONS, _DNS_NAME = 0x17, 0xA0, 0xA3, 0x82
_ALTERNATIVE_NAMES: Final = bytes.fromhex("551d11")
# In the order in which Go writes them: the other way round than they stand in most certificates.
_ATTRIBUTES: Final = {
    b"\x55\x04\x05": "SERIALNUMBER", b"\x55\x04\x03": "CN", b"\x55\x04\x11": "POSTALCODE", b"\x55\x04\x09": "STREET",
    b"\x55\x04\x08": "ST", b"\x55\x04\x07": "L", b"\x55\x04\x0b": "OU", b"\x55\x04\x0a": "O", b"\x55\x04\x06": "C",
}  # fmt: skip
_ENCODINGS: Final = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}


class Malformed(ValueError):
    """These bytes are no certificate."""


@dataclass(frozen=True, slots=True)
class Read:
    """
    Attributes:
        subject, issuer: `CN=orders,O=Example`, as RFC 2253 writes names.
        names: Of DNS, that it is for.
        begins_at, expires_at: Unix time.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins_at: float
    expires_at: float


def read(der: bytes) -> Read:
    """Raises Malformed."""
    try:
        return _read(der)
    except (IndexError, ValueError, StopIteration) as error:
        raise Malformed(str(error)) from error


def _read(der: bytes) -> Read:
    certificate = next(_items(der))[1]
    fields = list(_items(next(_items(certificate))[1]))
    if fields[0][0] == _VERSION:
        del fields[0]
    _, _, (_, issuer), (_, validity), (_, subject), _, *others = fields
    begins, expires = (_instant(tag, value) for tag, value in _items(validity))
    extensions = next((value for tag, value in others if tag == _EXTENSIONS), b"")
    return Read(_name(subject), _name(issuer), _names(extensions), begins, expires)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each of the values that stand side by side in *data*."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise Malformed("ends too early")
        yield tag, data[at : at + length]
        at += length


def _instant(tag: int, value: bytes) -> float:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text >= "5" else "20") + text  # RFC 5280, 4.1.2.5.1
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _name(sequence: bytes) -> str:
    found: dict[str, list[str]] = {}
    for _, attributes in _items(sequence):
        for _, attribute in _items(attributes):
            (_, kind), (tag, value) = _items(attribute)
            if (called := _ATTRIBUTES.get(kind)) is not None:
                found.setdefault(called, []).append(value.decode(_ENCODINGS.get(tag, "utf-8"), "replace"))
    named = [called for called in _ATTRIBUTES.values() if called in found]
    return ",".join("+".join(f"{called}={_escaped(value)}" for value in found[called]) for called in named)


def _escaped(value: str) -> str:
    text = "".join(f"\\{char}" if char in ',+"\\<>;' else char for char in value)
    if text[:1] in ("#", " "):
        text = f"\\{text}"
    return text[:-1] + "\\ " if text.endswith(" ") and len(text) > 1 else text


def _names(extensions: bytes) -> tuple[str, ...]:
    for _, listed in _items(extensions):
        for _, extension in _items(listed):
            (_, kind), *_, (_, value) = _items(extension)
            if kind == _ALTERNATIVE_NAMES:
                names = next(_items(value))[1]
                return tuple(name.decode("ascii", "replace") for tag, name in _items(names) if tag == _DNS_NAME)
    return ()
