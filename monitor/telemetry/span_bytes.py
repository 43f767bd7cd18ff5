"""A span as OTLP writes it, from parts that are encoded already."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from checks.result import Attempt, Outcome, StepResult, Timings
from monitor.telemetry import names, protobuf

# Field numbers of Span (trace.proto), as the tag bytes they become.
TRACE_ID, SPAN_ID, PARENT = b"\x0a\x10", b"\x12\x08", b"\x22\x08"
ATTRIBUTES: Final = 9
INTERNAL, CLIENT = b"\x30\x01", b"\x30\x03"
# Status, always present as the SDK sends it; then the flags: "has is_remote", not remote.
UNSET, END = b"\x7a\x00", b"\x85\x01\x00\x01\x00\x00"
TIMES = struct.Struct("<sQsQ").pack

_PHASE_PREFIXES = tuple(protobuf.double_prefix(key, ATTRIBUTES) for key in names.PHASES)
_PHASES = struct.Struct("<" + "".join(f"{len(prefix)}sd" for prefix in _PHASE_PREFIXES)).pack
_P1, _P2, _P3, _P4, _P5 = _PHASE_PREFIXES


def phases_of(timings: Timings) -> bytes:
    """The attributes that say where the time went."""
    return _PHASES(
        _P1, timings.name_lookup, _P2, timings.connect, _P3, timings.tls, _P4, timings.first_byte,
        _P5, timings.transfer,
    )  # fmt: skip


def status_of(attempt: Attempt | StepResult) -> bytes:
    # Unknown is not an error of the target: only its error.type tells it, and trace-based error rates stay clean.
    if attempt.outcome is not Outcome.FAILED:
        return UNSET
    description = protobuf.field(2, protobuf.text(attempt.detail)) if attempt.detail else b""
    return protobuf.field(15, description + b"\x18\x02")


def keep_newest(attributes: bytes, limit: int) -> bytes:
    """The last *limit* attributes of an encoded run, and how many went: what the SDK's bounded dictionary does."""
    starts, at = [], 0
    while at < len(attributes):
        starts.append(at)
        length, shift, at = 0, 0, at + 1
        while True:
            byte = attributes[at]
            length, shift, at = length | (byte & 0x7F) << shift, shift + 7, at + 1
            if byte < 0x80:
                break
        at += length
    if len(starts) <= limit:
        return attributes
    dropped = len(starts) - limit
    kept = attributes[starts[dropped] :] if limit else b""
    return kept + b"\x50" + protobuf.varint(dropped)


def phase_spans(
    phases: Timings, trace: bytes, parent: bytes, start: int, new_span_id: Callable[[], bytes]
) -> Iterator[bytes]:
    """A child for each phase that took time, each as a field of ScopeSpans."""
    spent = (phases.name_lookup, phases.connect, phases.tls, phases.first_byte, phases.transfer)
    for name, seconds in zip(names.PHASE_SPANS, spent, strict=True):
        if seconds <= 0:
            continue
        end = start + round(seconds * 1e9)
        head = protobuf.field(5, protobuf.text(name)) + INTERNAL
        ids = TRACE_ID + trace + SPAN_ID + new_span_id() + PARENT + parent
        yield protobuf.field(2, ids + head + TIMES(b"9", start, b"A", end) + UNSET + END)
        start = end
