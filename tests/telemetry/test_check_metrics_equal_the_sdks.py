"""Histograms and counts that we add up and encode ourselves: the SDK's points, and a bounded number of them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from checks import tcp
from checks.check import Check, HttpQuestion
from checks.result import Reason
from monitor.telemetry import names
from monitor.telemetry.sdk import encoded_resource, encoded_scope, make_resource, package_version
from monitor.telemetry.series import MAX_SERIES_PER_CHECK, POINTS_PER_REQUEST, CheckSeries, requests

RESOURCE = make_resource("test", "fra1", "instance-1")
BEGAN, NOW = 1_772_366_400_000_000_000, 1_772_366_460_000_000_000
WHOSE = {"synthetic.check.service": "orders-service", "synthetic.check.name": "ready"}
ASKED = {**WHOSE, "http.request.method": "GET", "server.address": "127.0.0.1", "server.port": 8080}


def exported(*series: CheckSeries) -> list[ExportMetricsServiceRequest]:
    made = requests(series, NOW, encoded_resource(RESOURCE), encoded_scope())
    return [ExportMetricsServiceRequest.FromString(body) for body, _ in made]


def points_of(name: str, found: list[ExportMetricsServiceRequest]):
    metrics = [metric for one in found for metric in one.resource_metrics[0].scope_metrics[0].metrics]
    return [p for m in metrics if m.name == name for p in getattr(m, m.WhichOneof("data")).data_points]


def labels(point):
    values = {pair.key: pair.value for pair in point.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}


class SdkMeter:
    def __init__(self):
        self.reader = InMemoryMetricReader()
        provider = MeterProvider([self.reader], RESOURCE, shutdown_on_exit=False)
        meter = provider.get_meter(names.SCOPE, package_version(), names.SCHEMA_URL)
        duration, up, probes = names.REQUEST_DURATION, names.CHECK_UP, names.CHECK_PROBES
        self.duration = meter.create_histogram(
            duration.name, duration.unit, duration.meaning, explicit_bucket_boundaries_advisory=duration.bounds
        )
        self.up = meter.create_gauge(up.name, up.unit, up.meaning)
        self.probes = meter.create_counter(probes.name, probes.unit, probes.meaning)

    def request(self) -> ExportMetricsServiceRequest:
        """With our times: only the clock may differ."""
        found = encode_metrics(self.reader.get_metrics_data())
        for metric in found.resource_metrics[0].scope_metrics[0].metrics:
            for point in getattr(metric, metric.WhichOneof("data")).data_points:
                point.time_unix_nano = NOW
                if point.start_time_unix_nano:
                    point.start_time_unix_nano = BEGAN
        return found


def joined(found: list[ExportMetricsServiceRequest]) -> ExportMetricsServiceRequest:
    whole = found[0]
    for one in found[1:]:
        whole.resource_metrics[0].scope_metrics[0].metrics.extend(one.resource_metrics[0].scope_metrics[0].metrics)
    return whole


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=40), st.integers(0, 5))
def test_the_sums_and_buckets_are_the_sdks(build, latencies, failures):
    series, sdk = CheckSeries(build.check, BEGAN), SdkMeter()
    for latency in [*latencies, 0.005, 10.0]:  # both on an edge: a bucket's upper bound belongs to it
        series.add(build.result(build.attempt(latency=latency)))
        sdk.duration.record(latency, {**ASKED, "http.response.status_code": 200})
        sdk.probes.add(1, {**WHOSE, "synthetic.check.outcome": "ok"})
    for _ in range(failures):
        series.add(build.result(build.attempt(reason=Reason.STATUS, status=503, latency=0.25)))
        sdk.duration.record(0.25, {**ASKED, "http.response.status_code": 503, "error.type": "503"})
        sdk.probes.add(1, {**WHOSE, "synthetic.check.outcome": "failed"})
    sdk.up.set(0 if failures else 1, WHOSE)
    made, wanted = joined(exported(series)), sdk.request()
    for one in (made, wanted):
        # The SDK lists its metrics in the order of their first record, which is no part of what they say.
        one.resource_metrics[0].scope_metrics[0].metrics.sort(key=lambda metric: metric.name)
    assert made == wanted


def test_every_attempt_is_a_request_but_only_the_first_is_the_probe(build):
    series = CheckSeries(build.check, BEGAN)
    series.add(
        build.result(build.attempt(reason=Reason.STATUS, status=503), build.attempt("00000000000000a2", after=1))
    )
    assert [
        (p.count, labels(p).get("error.type")) for p in points_of("http.client.request.duration", exported(series))
    ] == [
        (1, "503"),
        (1, None),
    ]
    (probe,) = points_of("synthetic.check.probes", exported(series))
    assert (labels(probe)["synthetic.check.outcome"], probe.as_int) == ("failed", 1)


def test_unknown_is_neither_up_nor_down_and_no_request_of_the_target(build):
    series = CheckSeries(build.check, BEGAN)
    series.add(build.result())
    series.add(build.result(build.attempt(reason=Reason.BLIND, unknown=True, latency=5.0)))
    assert points_of("synthetic.check.up", exported(series)) == []
    assert [p.count for p in points_of("http.client.request.duration", exported(series))] == [1]
    outcomes = {
        labels(p)["synthetic.check.outcome"]: p.as_int for p in points_of("synthetic.check.probes", exported(series))
    }
    assert outcomes == {"ok": 1, "unknown": 1}
    series.add(build.result())
    assert [p.as_int for p in points_of("synthetic.check.up", exported(series))] == [1]


@pytest.mark.parametrize(
    ("attempt", "counted"), [({"reason": Reason.TIMEOUT}, [10.0]), ({"reason": Reason.REFUSED}, [])]
)
def test_a_failure_without_a_duration(build, attempt, counted):
    """A timeout is known to have taken the timeout; of anything else nobody knows."""
    series = CheckSeries(build.check, BEGAN)
    series.add(build.result(build.attempt(latency=None, timings=None, status=None, **attempt)))
    assert [p.sum for p in points_of("http.client.request.duration", exported(series))] == counted


def test_a_target_that_invents_status_codes_gets_a_bounded_number_of_series(build):
    series = CheckSeries(build.check, BEGAN)
    for status in range(100, 600):
        series.add(build.result(build.attempt(reason=Reason.STATUS, status=status)))
    found = points_of("http.client.request.duration", exported(series))
    assert len(found) == MAX_SERIES_PER_CHECK
    assert sum(p.count for p in found) == 500
    other = next(p for p in found if labels(p)["error.type"] == "_OTHER")
    assert (other.count, "http.response.status_code" in labels(other)) == (500 - MAX_SERIES_PER_CHECK + 1, False)


def test_ten_thousand_checks_leave_in_requests_of_bounded_size(build):
    series = []
    for number in range(3 * POINTS_PER_REQUEST):
        check = Check(service=f"s{number}", name="ready", question=HttpQuestion(url=f"http://127.0.0.1:80/{number}"))
        series.append(CheckSeries(check, BEGAN))
        series[-1].add(build.result(check=check))
    found = list(requests(series, NOW, encoded_resource(RESOURCE), encoded_scope()))
    assert max(count for _, count in found) < POINTS_PER_REQUEST + MAX_SERIES_PER_CHECK
    decoded = [ExportMetricsServiceRequest.FromString(body) for body, _ in found]
    per_metric = Counter(metric.name for one in decoded for metric in one.resource_metrics[0].scope_metrics[0].metrics)
    assert per_metric["http.client.request.duration"] == 3
    assert sum(count for _, count in found) == 9 * POINTS_PER_REQUEST


def test_what_is_no_http_request_is_counted_under_a_name_of_its_own(build):
    series = CheckSeries(Check(service="shop", name="cache", question=tcp.Question(url="tcp://127.0.0.1:6379")), BEGAN)
    series.add(build.result(build.attempt(latency=0.004, status=None)))
    series.add(build.result(build.attempt(reason=Reason.BODY, status=None, latency=0.004)))

    found = exported(series, CheckSeries(build.check, BEGAN))

    assert points_of("http.client.request.duration", found) == []
    whose = {"synthetic.check.service": "shop", "synthetic.check.name": "cache"}
    asked = {"network.transport": "tcp", "server.address": "127.0.0.1", "server.port": 6379}
    points = points_of("synthetic.check.duration", found)
    assert [labels(point) for point in points] == [{**whose, **asked}, {**whose, **asked, "error.type": "body"}]
    assert [point.count for point in points] == [1, 1]
