"""What the telemetry tests share: a receiver, a fixed clock, results, and the SDK building the same spans as we do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from loguru import logger
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome, Reason, Timings
from monitor.demo.otlp_receiver import OtlpReceiver
from monitor.telemetry import Telemetry, names

T0 = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class FixedClock:
    """The wall clock is a fixed way ahead of the steady timeline, as after an NTP step."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return T0

    def wall(self) -> datetime:
        return T0 + self.ahead


class Build:
    """Results in one line, so that a test shows only what it is about."""

    t0 = T0
    fixed_clock = FixedClock
    check = Check(service="orders-service", name="ready", question=HttpQuestion(url="http://127.0.0.1:8080/healthz"))

    def attempt(
        self,
        span_id: str = "00f067aa0ba902b7",
        *,
        after: float = 0.0,
        reason: Reason | None = None,
        unknown: bool = False,
        latency: float | None = 0.012,
        timings: Timings | None = Timings(connect=0.001, first_byte=0.01, transfer=0.001),  # noqa: B008  # frozen
        status: int | None = 200,
        address: str | None = "127.0.0.1",
        redirects: int = 0,
        detail: str = "",
    ) -> Attempt:
        outcome = Outcome.OK if reason is None else Outcome.UNKNOWN if unknown else Outcome.FAILED
        return Attempt(
            started_at=T0 + timedelta(seconds=after),
            outcome=outcome,
            reason=reason,
            detail=detail,
            latency=latency,
            timings=timings,
            status=status,
            address=address,
            redirects=redirects,
            span_id=span_id,
        )

    def result(
        self,
        *attempts: Attempt,
        check: Check | None = None,
        trace_id: str = "4bf92f3577b34da6a3ce929d0e0e4736",
        extra: bool = False,
        notes: tuple[str, ...] = (),
    ) -> CheckResult:
        check = check or self.check
        return CheckResult(
            service=check.service,
            check=check.name,
            scheduled_at=T0 - timedelta(milliseconds=3),
            attempts=attempts or (self.attempt(),),
            trace_id=trace_id,
            extra=extra,
            notes=notes,
        )


@pytest.fixture
def build() -> Build:
    return Build()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as started:
        yield started


@pytest.fixture
def telemetry_to() -> Iterator[Callable[..., Telemetry]]:
    """A telemetry for an address; whatever the test leaves open is closed."""
    started: list[Telemetry] = []

    def start(url: str, *, ahead: float = 0.0, secrets: Sequence[str] = (), **environ: str) -> Telemetry:
        clock = FixedClock(timedelta(seconds=ahead))
        telemetry = Telemetry.start(url, "test", "fra1", "instance-1", clock, secrets=secrets, environ=environ)
        assert telemetry.enabled
        started.append(telemetry)
        return telemetry

    yield start
    for telemetry in started:
        telemetry.close(0.5)


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    lines: list[str] = []
    logger.remove()
    kept = logger.add(lambda message: lines.append(str(message).rstrip()), format="{level} {message}")
    yield lines
    logger.remove(kept)
    logger.add(sys.stderr)


class _Collected(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


class _GivenIds(IdGenerator):
    def __init__(self) -> None:
        self.next_ids: list[int] = []
        self.trace_id = 0

    def generate_span_id(self) -> int:
        return self.next_ids.pop(0)

    def generate_trace_id(self) -> int:
        return self.trace_id


class SdkTracer:
    """The probe's spans as an application would make them with the SDK."""

    def __init__(self, resource: Resource, version: str) -> None:
        self._collected, self._ids = _Collected(), _GivenIds()
        provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._collected))
        self._tracer = provider.get_tracer(names.SCOPE, version, schema_url=names.SCHEMA_URL)

    def span(
        self,
        name: str,
        trace_id: str,
        span_id: str,
        parent_id: str,
        start: int,
        end: int,
        attributes: dict[str, object],
        error: str | None,
        client: bool = True,
    ) -> None:
        self._ids.trace_id, self._ids.next_ids = int(trace_id, 16), [int(span_id, 16)]
        context = None
        if parent_id:
            parent = SpanContext(
                int(trace_id, 16), int(parent_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
            )
            context = set_span_in_context(NonRecordingSpan(parent))
        kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
        span = self._tracer.start_span(name, context, kind, attributes=attributes, start_time=start)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error or None))
        span.end(end)

    def request(self) -> bytes:
        return encode_spans(self._collected.spans).SerializeToString()


@pytest.fixture
def sdk_tracer() -> Callable[[Resource, str], SdkTracer]:
    return SdkTracer
