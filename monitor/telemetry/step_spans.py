"""
The spans of a journey's steps: one CLIENT span each, below that of the attempt, named after the method and the template
of the address, as OpenTelemetry's HTTP conventions have it. Values that were taken are in none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from checks.check import Check
from checks.result import Outcome, StepResult
from checks.steps import Step
from checks.templates import Reference, parse
from monitor.telemetry import names, protobuf
from monitor.telemetry.asked import error_type, method_attributes, server_attributes, whose_attributes
from monitor.telemetry.redact import REDACTED, shown_url
from monitor.telemetry.sampling import Limits
from monitor.telemetry.span_bytes import (
    ATTRIBUTES,
    CLIENT,
    END,
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


class StepSpans:
    def __init__(
        self,
        check: Check,
        steps: Sequence[Step],
        limits: Limits,
        hidden: tuple[str, ...],
        new_span_id: Callable[[], bytes],
    ) -> None:
        self._limits = limits
        self._new_span_id = new_span_id
        self._timeout = check.timeout
        self._static = {step.name: self._asked(check, step, hidden) for step in steps}

    def end_of(self, results: Sequence[StepResult]) -> float:
        """Seconds from the beginning of the attempt until the last of them was over."""
        return max((result.after + self._seconds(result) for result in results), default=0.0)

    def spans(self, results: Sequence[StepResult], trace: bytes, parent: bytes, begin: int) -> Iterator[bytes]:
        """
        Each as a field of ScopeSpans. What could not be asked has none: the attempt's says why.

        Args:
            begin: Of the attempt, in nanoseconds.
        """
        for result in results:
            if not result.span_id:
                continue
            span_id = bytes.fromhex(result.span_id)
            start = begin + round(result.after * 1e9)
            yield self._span(result, trace, span_id, parent, start)
            seconds = self._seconds(result)
            if result.timings is not None and (result.outcome is Outcome.FAILED or seconds >= self._timeout / 2):
                yield from phase_spans(result.timings, trace, span_id, start, self._new_span_id)

    def _span(self, result: StepResult, trace: bytes, span_id: bytes, parent: bytes, start: int) -> bytes:
        head, static = self._static[result.name]
        found: dict[str, protobuf.AttributeValue] = {names.STEP_OUTCOME: result.outcome.value}
        if result.status is not None:
            found[names.HTTP_RESPONSE_STATUS_CODE] = result.status
        if result.address is not None:
            found[names.NETWORK_PEER_ADDRESS] = result.address
        if result.redirects:
            found[names.CHECK_REDIRECTS] = result.redirects
        attributes = static + self._encoded(found)
        if result.timings is not None:
            attributes += phases_of(result.timings)
        status = UNSET
        if result.reason is not None:
            attributes += self._encoded({names.ERROR_TYPE: error_type(result)})
            status = status_of(result)
        limit = self._limits.attributes
        if limit is not None and limit < 32:
            attributes = keep_newest(attributes, limit)
        end = start + round(self._seconds(result) * 1e9)
        ids = TRACE_ID + trace + SPAN_ID + span_id + PARENT + parent
        return protobuf.field(2, ids + head + TIMES(b"9", start, b"A", end) + attributes + status + END)

    def _asked(self, check: Check, step: Step, hidden: tuple[str, ...]) -> tuple[bytes, bytes]:
        """Name and kind of its span, and the attributes that never change."""
        question = step.question
        template = _path(shown_url(_filled(question.url, "{%s}"), hidden))
        method = method_attributes(question.method)
        called = str(method[names.HTTP_REQUEST_METHOD]).replace(names.OTHER, "HTTP")
        static = {
            **method,
            **server_attributes(question.url),
            names.URL_FULL: shown_url(_filled(question.url, REDACTED), hidden),
            names.URL_TEMPLATE: template,
            **whose_attributes(check),
            names.STEP_NAME: step.name,
        }
        return protobuf.field(5, protobuf.text(f"{called} {template}")) + CLIENT, self._encoded(static)

    def _encoded(self, found: dict[str, protobuf.AttributeValue]) -> bytes:
        return b"".join(
            protobuf.attribute(key, self._limits.cut(value) if isinstance(value, str) else value, ATTRIBUTES)
            for key, value in found.items()
        )

    @staticmethod
    def _seconds(result: StepResult) -> float:
        """Of a step that got no answer, as far as is known."""
        return result.seconds or (result.timings.total if result.timings is not None else 0.0)


def _filled(template: str, value: str) -> str:
    """*template* with *value* for each value, in which %s is its name."""
    parts = parse(template)
    return "".join(value.replace("%s", part.name) if isinstance(part, Reference) else part for part in parts)


def _path(url: str) -> str:
    """Without scheme and host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
