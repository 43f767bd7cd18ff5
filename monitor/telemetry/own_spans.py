"""Spans of the daemon's own work, through the SDK: what it delivered and how long that took. They are few."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from monitor.telemetry import names, protobuf
from monitor.telemetry.sdk import context_of, package_version
from monitor.telemetry.spans import nanoseconds


class _ToLane(SpanProcessor):
    """Encodes a span where it ends, as the lane of the probes' spans wants it: without resource and scope."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put

    def on_end(self, span: ReadableSpan) -> None:
        for of_resource in encode_spans([span]).resource_spans:
            for of_scope in of_resource.scope_spans:
                for each in of_scope.spans:
                    self._put(protobuf.field(2, each.SerializeToString()))


class OwnSpans:
    """Sampled and limited as OTEL_TRACES_SAMPLER and the SDK's other variables say."""

    def __init__(self, resource: Resource, put: Callable[[bytes], None]) -> None:
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(_ToLane(put))
        self._tracer = provider.get_tracer(names.SCOPE, package_version(), schema_url=names.SCHEMA_URL)

    def record(
        self,
        name: str,
        began: datetime,
        ended: datetime,
        attributes: Mapping[str, str | int],
        *,
        error: str = "",
        trace_id: str = "",
        span_id: str = "",
    ) -> None:
        """
        Args:
            began, ended: Wall clock. A clock that was stepped back in between makes it no shorter than nothing.
            error: What went wrong, in one line; empty when nothing did.
            trace_id, span_id: Of the span that it hangs below; without them it is a trace of its own.
        """
        start = nanoseconds(began)
        span = self._tracer.start_span(
            name, context_of(trace_id, span_id), SpanKind.CLIENT, dict(attributes), start_time=start
        )
        if error:
            span.set_status(StatusCode.ERROR, error)
        span.end(max(start, nanoseconds(ended)))
