"""The template must be worth nothing to whoever looks at the bytes: they are those of the SDK."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from checks import tcp, websocket
from checks.check import Check, CollectorQuestion, HttpQuestion
from checks.result import Confirmation, Outcome, Reason, Timings
from monitor.telemetry import names
from monitor.telemetry.sampling import Limits
from monitor.telemetry.sdk import encoded_resource, encoded_scope, make_resource, package_version
from monitor.telemetry.spans import SpanTemplate, nanoseconds, request_frame

NO_LIMITS = Limits()
RESOURCE = make_resource("test", "fra1", "instance-1")
STATIC = {
    "http.request.method": "GET",
    "server.address": "127.0.0.1",
    "server.port": 8080,
    "url.full": "http://127.0.0.1:8080/healthz",
    "user_agent.synthetic.type": "test",
    "service.peer.name": "orders-service",
    "synthetic.check.service": "orders-service",
    "synthetic.check.name": "ready",
}


def ours(check, result, offset=0, limits=NO_LIMITS):
    ids = count(1)
    template = SpanTemplate(check, limits, new_span_id=lambda: next(ids).to_bytes(8, "big"))
    return request_frame(encoded_resource(RESOURCE), encoded_scope())(b"".join(template.spans(result, offset)))


def expected_attributes(result, number, attempt, static):
    """The attributes, told a second time from docs/telemetry.md and in no haste."""
    found = {
        **static,
        "synthetic.check.outcome": str(attempt.outcome),
        "synthetic.check.attempt": number,
        "synthetic.check.extra": result.extra,
    }
    if number == 1:
        found["synthetic.check.confirmation"] = str(result.confirmation)
        found["synthetic.check.lateness"] = (attempt.started_at - result.scheduled_at) / timedelta(seconds=1)
        if result.notes:
            found["synthetic.check.notes"] = list(result.notes)
    else:
        found["http.request.resend_count"] = number - 1
    if attempt.status is not None:
        found["http.response.status_code"] = attempt.status
    if attempt.address is not None:
        found["network.peer.address"] = attempt.address
    if attempt.redirects:
        found["synthetic.check.redirects"] = attempt.redirects
    if attempt.timings is not None:
        for phase in ("name_lookup", "connect", "tls", "first_byte", "transfer"):
            found[f"synthetic.phase.{phase}"] = getattr(attempt.timings, phase)
    if attempt.reason is Reason.STATUS and attempt.status is not None:
        found["error.type"] = str(attempt.status)
    elif attempt.reason is not None:
        found["error.type"] = str(attempt.reason)
    return found


def theirs(tracer, check, result, static=STATIC, name="GET", offset=0):
    ids, root = count(1), ""
    for number, attempt in enumerate(result.attempts, 1):
        start = nanoseconds(attempt.started_at) + offset
        seconds = attempt.latency
        if seconds is None and attempt.timings is not None and attempt.timings.total > 0:
            seconds = attempt.timings.total
        if seconds is None:
            seconds = check.timeout if attempt.reason is Reason.TIMEOUT else 0.0
        failed = attempt.outcome is Outcome.FAILED
        tracer.span(
            name, result.trace_id, attempt.span_id, root, start, start + round(seconds * 1e9),
            expected_attributes(result, number, attempt, static), attempt.detail if failed else None,
        )  # fmt: skip
        if attempt.timings is not None and (failed or seconds >= check.timeout / 2):
            at = start
            for phase in ("name_lookup", "connect", "tls", "first_byte", "transfer"):
                spent = round(getattr(attempt.timings, phase) * 1e9)
                if getattr(attempt.timings, phase) > 0:
                    span_id = next(ids).to_bytes(8, "big").hex()
                    tracer.span(
                        phase, result.trace_id, span_id, attempt.span_id, at, at + spent, {}, None, client=False
                    )
                    at += spent
        root = root or attempt.span_id
    return tracer.request()


def assert_equal(made, wanted):
    decoded, reference = ExportTraceServiceRequest.FromString(made), ExportTraceServiceRequest.FromString(wanted)
    assert decoded == reference
    assert made == wanted


def test_a_probe_that_is_ok(build, sdk_tracer):
    result = build.result()
    assert_equal(ours(build.check, result), theirs(sdk_tracer(RESOURCE, package_version()), build.check, result))


def test_a_failure_with_a_retry_and_a_reprobe_has_children_per_phase_and_one_root(build, sdk_tracer):
    failed = {"reason": Reason.STATUS, "status": 503, "detail": "answered 503, wanted 200 to 299"}
    result = build.result(
        build.attempt("00000000000000a1", **failed),
        build.attempt("00000000000000a2", after=0.5, **failed, redirects=2),
        build.attempt("00000000000000a3", after=1.0),
        notes=("restarted: uptime fell to 3 s",),
    )
    assert result.confirmation is Confirmation.UNCONFIRMED
    assert_equal(ours(build.check, result), theirs(sdk_tracer(RESOURCE, package_version()), build.check, result))


def test_a_timeout_lasted_for_the_timeout_though_nothing_came_back(build, sdk_tracer):
    gone = build.attempt(
        reason=Reason.TIMEOUT, latency=None, timings=None, status=None, address=None, detail="no answer in 10 s"
    )
    made = ours(build.check, build.result(gone))
    assert_equal(made, theirs(sdk_tracer(RESOURCE, package_version()), build.check, build.result(gone)))
    span = ExportTraceServiceRequest.FromString(made).resource_spans[0].scope_spans[0].spans[0]
    assert span.end_time_unix_nano - span.start_time_unix_nano == 10_000_000_000


def test_unknown_says_why_and_is_no_error_of_the_target(build, sdk_tracer):
    blind = build.attempt(reason=Reason.BLIND, unknown=True, latency=None, timings=None, status=None, address=None)
    made = ours(build.check, build.result(blind))
    assert_equal(made, theirs(sdk_tracer(RESOURCE, package_version()), build.check, build.result(blind)))
    span = ExportTraceServiceRequest.FromString(made).resource_spans[0].scope_spans[0].spans[0]
    assert span.status.code == span.status.STATUS_CODE_UNSET


@pytest.mark.parametrize(("latency", "children"), [(4.999, 0), (5.0, 3)], ids=["just fast enough", "half the timeout"])
def test_a_slow_probe_is_shown_by_phase_though_it_is_ok(build, sdk_tracer, latency, children):
    result = build.result(build.attempt(latency=latency))
    made = ours(build.check, result)
    assert_equal(made, theirs(sdk_tracer(RESOURCE, package_version()), build.check, result))
    spans = ExportTraceServiceRequest.FromString(made).resource_spans[0].scope_spans[0].spans
    assert len(spans) == 1 + children


def test_times_are_of_the_wall_clock_to_the_nanosecond(build, sdk_tracer):
    result, ahead = build.result(), 3_600_000_000_001
    made = ours(build.check, result, offset=ahead)
    assert_equal(made, theirs(sdk_tracer(RESOURCE, package_version()), build.check, result, offset=ahead))
    span = ExportTraceServiceRequest.FromString(made).resource_spans[0].scope_spans[0].spans[0]
    assert span.start_time_unix_nano == 1772366400_000_000_000 + ahead


@pytest.mark.parametrize(
    ("question", "static", "name"),
    [
        (
            HttpQuestion(url="https://shop.example/a?b=c", method="head"),
            {"http.request.method": "HEAD", "server.address": "shop.example", "server.port": 443,
             "url.full": "https://shop.example/a?b=c"},
            "HEAD",
        ),
        (
            HttpQuestion(url="http://[::1]/", method="PURGE"),
            {"http.request.method": "_OTHER", "http.request.method_original": "PURGE", "server.address": "::1",
             "server.port": 80, "url.full": "http://[::1]/"},
            "HTTP",
        ),
        (
            CollectorQuestion(url="http://127.0.0.1:13133", metrics="http://127.0.0.1:8888/metrics"),
            {"http.request.method": "GET", "server.address": "127.0.0.1", "server.port": 13133,
             "url.full": "http://127.0.0.1:13133"},
            "GET",
        ),
        (
            HttpQuestion(url="http://[broken"),
            {"http.request.method": "GET", "url.full": "REDACTED"},
            "GET",
        ),
    ],
    ids=["https has a default port", "a method of their own", "a collector", "an address nobody can read"],
)  # fmt: skip
def test_what_was_asked(build, sdk_tracer, question, static, name):
    check = Check(service="shop", name="front", question=question)
    static = {
        **static, "user_agent.synthetic.type": "test", "service.peer.name": "shop", "synthetic.check.service": "shop",
        "synthetic.check.name": "front",
    }  # fmt: skip
    result = build.result(check=check)
    assert_equal(ours(check, result), theirs(sdk_tracer(RESOURCE, package_version()), check, result, static, name))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "5"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "20"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7"),
    ],
)
def test_the_limits_of_the_environment_hold_for_us_as_for_the_sdk(build, sdk_tracer, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    result = build.result(notes=("restarted: uptime fell to 3 s", "x"))
    limits = Limits.of({variable: value})
    # The SDK does not cut what is inside a Resource, and neither may the comparison.
    wanted = theirs(sdk_tracer(RESOURCE, package_version()), build.check, result)
    assert_equal(ours(build.check, result, limits=limits), wanted)


seconds = st.floats(0, 20, allow_nan=False)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reasons=st.lists(st.sampled_from([None, *Reason]), min_size=1, max_size=4),
    latency=st.none() | seconds,
    timings=st.none() | st.builds(Timings, **{field.name: seconds for field in fields(Timings)}),
    status=st.none() | st.integers(-1, 2**31),
    address=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    detail=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    extra=st.booleans(),
)
def test_whatever_a_target_answers(build, sdk_tracer, reasons, latency, timings, status, address, detail, extra):
    attempts = [
        build.attempt(
            f"{number:016x}", after=number, reason=reason, unknown=reason in (Reason.BLIND, Reason.INTERNAL),
            latency=latency, timings=timings, status=status, address=address, detail=detail if reason else "",
        )
        for number, reason in enumerate(reasons, 0xB0)
    ]  # fmt: skip
    result = build.result(*attempts, extra=extra)
    assert_equal(ours(build.check, result), theirs(sdk_tracer(RESOURCE, package_version()), build.check, result))


def test_a_lone_surrogate_from_a_target_costs_one_character_and_not_the_span(build):
    made = ours(build.check, build.result(build.attempt(reason=Reason.BODY, detail="got \ud800!")))
    span = ExportTraceServiceRequest.FromString(made).resource_spans[0].scope_spans[0].spans[0]
    assert span.status.message == "got ?!"


def test_every_phase_has_a_name_for_its_attribute_and_one_for_its_span():
    assert [name.rpartition(".")[2] for name in names.PHASES] == list(names.PHASE_SPANS)


@pytest.mark.parametrize(
    ("question", "port"),
    [
        (tcp.Question(url="tcp://127.0.0.1:6379"), 6379),
        (websocket.Question(url="ws://127.0.0.1/feed"), 80),
        (websocket.Question(url="wss://127.0.0.1/feed"), 443),
    ],
)
def test_a_conversation_is_a_span_of_its_kind_and_says_nothing_of_http(question, port, build, sdk_tracer):
    check = Check(service="orders-service", name="ready", question=question)
    static = {
        "network.transport": "tcp",
        **{key: value for key, value in STATIC.items() if not key.startswith("http.")},
        "server.port": port,
        "url.full": question.url,
    }
    result = build.result(build.attempt(status=None))
    made = ours(check, result)
    assert_equal(made, theirs(sdk_tracer(RESOURCE, package_version()), check, result, static, name=question.kind))
