"""
What telemetry costs per result: our template against the OpenTelemetry SDK, in the same run, CPU of the whole process.

    python tests/bench/bench_telemetry.py [RESULTS]

A receiver that decodes nothing runs in a process of its own, so that its CPU is not in the figures. Asserts nothing.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from checks.check import Check, HttpQuestion  # noqa: E402  # run as a script: the path comes first
from checks.result import Attempt, CheckResult, Outcome, Reason, Timings  # noqa: E402
from monitor.clock import SteadyClock  # noqa: E402
from monitor.telemetry import Telemetry, names  # noqa: E402
from monitor.telemetry.asked import error_type, request_attributes  # noqa: E402
from monitor.telemetry.sdk import make_resource  # noqa: E402
from monitor.telemetry.spans import SpanTemplate, nanoseconds  # noqa: E402

CHECKS = 1_000
CHUNK = 1_000
SINK = """
import http.server, sys
class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def make_results(count: int, failed_every: int = 0) -> list[tuple[Check, CheckResult]]:
    checks = [
        Check(
            service=f"service-{n}", name="ready", question=HttpQuestion(url=f"http://host-{n}.example:8080/healthz/{n}")
        )
        for n in range(CHECKS)
    ]
    start, out = datetime.now(UTC), []
    for n in range(count):
        check, at = checks[n % CHECKS], start + timedelta(milliseconds=n)
        timings = Timings(connect=0.0004, first_byte=0.011 + n % 97 / 10_000, transfer=0.0002)
        failed = failed_every > 0 and n % failed_every == 0
        attempt = Attempt(
            started_at=at,
            outcome=Outcome.FAILED if failed else Outcome.OK,
            reason=Reason.STATUS if failed else None,
            detail="answered 503, wanted 200 to 299" if failed else "",
            latency=timings.total,
            timings=timings,
            status=503 if failed else 200,
            address="192.0.2.7",
            span_id=os.urandom(8).hex(),
        )
        result = CheckResult(
            service=check.service, check=check.name, scheduled_at=at, attempts=(attempt,), trace_id=os.urandom(16).hex()
        )
        out.append((check, result))
    return out


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def cpu(work: Callable[[], None], count: int) -> float:
    """Microseconds of CPU per result, all threads of this process."""
    gc.collect()
    before = time.process_time()
    work()
    return (time.process_time() - before) / count * 1e6


def template_only(results: list[tuple[Check, CheckResult]]) -> None:
    templates: dict[str, SpanTemplate] = {}
    for check, result in results:
        if (template := templates.get(check.id)) is None:
            template = templates[check.id] = SpanTemplate(check)
        template.spans(result, 0)


def ours(results: list[tuple[Check, CheckResult]], url: str) -> None:
    """Span and both metrics, encoded, compressed and sent, with an export of all metrics at the end."""
    telemetry = Telemetry.start(url, "bench", "here", "bench", SteadyClock.begin(), environ={})
    for first in range(0, len(results), CHUNK):
        for check, result in results[first : first + CHUNK]:
            telemetry.probe(check, result)
        while telemetry.stats()["queued_bytes"] > 2_000_000:
            time.sleep(0.01)
    telemetry.close(30)
    stats = telemetry.stats()
    if stats["dropped"] or stats["sent"] < len(results):
        say(f"   (not all arrived: {stats})")


def sdk(results: list[tuple[Check, CheckResult]], url: str, metrics: bool) -> None:
    """The same through the SDK's tracer, batch processor and exporter, and its histogram."""
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode

    resource = make_resource("bench", "here", "bench")
    tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{url}/v1/traces", compression=Compression.Gzip)
    tracing.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=len(results) + 1))
    tracer = tracing.get_tracer(names.SCOPE, "0", schema_url=names.SCHEMA_URL)
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(f"{url}/v1/metrics", compression=Compression.Gzip), export_interval_millis=60_000
    )
    metering = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = metering.get_meter(names.SCOPE)
    duration = meter.create_histogram(
        names.REQUEST_DURATION.name, "s", explicit_bucket_boundaries_advisory=list(names.REQUEST_DURATION.bounds)
    )
    up = meter.create_gauge(names.CHECK_UP.name)
    static = {check.id: request_attributes(check) for check, _ in results[:CHECKS]}
    for check, result in results:
        attempt = result.first
        timings = attempt.timings or Timings()
        start = nanoseconds(attempt.started_at)
        spent = (timings.name_lookup, timings.connect, timings.tls, timings.first_byte, timings.transfer)
        attributes = {
            **static[check.id],
            names.CHECK_OUTCOME: attempt.outcome.value,
            names.CHECK_ATTEMPT: 1,
            names.CHECK_EXTRA: False,
            names.CHECK_CONFIRMATION: result.confirmation.value,
            names.CHECK_LATENESS: 0.0,
            names.HTTP_RESPONSE_STATUS_CODE: attempt.status or 0,
            names.NETWORK_PEER_ADDRESS: attempt.address or "",
            **dict(zip(names.PHASES, spent, strict=True)),
        }
        if attempt.reason is not None:
            attributes[names.ERROR_TYPE] = error_type(attempt)
        span = tracer.start_span("GET", kind=SpanKind.CLIENT, start_time=start, attributes=attributes)
        if attempt.outcome is Outcome.FAILED:
            span.set_status(Status(StatusCode.ERROR, attempt.detail))
        span.end(start + round(timings.total * 1e9))
        if metrics:
            whose = {names.CHECK_SERVICE: check.service, names.CHECK_NAME: check.name}
            duration.record(timings.total, {**whose, names.HTTP_RESPONSE_STATUS_CODE: attempt.status or 0})
            up.set(1, whose)
    tracing.shutdown()
    metering.shutdown()


def paced(seconds: float, rate: int, url: str) -> float:
    """What the daemon would spend: *rate* results a second in batches of a tenth, CPU above an idle process."""
    results = make_results(int(seconds * rate))
    telemetry = Telemetry.start(url, "bench", "here", "bench", SteadyClock.begin(), environ={})
    before, begun, step = time.process_time(), time.monotonic(), rate // 10
    for turn, first in enumerate(range(0, len(results), step)):
        for check, result in results[first : first + step]:
            telemetry.probe(check, result)
        time.sleep(max(0.0, begun + (turn + 1) / 10 - time.monotonic()))
    telemetry.close(10)
    return (time.process_time() - before) / len(results) * 1e6


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    sink = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True)
    assert sink.stdout is not None
    url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
    try:
        results, failing = make_results(count), make_results(count, failed_every=1)
        rows = {
            "template, encode only": [cpu(lambda: template_only(results), count) for _ in range(3)],
            "template + metrics, sent": [cpu(lambda: ours(results, url), count) for _ in range(3)],
            "  all failed (6 spans each)": [cpu(lambda: ours(failing, url), count) for _ in range(3)],
            "SDK span, sent": [cpu(lambda: sdk(results, url, metrics=False), count) for _ in range(3)],
            "SDK span + metrics, sent": [cpu(lambda: sdk(results, url, metrics=True), count) for _ in range(3)],
        }
        base = median(rows["template + metrics, sent"])
        say(f"{count} results, {CHECKS} checks; CPU µs per result, median of 3 [min-max], ratio to ours")
        for name, values in rows.items():
            low, high = min(values), max(values)
            say(f"{name:30} {median(values):7.1f} [{low:.1f}-{high:.1f}]  {median(values) / base:5.1f}x")
        say(f"{'paced, 1,000 results/s, 10 s':30} {paced(10, 1_000, url):7.1f}")
    finally:
        sink.terminate()
        sink.wait(5)


if __name__ == "__main__":
    main()
