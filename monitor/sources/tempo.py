"""
Whether the failing probe's trace has arrived in Tempo, and what is in it.

That tests the way of the telemetry itself. A trace is on its way for seconds, so it is asked for until it is there or
the time is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from monitor.config import Source
from monitor.sources.fetching import Answered, fetch_json
from monitor.sources.prometheus import SourceAway

PAUSE: Final = 1.0
"""Seconds between two questions."""
MOST_SHOWN: Final = 12
LONGEST_NAME: Final = 1_000
"""Characters, for whoever masks and cuts it: cut here, half a secret could be left."""
_PATHS: Final = ("/api/v2/traces/", "/api/traces/")
"""Of Tempo as it is, and of one before 2.7."""
_FAILED: Final = ("STATUS_CODE_ERROR", 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    service: str
    name: str
    seconds: float
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """
    Attributes:
        spans: Those that failed first, then the longest; `count` says how many there are.
        services: How many spans each service has.
    """

    count: int
    services: tuple[tuple[str, int], ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """
    Attributes:
        trace: None: it has not arrived.
        asked: How often.
    """

    trace: Trace | None
    asked: int


def awaited(
    tempo: Source,
    trace_id: str,
    until: float,
    now: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Arrival:
    """
    The trace, as soon as it is there; looked for until *until*.

    Raises:
        SourceAway: Tempo itself is away. That it has no such trace is no failure of Tempo's.
    """
    asked = 0
    while True:
        asked += 1
        trace = _trace(tempo, trace_id, until)
        if trace is not None or now() + 2 * PAUSE > until:
            return Arrival(trace=trace, asked=asked)
        wait(PAUSE)


def _trace(tempo: Source, trace_id: str, until: float) -> Trace | None:
    for path in _PATHS:
        try:
            trace = trace_of(fetch_json(tempo, path + trace_id, {}, until))
        except Answered as answer:
            if answer.status != 404:
                raise
            continue
        if trace.count:
            return trace
    return None


def trace_of(answer: dict[str, Any]) -> Trace:
    """Of OTLP as JSON, in either envelope; pure and total but for SourceAway, where it is no trace."""
    inner = answer.get("trace")
    found = inner if isinstance(inner, dict) else answer
    batches = found.get("resourceSpans", found.get("batches"))
    if batches is None and "trace" in answer:
        batches = []  # an answer of Tempo's about a trace that has no spans yet
    if not isinstance(batches, list):
        raise SourceAway("answered without a trace")
    spans = sorted(_spans(batches), key=lambda span: (not span.failed, -span.seconds))
    services: dict[str, int] = {}
    for span in spans:
        services[span.service] = services.get(span.service, 0) + 1
    most = sorted(services.items(), key=lambda pair: (-pair[1], pair[0]))
    return Trace(count=len(spans), services=tuple(most[:MOST_SHOWN]), spans=tuple(spans[:MOST_SHOWN]))


def _spans(batches: list[Any]) -> Iterator[Span]:
    for batch in batches:
        if not isinstance(batch, dict):
            continue
        service = _service(batch.get("resource"))
        for scope in _listed(batch, "scopeSpans") or _listed(batch, "instrumentationLibrarySpans"):
            for span in _listed(scope, "spans"):
                if isinstance(span, dict):
                    yield _span(service, span)


def _span(service: str, span: dict[str, Any]) -> Span:
    try:
        seconds = (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e9
    except (KeyError, ValueError, TypeError, OverflowError):
        seconds = 0.0
    status = span.get("status")
    failed = isinstance(status, dict) and status.get("code") in _FAILED
    return Span(
        service=service, name=str(span.get("name", ""))[:LONGEST_NAME], seconds=max(0.0, seconds), failed=failed
    )


def _service(resource: object) -> str:
    for attribute in _listed(resource, "attributes"):
        if isinstance(attribute, dict) and attribute.get("key") == "service.name":
            value = attribute.get("value")
            return str(value.get("stringValue", ""))[:LONGEST_NAME] if isinstance(value, dict) else ""
    return ""


def _listed(value: object, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
