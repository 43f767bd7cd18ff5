"""Of a journey, each step is a span below that of the attempt; the bytes are those of the SDK."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from checks.check import Check, HttpQuestion
from checks.journey import Question
from checks.result import Outcome, Reason, StepResult, Timings
from checks.steps import Step, Take
from checks.way import Way
from monitor.telemetry import names
from monitor.telemetry.asked import request_attributes
from monitor.telemetry.sampling import Limits
from monitor.telemetry.sdk import encoded_resource, encoded_scope, make_resource, package_version
from monitor.telemetry.series import CheckSeries
from monitor.telemetry.spans import SpanTemplate, nanoseconds, request_frame

RESOURCE = make_resource("test", "fra1", "instance-1")
TRACE, ATTEMPT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WHOSE = {
    "user_agent.synthetic.type": "test",
    "service.peer.name": "shop",
    "synthetic.check.service": "shop",
    "synthetic.check.name": "order",
}


def step(name: str, url: str, method: str = "GET", *take: Take) -> Step:
    return Step(name=name, question=HttpQuestion(url=url, method=method, way=Way(cookies=True)), take=take)


STEPS = (
    step("login", "https://shop.example/login", "POST", Take(name="token", of="[BODY].token")),
    step("order", "https://shop.example/orders?key=hunter2&t={{login.token}}", "POST"),
    step("look", "https://shop.example:8443/orders/{{login.token}}/{{{{x}}", "PURGE"),
)
CHECK = Check(service="shop", name="order", question=Question(steps=STEPS))
SPENT = Timings(connect=0.25, first_byte=0.5, transfer=0.25)


def result_of(name: str, span: int, after: float, seconds: float | None = 1.0, **of: object) -> StepResult:
    given = {"outcome": Outcome.OK, "status": 200, "address": "192.0.2.1", "timings": SPENT, **of}
    return StepResult(name=name, span_id=f"{span:016x}", after=after, seconds=seconds, **given)


def ours(check, result, secrets=(), limits=None):
    ids = count(1)
    template = SpanTemplate(check, limits or Limits(), secrets, new_span_id=lambda: next(ids).to_bytes(8, "big"))
    return request_frame(encoded_resource(RESOURCE), encoded_scope())(b"".join(template.spans(result, 0)))


def spans_of(made):
    return ExportTraceServiceRequest.FromString(made).resource_spans[0].scope_spans[0].spans


def told(span):
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}


@pytest.fixture
def failed(build):
    """Logged in, and then there was no order."""
    return build.result(
        replace(
            build.attempt(
                ATTEMPT, reason=Reason.STATUS, status=None, address=None, latency=2.0, detail="order: answered 503",
                timings=Timings(connect=0.5, first_byte=1.0, transfer=0.5),
            ),
            steps=(
                result_of("login", 0xA1, 0.0, redirects=1),
                result_of("order", 0xA2, 1.25, status=503, outcome=Outcome.FAILED, reason=Reason.STATUS,
                          detail="answered 503"),
                StepResult(name="look", after=2.5, outcome=Outcome.FAILED, reason=Reason.TIMEOUT, detail="no time"),
            ),
        ),
        check=CHECK,
    )  # fmt: skip


def test_an_attempt_and_its_steps_are_one_trace(build, sdk_tracer, failed):
    start = nanoseconds(build.t0)
    tracer = sdk_tracer(RESOURCE, package_version())
    phases = {"name_lookup": 0.0, "connect": 0.25, "tls": 0.0, "first_byte": 0.5, "transfer": 0.25}
    spent = {f"synthetic.phase.{phase}": seconds for phase, seconds in phases.items()}
    tracer.span(
        "journey", TRACE, ATTEMPT, "", start, start + 2_500_000_000,
        {
            **WHOSE, "synthetic.check.outcome": "failed", "synthetic.check.attempt": 1, "synthetic.check.extra": False,
            "synthetic.check.confirmation": "unasked", "synthetic.check.lateness": 0.003,
            **{key: 2 * seconds for key, seconds in spent.items()}, "error.type": "status",
        },
        "order: answered 503", client=False,
    )  # fmt: skip
    tracer.span(
        "POST /login", TRACE, "00000000000000a1", ATTEMPT, start, start + 1_000_000_000,
        {
            "http.request.method": "POST", "server.address": "shop.example", "server.port": 443,
            "url.full": "https://shop.example/login", "url.template": "/login", **WHOSE,
            "synthetic.step.name": "login", "synthetic.step.outcome": "ok", "http.response.status_code": 200,
            "network.peer.address": "192.0.2.1", "synthetic.check.redirects": 1, **spent,
        },
        None,
    )  # fmt: skip
    tracer.span(
        "POST /orders?key=REDACTED&t={login.token}", TRACE, "00000000000000a2", ATTEMPT, start + 1_250_000_000,
        start + 2_250_000_000,
        {
            "http.request.method": "POST", "server.address": "shop.example", "server.port": 443,
            "url.full": "https://shop.example/orders?key=REDACTED&t=REDACTED",
            "url.template": "/orders?key=REDACTED&t={login.token}", **WHOSE,
            "synthetic.step.name": "order", "synthetic.step.outcome": "failed", "http.response.status_code": 503,
            "network.peer.address": "192.0.2.1", **spent, "error.type": "503",
        },
        "answered 503",
    )  # fmt: skip
    at = start + 1_250_000_000
    for number, phase in enumerate(("connect", "first_byte", "transfer"), 1):
        end = at + round(phases[phase] * 1e9)
        tracer.span(phase, TRACE, f"{number:016x}", "00000000000000a2", at, end, {}, None, client=False)
        at = end
    # The first attempt failed and no other was made.
    made = ours(CHECK, failed, secrets=("hunter2",))

    assert ExportTraceServiceRequest.FromString(made) == ExportTraceServiceRequest.FromString(tracer.request())
    assert made == tracer.request()


def test_the_attempt_lasts_as_long_as_its_steps(failed):
    attempt, *steps = spans_of(ours(CHECK, failed))

    assert all(attempt.start_time_unix_nano <= span.start_time_unix_nano for span in steps)
    assert all(span.end_time_unix_nano <= attempt.end_time_unix_nano for span in steps)


def test_a_method_of_their_own_and_braces_that_are_meant(build):
    attempt = replace(build.attempt(ATTEMPT, status=None), steps=(result_of("look", 0xA3, 0.0),))

    _, span = spans_of(ours(CHECK, build.result(attempt, check=CHECK)))

    assert span.name == "HTTP /orders/{login.token}/{{x}}"
    found = told(span)
    assert (found["http.request.method"], found["http.request.method_original"]) == ("_OTHER", "PURGE")
    assert found["url.full"] == "https://shop.example:8443/orders/REDACTED/{{x}}"
    assert found["server.port"] == 8443


def test_a_step_that_is_slow_is_shown_by_phase_though_it_is_ok(build):
    slow = replace(build.attempt(ATTEMPT, status=None), steps=(result_of("login", 0xA1, 0.0, seconds=5.0),))

    names_of = [span.name for span in spans_of(ours(CHECK, build.result(slow, check=CHECK)))]

    assert names_of == ["journey", "POST /login", "connect", "first_byte", "transfer"]


def test_unknown_is_no_error_of_the_target(build):
    blind = result_of(
        "login", 0xA1, 0.0, None, outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, status=None, timings=None
    )
    attempt = replace(build.attempt(ATTEMPT, reason=Reason.INTERNAL, unknown=True, status=None), steps=(blind,))

    _, span = spans_of(ours(CHECK, build.result(attempt, check=CHECK)))

    assert span.status.code == span.status.STATUS_CODE_UNSET
    assert told(span)["error.type"] == "internal"


def test_further_attempts_are_children_of_the_first_and_have_their_own_steps(build):
    first = replace(
        build.attempt(ATTEMPT, reason=Reason.BODY, status=None),
        steps=(result_of("login", 0xA1, 0.0, outcome=Outcome.FAILED, reason=Reason.BODY, timings=None),),
    )
    again = replace(build.attempt("00000000000000b0", after=2.0, status=None), steps=(result_of("login", 0xB1, 0.0),))

    spans = spans_of(ours(CHECK, build.result(first, again, check=CHECK)))

    assert [(span.span_id.hex(), span.parent_span_id.hex()) for span in spans] == [
        (ATTEMPT, ""),
        ("00000000000000a1", ATTEMPT),
        ("00000000000000b0", ATTEMPT),
        ("00000000000000b1", "00000000000000b0"),
    ]
    assert not any(pair.key == names.HTTP_REQUEST_RESEND_COUNT for span in spans for pair in span.attributes)


def test_limits_hold_for_steps_too(failed):
    cut = spans_of(ours(CHECK, failed, limits=Limits.of({"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "5"})))
    few = spans_of(ours(CHECK, failed, limits=Limits.of({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "3"})))

    assert told(cut[1])["url.full"] == "https"
    assert [(len(span.attributes), span.dropped_attributes_count) for span in few[1:2]] == [(3, 16)]


def test_the_duration_of_a_journey_is_that_of_no_request():
    assert CheckSeries(CHECK, 0).metric is names.CHECK_DURATION
    assert request_attributes(CHECK) == WHOSE
