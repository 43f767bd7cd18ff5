"""A small OTLP/HTTP receiver: what a collector would take, decoded and kept. For the demo and the tests."""

from __future__ import annotations

import gzip
import math
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

MAX_BODY = 16 * 1024 * 1024
KEPT = 100_000
"""Items of each kind; the oldest go first, so that a demo that is left running does not grow."""

Attributes = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """
    Attributes:
        trace_id, span_id, parent_id: Hex digits; parent_id is empty for the root.
        start, end: Seconds since the Unix epoch.
        error: Whether the status is Error; `description` says why.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start: float
    end: float
    attributes: Attributes
    error: bool
    description: str
    resource: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedLog:
    event_name: str
    body: object
    trace_id: str
    span_id: str
    at: float
    severity: int
    attributes: Attributes
    resource: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedPoint:
    """
    Attributes:
        value: Of a sum or gauge; the sum of a histogram.
        count: Of a histogram; 1 otherwise.
        buckets: Counts per bucket of a histogram.
    """

    metric: str
    kind: str
    value: float
    count: int
    buckets: tuple[int, ...]
    attributes: Attributes
    resource: Attributes


OnItem = Callable[[str, object], None]
"""Called with "span", "log" or "metric" and the item, on the receiver's threads."""


@dataclass
class Behaviour:
    """
    How it answers; changed by tests while it runs.

    Attributes:
        status: Anything but 200 means that nothing is kept.
        delay: Seconds before each answer.
        garbage: Answer something that is no protobuf, after keeping what came.
        rejected: Say that so many items were not taken.
    """

    status: int = 200
    retry_after: str = ""
    delay: float = 0.0
    garbage: bool = False
    rejected: int = 0


@dataclass
class Received:
    """
    Attributes:
        bodies: The requests as they came, decompressed, by path; only the last few hundred.
    """

    spans: list[ReceivedSpan] = field(default_factory=list)
    logs: list[ReceivedLog] = field(default_factory=list)
    points: list[ReceivedPoint] = field(default_factory=list)
    bodies: list[tuple[str, bytes]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    requests: int = 0
    undecodable: int = 0


class OtlpReceiver:
    def __init__(self, on_item: OnItem | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.behaviour = Behaviour()
        self.received = Received()
        self._on_item = on_item
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._server = _Server((host, port), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True, name="otlp-receiver"
        )

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> OtlpReceiver:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_for(self, holds: Callable[[Received], bool], within: float = 60.0) -> bool:
        """Until *holds*, asked again after each request; False when it did not come true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: holds(self.received), within)

    def take(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Keep one request; the status to answer."""
        behaviour = self.behaviour
        if behaviour.delay:
            self._stopping.wait(behaviour.delay)
        status = behaviour.status  # once: it may change meanwhile, and what is answered 200 must have been kept
        try:
            items = _decoded(path, body) if status == 200 else []
        except Exception:
            # DecodeError, whose module ships no types: what came is not OTLP, and the sender shall hear it.
            items, status = [], 400
        if items is None:
            items, status = [], 404
        with self._changed:
            self.received.requests += 1
            self.received.undecodable += status == 400
            _keep(self.received.headers, [headers], 500)
            if status == 200:
                _keep(self.received.bodies, [(path, body)], 500)
            for kind, item in items:
                _keep(*self._place(kind, item))
            self._changed.notify_all()
        for kind, item in items:
            if self._on_item is not None:
                self._on_item(kind, item)
        return status

    def _place(self, kind: str, item: Any) -> tuple[list[Any], list[Any], int]:
        places: dict[str, list[Any]] = {
            "span": self.received.spans,
            "log": self.received.logs,
            "metric": self.received.points,
        }
        return places[kind], [item], KEPT


def _keep(kept: list[Any], new: list[Any], limit: int) -> None:
    kept += new
    if len(kept) > limit:
        del kept[: limit // 10]


def _decoded(path: str, body: bytes) -> list[tuple[str, object]] | None:
    if path.endswith("/v1/traces"):
        return [("span", span) for span in _spans(ExportTraceServiceRequest.FromString(body))]
    if path.endswith("/v1/logs"):
        return [("log", log) for log in _logs(ExportLogsServiceRequest.FromString(body))]
    if path.endswith("/v1/metrics"):
        return [("metric", point) for point in _points(ExportMetricsServiceRequest.FromString(body))]
    return None


def _spans(request: ExportTraceServiceRequest) -> Iterable[ReceivedSpan]:
    for resource in request.resource_spans:
        about = plain(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield ReceivedSpan(
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano / 1e9,
                    end=span.end_time_unix_nano / 1e9,
                    attributes=plain(span.attributes),
                    error=span.status.code == span.status.STATUS_CODE_ERROR,
                    description=span.status.message,
                    resource=about,
                )


def _logs(request: ExportLogsServiceRequest) -> Iterable[ReceivedLog]:
    for resource in request.resource_logs:
        about = plain(resource.resource.attributes)
        for scope in resource.scope_logs:
            for log in scope.log_records:
                yield ReceivedLog(
                    event_name=log.event_name,
                    body=value(log.body),
                    trace_id=log.trace_id.hex(),
                    span_id=log.span_id.hex(),
                    at=log.time_unix_nano / 1e9,
                    severity=int(log.severity_number),
                    attributes=plain(log.attributes),
                    resource=about,
                )


def _points(request: ExportMetricsServiceRequest) -> Iterable[ReceivedPoint]:
    for resource in request.resource_metrics:
        about = plain(resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = str(metric.WhichOneof("data"))
                for point in getattr(metric, kind).data_points:
                    yield _point(metric.name, kind, point, about)


def _point(name: str, kind: str, point: Any, about: Attributes) -> ReceivedPoint:
    if kind == "histogram":
        number, count, buckets = point.sum, point.count, tuple(point.bucket_counts)
    else:
        which = point.WhichOneof("value")
        number, count, buckets = (math.nan if which is None else float(getattr(point, which))), 1, ()
    return ReceivedPoint(name, kind, number, count, buckets, plain(point.attributes), about)


def plain(attributes: Iterable[KeyValue]) -> Attributes:
    return {pair.key: value(pair.value) for pair in attributes}


def value(found: AnyValue) -> object:
    match found.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [value(each) for each in found.array_value.values]
        case "kvlist_value":
            return plain(found.kvlist_value.values)
        case kind:
            return getattr(found, kind)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A sender that closes in the middle of a request is what the tests are about: no traceback for it.
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """The connection is gone; the sender notices on its own side."""


def _handler(receiver: OtlpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > MAX_BODY:
                self.close_connection = True
                self._answer(413, b"")
                return
            body = self.rfile.read(length)
            try:
                unpacked = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            except (OSError, EOFError, zlib.error):
                self._answer(400, b"")
                return
            status = receiver.take(self.path, unpacked, dict(self.headers.items()))
            self._answer(status, _content(receiver.behaviour) if status == 200 else b"")

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            if receiver.behaviour.retry_after and status != 200:
                self.send_header("Retry-After", receiver.behaviour.retry_after)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
            """Quiet: what arrives is told through `on_item`."""

    return Handler


def _content(behaviour: Behaviour) -> bytes:
    if behaviour.garbage:
        return b"<html>\xff\xfe not protobuf"
    answer = ExportTraceServiceResponse()
    if behaviour.rejected:
        answer.partial_success.rejected_spans = behaviour.rejected
        answer.partial_success.error_message = "too old"
    return bytes(answer.SerializeToString())
