"""
What goes through the OpenTelemetry SDK: the resource, Watchkeeper's own metrics, the events. Needs an endpoint to load.

The SDK makes and encodes the records; our `Sender` takes the bytes out. So none of the SDK's own threads, queues,
retries or log lines is in play, and all three signals share one bound and one connection.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics import _Gauge as Gauge
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData, ResourceMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from monitor.telemetry import names, protobuf
from monitor.telemetry.numbers import MAX_SERIES
from monitor.telemetry.redact import mask
from monitor.telemetry.spans import nanoseconds

if TYPE_CHECKING:
    from monitor.ledger.records import LedgerEvent


def package_version() -> str:
    try:
        return version("watchkeeper")
    except PackageNotFoundError:
        return "unknown"


def make_resource(environment: str, location: str, instance_id: str) -> Resource:
    """One for all three signals. OTEL_RESOURCE_ATTRIBUTES adds to it and cannot change what stands here."""
    ours = {
        names.SERVICE_NAME: "watchkeeper",
        names.SERVICE_VERSION: package_version(),
        names.SERVICE_INSTANCE_ID: instance_id,
        names.ENVIRONMENT: environment,
        names.HOST_NAME: socket.gethostname(),
        names.LOCATION: location,
    }
    return Resource.create({key: value for key, value in ours.items() if value})


def encoded_resource(resource: Resource) -> bytes:
    return protobuf.attributes(((key, _plain(value)) for key, value in resource.attributes.items()), 1)


def encoded_scope() -> bytes:
    return protobuf.field(1, protobuf.text(names.SCOPE)) + protobuf.field(2, protobuf.text(package_version()))


def _plain(value: object) -> protobuf.AttributeValue:
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Sequence):
        return tuple(str(each) for each in value)
    return str(value)


class _ToLane(LogRecordProcessor):
    """Encodes a record where it is emitted. Events are few; what they cost is paid by who makes them, at once."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        readable = ReadableLogRecord(
            log_record.log_record,
            log_record.resource or Resource.get_empty(),
            log_record.instrumentation_scope,
            log_record.limits,
        )
        self._put(encode_logs([readable]).SerializeToString())

    def shutdown(self) -> None:
        """Nothing is held here."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  # the SDK's signature
        return True


class EventLog:
    """Ledger events as LogRecords with an event name, in the trace of the probe that caused them."""

    def __init__(self, resource: Resource, put: Callable[[bytes], None], hidden: tuple[str, ...] = ()) -> None:
        provider = LoggerProvider(resource, shutdown_on_exit=False)
        provider.add_log_record_processor(_ToLane(put))
        self._logger = provider.get_logger(names.SCOPE, package_version(), names.SCHEMA_URL)
        self.hidden = hidden

    def emit(self, event: LedgerEvent) -> None:
        kind = names.EVENTS.get(event.name, names.EVENT_DEFAULT)
        wall = nanoseconds(event.wall)
        self._logger.emit(
            timestamp=wall,
            observed_timestamp=wall,
            context=context_of(event.trace_id, event.span_id),
            severity_number=SeverityNumber(kind.number),
            body=mask(event.text, self.hidden),
            attributes=self._attributes(event),
            event_name=event.name,
        )

    def _attributes(self, event: LedgerEvent) -> dict[str, Any]:
        # Any: the SDK's AnyValue is a recursive type that no plain dict of ours matches.
        always = {
            names.INCIDENT_ID: event.incident,
            names.SERVICE_PEER_NAME: event.service,
            names.EVENT_AUTHOR: event.author,
            names.EVENT_SEQUENCE: event.seq,
            names.EVENT_SCHEMA: event.schema,
        }
        found: dict[str, Any] = {key: value for key, value in always.items() if value not in ("", 0)}
        word = event.name.partition(".")[0]
        for key, value in event.attributes.items():
            if value is None or value == "":
                continue
            name = names.LEDGER_KEYS.get(key) or (key if "." in key else f"{word}.{key}")
            found[name] = self._flat(value)
        return found

    def _flat(self, value: object) -> protobuf.AttributeValue:
        """Attributes are flat: what has an inside goes as JSON, a list of texts as itself."""
        if isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return mask(value, self.hidden)
        if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
            return [mask(each, self.hidden) for each in value]
        return mask(json.dumps(value, default=str), self.hidden)


def context_of(trace_id: str, span_id: str) -> Context:
    """That of the probe's span. Ids that are none leave the event without a trace, never without the event."""
    try:
        trace, span = int(trace_id, 16), int(span_id, 16)
    except ValueError:
        return Context()
    return set_span_in_context(
        NonRecordingSpan(SpanContext(trace, span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))),
        Context(),
    )


class Meters:
    """Watchkeeper's own metrics, by the names of `names.METRICS`. Attributes a metric does not list are left out."""

    def __init__(self, resource: Resource, totals: Callable[[], Mapping[str, tuple[int, int]]]) -> None:
        """
        Args:
            totals: Per signal: sent and dropped so far.
        """
        self._reader = InMemoryMetricReader(cardinality_limits=dict.fromkeys((Counter, Gauge, Histogram), MAX_SERIES))
        provider = MeterProvider(
            [self._reader], resource, exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False
        )
        meter = provider.get_meter(names.SCOPE, package_version(), names.SCHEMA_URL)
        own = {metric.name: metric for metric in names.OF_DAEMON}
        self._counters = {
            name: meter.create_counter(name, metric.unit, metric.meaning)
            for name, metric in own.items()
            if metric.kind == "counter"
        }
        self._gauges = {
            name: meter.create_gauge(name, metric.unit, metric.meaning)
            for name, metric in own.items()
            if metric.kind == "gauge"
        }
        self._histograms = {
            name: meter.create_histogram(
                name, metric.unit, metric.meaning, explicit_bucket_boundaries_advisory=metric.bounds
            )
            for name, metric in own.items()
            if metric.kind == "histogram"
        }

        def observe(which: int) -> Callable[[CallbackOptions], Iterable[Observation]]:
            return lambda _: [Observation(pair[which], {names.SIGNAL: signal}) for signal, pair in totals().items()]

        for which, metric in enumerate(names.OF_TELEMETRY):
            meter.create_observable_counter(metric.name, [observe(which)], metric.unit, metric.meaning)

    def add(self, name: str, amount: int, attributes: Mapping[str, str]) -> None:
        """
        Raises:
            KeyError: `names.METRICS` has no counter of that name. So do the two below.
        """
        self._counters[name].add(amount, _listed(name, attributes))

    def set(self, name: str, value: float, attributes: Mapping[str, str]) -> None:
        self._gauges[name].set(value, _listed(name, attributes))

    def record(self, name: str, value: float, attributes: Mapping[str, str]) -> None:
        self._histograms[name].record(value, _listed(name, attributes))

    def collect(self) -> tuple[bytes, int] | None:
        """The body of a request and its number of points."""
        found = self._reader.get_metrics_data()
        points = _points(found.resource_metrics) if found is not None else 0
        if found is None or points == 0:
            return None
        return encode_metrics(MetricsData(found.resource_metrics)).SerializeToString(), points


def _listed(name: str, attributes: Mapping[str, str]) -> dict[str, str]:
    listed = names.METRICS[name].attributes
    return {key: attributes[key] for key in listed if key in attributes}


def _points(found: Sequence[ResourceMetrics]) -> int:
    scopes = (scope for one in found for scope in one.scope_metrics)
    return sum(len(metric.data.data_points) for scope in scopes for metric in scope.metrics)


class SdkLog(logging.Handler):
    """Takes what the SDK would print, one line per mishap, and hands it to whoever reports once a minute."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._note = note
        self._logger = logging.getLogger("opentelemetry")
        self._propagated = self._logger.propagate

    def emit(self, record: logging.LogRecord) -> None:
        self._note(f"SDK: {record.getMessage()}"[:300])

    def attach(self) -> None:
        self._logger.addHandler(self)
        self._logger.propagate = False

    def detach(self) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated
