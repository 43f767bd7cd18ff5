"""
The little of protobuf that the templates need: lengths, fields, and OTLP's attributes.

Field numbers are those of opentelemetry-proto 1.x, whose messages are stable; the tests decode what is built here with
the generated classes and compare it with what the SDK builds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

AttributeValue = str | bool | int | float | Sequence[str]

_DOUBLE = struct.Struct("<d").pack


def varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits to a byte. Negative ones take ten bytes, as int64 does."""
    number &= 0xFFFFFFFFFFFFFFFF
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field: a message, a string, bytes or packed numbers."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def text(value: str) -> bytes:
    """UTF-8. What cannot be encoded (a lone surrogate from a target's answer) becomes a question mark."""
    return value.encode("utf-8", "replace")


def any_value(value: AttributeValue) -> bytes:
    # bool before int: True is an int too.
    if isinstance(value, bool):
        return b"\x10" + varint(value)
    if isinstance(value, str):
        return field(1, text(value))
    if isinstance(value, int):
        return b"\x18" + varint(value)
    if isinstance(value, float):
        return b"\x21" + _DOUBLE(value)
    return field(5, b"".join(field(1, any_value(each)) for each in value))


def attribute(key: str, value: AttributeValue, number: int) -> bytes:
    """A KeyValue as field *number* of what carries it: 9 in a span or histogram, 7 in a number, 1 in a resource."""
    return field(number, field(1, text(key)) + field(2, any_value(value)))


def attributes(items: Mapping[str, AttributeValue] | Iterable[tuple[str, AttributeValue]], number: int) -> bytes:
    pairs = items.items() if isinstance(items, Mapping) else items
    return b"".join(attribute(key, value, number) for key, value in pairs)


def double_prefix(key: str, number: int) -> bytes:
    """Everything of an attribute that holds a double, but its eight bytes."""
    return attribute(key, 0.0, number)[:-8]
