"""
The probe's spans, from a template: what never changes of a check is encoded once, then ids, times and result filled in.

One CLIENT span per attempt (OpenTelemetry's HTTP conventions), all in the probe's trace. The first attempt's span is
the trace's root, so that a probe without retries is one span; later attempts are its children and siblings of each
other. The `traceparent` that the target saw names its attempt's span. A failed or slow attempt has a child per phase.

Through the SDK such a span costs more than the probe itself (tests/bench/bench_telemetry.py prints the ratio). A test
builds the same spans with the SDK and finds the bytes equal.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from checks.check import Check, HttpQuestion, Question
from checks.result import Attempt, CheckResult, Confirmation, Outcome, Reason
from monitor.telemetry import names, protobuf
from monitor.telemetry.redact import masker, shown_url
from monitor.telemetry.sampling import Limits

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_TRANSPORTS: Final = {"tcp": "tcp", "udp": "udp", "unix": "unix", "icmp": "icmp", "ws": "tcp", "wss": "tcp"}
METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})

# Field numbers of Span (trace.proto), as the tag bytes they become.
_TRACE_ID, _SPAN_ID, _PARENT = b"\x0a\x10", b"\x12\x08", b"\x22\x08"
_ATTRIBUTES: Final = 9
_INTERNAL, _CLIENT = b"\x30\x01", b"\x30\x03"
# Status, always present as the SDK sends it; then the flags: "has is_remote", not remote.
_UNSET, _END = b"\x7a\x00", b"\x85\x01\x00\x01\x00\x00"
_TIMES = struct.Struct("<sQsQ").pack

_PHASE_PREFIXES = tuple(protobuf.double_prefix(key, _ATTRIBUTES) for key in names.PHASES)
_PHASES = struct.Struct("<" + "".join(f"{len(prefix)}sd" for prefix in _PHASE_PREFIXES)).pack
_P1, _P2, _P3, _P4, _P5 = _PHASE_PREFIXES
_LATENESS_PREFIX = protobuf.double_prefix(names.CHECK_LATENESS, _ATTRIBUTES)
_LATENESS = struct.Struct(f"<{len(_LATENESS_PREFIX)}sd").pack


def nanoseconds(at: datetime) -> int:
    """Since the Unix epoch. In integers: a float of this size is off by a hundred nanoseconds."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def duration_of(attempt: Attempt, timeout: float) -> float | None:
    """How long the attempt took in seconds; None when nobody knows, for example because nothing was ever sent."""
    if attempt.latency is not None:
        return attempt.latency
    if attempt.timings is not None and attempt.timings.total > 0:
        return attempt.timings.total
    # A check that tells by itself has no timeout: for its silence nobody waited.
    return timeout or None if attempt.reason is Reason.TIMEOUT else None


def error_type(attempt: Attempt) -> str:
    """The conventions' error.type: the status code where that is the error, else our reason; empty when it is ok."""
    if attempt.reason is None:
        return ""
    if attempt.reason is Reason.STATUS and attempt.status is not None:
        return str(attempt.status)
    return attempt.reason.value


def request_attributes(check: Check, hidden: tuple[str, ...] = ()) -> dict[str, protobuf.AttributeValue]:
    """What is asked: the part of the attributes that never changes. Total, whatever the address looks like."""
    question = check.question
    found: dict[str, protobuf.AttributeValue] = {}
    if speaks_http(question):
        method = question.method.upper() if isinstance(question, HttpQuestion) else "GET"
        found[names.HTTP_REQUEST_METHOD] = method if method in METHODS else names.OTHER
        if method not in METHODS:
            found[names.HTTP_REQUEST_METHOD_ORIGINAL] = method
    elif question.url.startswith("exec:"):
        found[names.PROCESS_EXECUTABLE_NAME] = question.url.rpartition("/")[2].removeprefix("exec:")
    elif is_asked(question):
        scheme = question.url.partition(":")[0].lower()
        # What a kind that is plugged in calls its addresses is its own affair, and may be no transport.
        if transport := _TRANSPORTS.get(scheme):
            found[names.NETWORK_TRANSPORT] = transport
    try:
        parts = urlsplit(question.url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        host, port = None, None
    if host:
        found[names.SERVER_ADDRESS] = host
    if port is not None:
        found[names.SERVER_PORT] = port
    if is_asked(question):
        found[names.URL_FULL] = shown_url(question.url, hidden)
    found[names.USER_AGENT_SYNTHETIC_TYPE] = names.SYNTHETIC_TEST
    found[names.SERVICE_PEER_NAME] = check.service
    found[names.CHECK_SERVICE] = check.service
    found[names.CHECK_NAME] = check.name
    return found


def speaks_http(question: Question) -> bool:
    return question.url.startswith("http")


def is_asked(question: Question) -> bool:
    """Not so a push: what tells by itself has no address of its own."""
    return question.kind != "push"


class SpanTemplate:
    def __init__(
        self,
        check: Check,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        secrets: tuple[str, ...] = (),
        new_span_id: Callable[[], bytes] = lambda: os.urandom(8),
    ) -> None:
        self._timeout = check.timeout
        self._limits = limits
        self._new_span_id = new_span_id
        static = request_attributes(check, masker(secrets))
        method = static.get(names.HTTP_REQUEST_METHOD)
        self._resends = method is not None
        called = check.question.kind if method is None else "HTTP" if method == names.OTHER else str(method)
        self._asked = is_asked(check.question)
        self._head = protobuf.field(5, protobuf.text(called)) + (_CLIENT if self._asked else _INTERNAL)
        self._static = b"".join(self._attribute(key, value) for key, value in static.items())
        # What was encoded before, by value. Bounded, because some of it is chosen by the target.
        self._known: dict[object, bytes] = {}

    def spans(self, result: CheckResult, offset: int) -> list[bytes]:
        """
        Every span of one probe, each as a field of ScopeSpans.

        Args:
            offset: Nanoseconds from the steady timeline to the wall time, with which spans are stamped.

        Raises:
            ValueError: The result's ids are not those of a trace.
        """
        trace = bytes.fromhex(result.trace_id)
        if len(trace) != 16:
            raise ValueError(f"{result.id}: trace id {result.trace_id!r} is not 32 hex digits")
        root, out = b"", []
        for number, attempt in enumerate(result.attempts, 1):
            span_id = bytes.fromhex(attempt.span_id)
            if len(span_id) != 8:
                raise ValueError(f"{result.id}: span id {attempt.span_id!r} is not 16 hex digits")
            start = nanoseconds(attempt.started_at) + offset
            duration = duration_of(attempt, self._timeout)
            out.append(self._attempt(result, number, attempt, trace, span_id, root, start, duration or 0.0))
            if attempt.timings is not None and self._wants_phases(attempt, duration):
                out += self._phase_spans(attempt, trace, span_id, start)
            root = root or span_id
        return out

    def _attempt(
        self, result: CheckResult, number: int, attempt: Attempt, trace: bytes, span_id: bytes, root: bytes, start: int,
        duration: float,
    ) -> bytes:  # fmt: skip
        dynamic = [self._judgement(result, number, attempt)]
        if number == 1:
            if self._asked:
                lateness = (attempt.started_at - result.scheduled_at).total_seconds()
                dynamic.append(_LATENESS(_LATENESS_PREFIX, lateness))
            if result.warnings:
                dynamic.append(self._attribute(names.CHECK_WARNINGS, result.warnings))
            if result.notes:
                dynamic.append(self._attribute(names.CHECK_NOTES, result.notes))
        elif self._resends:
            dynamic.append(self._one(names.HTTP_REQUEST_RESEND_COUNT, number - 1))
        if attempt.status is not None:
            dynamic.append(self._one(names.HTTP_RESPONSE_STATUS_CODE, attempt.status))
        if attempt.address is not None:
            dynamic.append(self._one(names.NETWORK_PEER_ADDRESS, attempt.address))
        if attempt.redirects:
            dynamic.append(self._one(names.CHECK_REDIRECTS, attempt.redirects))
        if (phases := attempt.timings) is not None:
            dynamic.append(
                _PHASES(
                    _P1, phases.name_lookup, _P2, phases.connect, _P3, phases.tls, _P4, phases.first_byte,
                    _P5, phases.transfer,
                )
            )  # fmt: skip
        status = _UNSET
        if attempt.reason is not None:
            dynamic.append(self._one(names.ERROR_TYPE, error_type(attempt)))
            status = _status(attempt)
        limit = self._limits.attributes
        attributes = self._static + b"".join(dynamic)
        if limit is not None and limit < 32:
            attributes = keep_newest(attributes, limit)
        end = start + round(duration * 1e9)
        parent = _PARENT + root if root else b""
        span = b"".join(
            (_TRACE_ID, trace, _SPAN_ID, span_id, parent, self._head, _TIMES(b"9", start, b"A", end), attributes,
             status, _END)
        )  # fmt: skip
        return b"\x12" + protobuf.varint(len(span)) + span

    def _judgement(self, result: CheckResult, number: int, attempt: Attempt) -> bytes:
        confirmation = result.confirmation if number == 1 else Confirmation.NONE
        key = (attempt.outcome, number, result.extra, confirmation)
        if (found := self._known.get(key)) is None:
            pairs: list[tuple[str, protobuf.AttributeValue]] = [
                (names.CHECK_OUTCOME, attempt.outcome.value),
                (names.CHECK_ATTEMPT, number),
                (names.CHECK_EXTRA, result.extra),
            ]
            if number == 1:
                pairs.append((names.CHECK_CONFIRMATION, confirmation.value))
            found = self._remember(key, b"".join(self._attribute(*pair) for pair in pairs))
        return found

    def _one(self, name: str, value: str | int) -> bytes:
        key = (name, value)
        if (found := self._known.get(key)) is None:
            found = self._remember(key, self._attribute(name, value))
        return found

    def _remember(self, key: object, encoded: bytes) -> bytes:
        if len(self._known) >= 64:
            self._known.clear()
        self._known[key] = encoded
        return encoded

    def _attribute(self, key: str, value: protobuf.AttributeValue) -> bytes:
        if isinstance(value, str):
            value = self._limits.cut(value)
        elif isinstance(value, tuple):
            value = tuple(self._limits.cut(each) for each in value)
        return protobuf.attribute(key, value, _ATTRIBUTES)

    def _wants_phases(self, attempt: Attempt, duration: float | None) -> bool:
        """Failed, or slow: more than half of its timeout. Five more spans for every probe would say nothing new."""
        return attempt.outcome is Outcome.FAILED or (duration is not None and duration >= self._timeout / 2)

    def _phase_spans(self, attempt: Attempt, trace: bytes, parent: bytes, start: int) -> list[bytes]:
        phases = attempt.timings
        if phases is None:
            return []
        spent = (phases.name_lookup, phases.connect, phases.tls, phases.first_byte, phases.transfer)
        out = []
        for name, seconds in zip(names.PHASE_SPANS, spent, strict=True):
            if seconds <= 0:
                continue
            end = start + round(seconds * 1e9)
            head = protobuf.field(5, protobuf.text(name)) + _INTERNAL
            ids = _TRACE_ID + trace + _SPAN_ID + self._new_span_id() + _PARENT + parent
            out.append(protobuf.field(2, ids + head + _TIMES(b"9", start, b"A", end) + _UNSET + _END))
            start = end
        return out


def _status(attempt: Attempt) -> bytes:
    # Unknown is not an error of the target: only its error.type tells it, and trace-based error rates stay clean.
    if attempt.outcome is not Outcome.FAILED:
        return _UNSET
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


def request_frame(resource: bytes, scope: bytes) -> Callable[[bytes], bytes]:
    """From the spans of a batch to the body of an ExportTraceServiceRequest."""
    schema = protobuf.field(3, protobuf.text(names.SCHEMA_URL))

    def frame(spans: bytes) -> bytes:
        inner = protobuf.field(1, scope) + spans + schema
        return protobuf.field(1, protobuf.field(1, resource) + protobuf.field(2, inner))

    return frame
