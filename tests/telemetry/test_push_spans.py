"""The span of a check that tells by itself: nothing was asked, so it has no address and is nobody's client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from checks.check import Check
from checks.push import Question
from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.telemetry.series import CheckSeries
from monitor.telemetry.spans import SpanTemplate

T0 = datetime(2026, 11, 24, 3, 15, tzinfo=UTC)
CHECK = Check(service="shop", name="backup", question=Question(every=60, grace=60, token="0123456789abcdef"), timeout=0)


def told(outcome: Outcome, reason: Reason | None, latency: float | None) -> CheckResult:
    attempt = Attempt(started_at=T0, outcome=outcome, reason=reason, latency=latency, span_id="ab" * 8)
    return CheckResult(
        service="shop", check="backup", scheduled_at=T0 + timedelta(seconds=90), attempts=(attempt,),
        trace_id="cd" * 16, certain=True,
    )  # fmt: skip


def only_span(result: CheckResult) -> Span:
    (span,) = ScopeSpans.FromString(b"".join(SpanTemplate(CHECK).spans(result, 0))).spans
    return span


@pytest.mark.parametrize(
    ("result", "seconds", "confirmation"),
    [
        (told(Outcome.OK, None, 80.0), 80.0, "none"),
        (told(Outcome.OK, None, None), 0.0, "none"),
        (told(Outcome.FAILED, Reason.TIMEOUT, None), 0.0, "confirmed"),
    ],
)
def test_a_span_is_as_long_as_the_run_and_says_who_told_and_not_who_was_asked(
    result: CheckResult, seconds: float, confirmation: str
) -> None:
    span = only_span(result)

    assert (span.name, span.kind) == ("push", Span.SPAN_KIND_INTERNAL)
    assert (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9 == seconds
    assert {pair.key: pair.value.string_value for pair in span.attributes} == {
        "user_agent.synthetic.type": "test",
        "service.peer.name": "shop",
        "synthetic.check.service": "shop",
        "synthetic.check.name": "backup",
        "synthetic.check.outcome": str(result.outcome),
        "synthetic.check.attempt": "",
        "synthetic.check.extra": "",
        "synthetic.check.confirmation": confirmation,
    } | ({"error.type": "timeout"} if result.reason else {})


def test_only_a_run_whose_time_is_known_is_counted_as_a_duration() -> None:
    series = CheckSeries(CHECK, began=0)

    series.add(told(Outcome.OK, None, None))
    series.add(told(Outcome.FAILED, Reason.TIMEOUT, None))
    assert list(series.duration_points(1)) == []

    series.add(told(Outcome.OK, None, 80.0))
    assert len(list(series.duration_points(1))) == 1
