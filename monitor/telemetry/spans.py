"""
The probe's spans, from a template: what never changes of a check is encoded once, then ids, times and result filled in.

One CLIENT span per attempt (OpenTelemetry's HTTP conventions), all in the probe's trace. The first attempt's span is
the trace's root, so that a probe without retries is one span; later attempts are its children and siblings of each
other. The `traceparent` that the target saw names its attempt's span. A failed or slow attempt has a child per phase.
Of a journey an attempt is INTERNAL, and what its targets saw names the spans of its steps (`step_spans.py`).

Through the SDK such a span costs more than the probe itself (tests/bench/bench_telemetry.py prints the ratio). A test
builds the same spans with the SDK and finds the bytes equal.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from checks.check import Check
from checks.result import Attempt, CheckResult, Confirmation, Outcome
from monitor.telemetry import names, protobuf
from monitor.telemetry.asked import duration_of, error_type, is_asked, is_one_request, request_attributes
from monitor.telemetry.redact import masker
from monitor.telemetry.sampling import Limits
from monitor.telemetry.span_bytes import (
    ATTRIBUTES,
    CLIENT,
    END,
    INTERNAL,
    PARENT,
    SPAN_ID,
    TIMES,
    TRACE_ID,
    UNSET,
    keep_newest,
    phase_spans,
    phases_of,
    status_of,
)

if TYPE_CHECKING:
    from monitor.telemetry.step_spans import StepSpans

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LATENESS_PREFIX = protobuf.double_prefix(names.CHECK_LATENESS, ATTRIBUTES)
_LATENESS = struct.Struct(f"<{len(_LATENESS_PREFIX)}sd").pack


def nanoseconds(at: datetime) -> int:
    """Since the Unix epoch. In integers: a float of this size is off by a hundred nanoseconds."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


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
        hidden = masker(secrets)
        static = request_attributes(check, hidden)
        method = static.get(names.HTTP_REQUEST_METHOD)
        self._resends = method is not None
        called = check.question.kind if method is None else "HTTP" if method == names.OTHER else str(method)
        self._asked = is_asked(check.question)
        kind = CLIENT if is_one_request(check.question) else INTERNAL
        self._head = protobuf.field(5, protobuf.text(called)) + kind
        self._steps = _step_spans(check, limits, hidden, new_span_id)
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
            if self._steps is not None:
                duration = max(duration or 0.0, self._steps.end_of(attempt.steps))
            out.append(self._attempt(result, number, attempt, trace, span_id, root, start, duration or 0.0))
            if self._steps is not None:
                out += self._steps.spans(attempt.steps, trace, span_id, start)
            elif attempt.timings is not None and self._wants_phases(attempt, duration):
                out += phase_spans(attempt.timings, trace, span_id, start, self._new_span_id)
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
            dynamic.append(phases_of(phases))
        status = UNSET
        if attempt.reason is not None:
            dynamic.append(self._one(names.ERROR_TYPE, error_type(attempt)))
            status = status_of(attempt)
        limit = self._limits.attributes
        attributes = self._static + b"".join(dynamic)
        if limit is not None and limit < 32:
            attributes = keep_newest(attributes, limit)
        end = start + round(duration * 1e9)
        parent = PARENT + root if root else b""
        span = b"".join(
            (TRACE_ID, trace, SPAN_ID, span_id, parent, self._head, TIMES(b"9", start, b"A", end), attributes,
             status, END)
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
        return protobuf.attribute(key, value, ATTRIBUTES)

    def _wants_phases(self, attempt: Attempt, duration: float | None) -> bool:
        """Failed, or slow: more than half of its timeout. Five more spans for every probe would say nothing new."""
        return attempt.outcome is Outcome.FAILED or (duration is not None and duration >= self._timeout / 2)


def _step_spans(
    check: Check, limits: Limits, hidden: tuple[str, ...], new_span_id: Callable[[], bytes]
) -> StepSpans | None:
    """None of a check that has no steps, as nearly all: they need not load what knows of them."""
    if check.question.kind != "journey":
        return None
    from checks.journey import Question
    from monitor.telemetry.step_spans import StepSpans

    assert isinstance(check.question, Question)
    return StepSpans(check, check.question.steps, limits, hidden, new_span_id)


def request_frame(resource: bytes, scope: bytes) -> Callable[[bytes], bytes]:
    """From the spans of a batch to the body of an ExportTraceServiceRequest."""
    schema = protobuf.field(3, protobuf.text(names.SCHEMA_URL))

    def frame(spans: bytes) -> bytes:
        inner = protobuf.field(1, scope) + spans + schema
        return protobuf.field(1, protobuf.field(1, resource) + protobuf.field(2, inner))

    return frame
