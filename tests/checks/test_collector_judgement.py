"""What the collector's health port really answers, in both its generations, and what its own metrics add."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import collector
from checks.check import CollectorQuestion, Finding
from checks.collector import go_duration
from checks.exchange import HttpAnswer, TransportError
from checks.result import Outcome, Reason

URL = "http://127.0.0.1:13133/"
HEALTH = CollectorQuestion(url=URL)
BOTH = CollectorQuestion(url=URL, metrics="http://127.0.0.1:8888/metrics")
GREEN = b'{"status":"Server available","upSince":"2026-03-01T00:00:00.123456789Z","uptime":"1h2m3.5s"}'


def health(status: int, body: bytes, previous: dict[str, float] | None = None) -> Finding:
    return collector.judge(HEALTH, (HttpAnswer(status=status, body=body, url=URL),), previous or {})


def metrics(text: str, previous: dict[str, float] | None = None, **fields: Any) -> Finding:
    answer = HttpAnswer(status=200, body=text.encode(), **fields)
    return collector.judge(BOTH, (HttpAnswer(status=200, body=GREEN, url=URL), answer), previous or {})


def test_v1_says_that_it_is_available_and_for_how_long() -> None:
    finding = health(200, GREEN)

    assert (finding.outcome, finding.notes) == (Outcome.OK, ())
    assert finding.facts["uptime"] == 3723.5


@pytest.mark.parametrize("body", [b"", b"I am fine", b"<html><body>ok</body></html>", b"[1, 2]", b"\xff\xfe", b"null"])
def test_v1_with_a_configured_body_is_judged_by_its_status_alone(body: bytes) -> None:
    assert health(200, body).outcome is Outcome.OK
    assert health(503, body).outcome is Outcome.FAILED


def test_v1_not_available() -> None:
    finding = health(503, b'{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}')

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.STATUS)
    assert finding.detail == (f"{URL} answered 503 Service Unavailable (Server not available), wanted a healthy 200")


def test_an_old_v1_answers_an_empty_500_when_its_pipeline_is_stuck() -> None:
    finding = health(500, b"")

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.STATUS)
    assert "answered 500 Internal Server Error, wanted" in finding.detail


def v2(status: str, healthy: bool = True, **more: object) -> bytes:
    start = {"start_time": "2026-03-01T10:00:00.123456789Z", "status_time": "2026-03-01T10:00:01Z"}
    return json.dumps({"healthy": healthy, "status": status, **start, **more}).encode()


def test_v2_well() -> None:
    finding = health(200, v2("StatusOK", components={"pipeline:traces": {"healthy": True, "status": "StatusOK"}}))

    assert (finding.outcome, finding.notes) == (Outcome.OK, ())
    assert finding.facts == {"started": 1772359200.123456}


def test_v2_names_the_component_that_ails() -> None:
    exporter = {"healthy": False, "status": "StatusFatalError", "error": "connection refused"}
    pipeline = {"healthy": False, "status": "StatusFatalError", "components": {"exporter:otlp": exporter}}

    finding = health(500, v2("StatusFatalError", False, components={"pipeline:traces": pipeline}))

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.STATUS)
    assert "exporter:otlp StatusFatalError: connection refused" in finding.detail


def test_v2_answers_200_while_a_component_has_a_permanent_error_and_that_is_noted() -> None:
    finding = health(200, v2("StatusPermanentError", error="quota exceeded"))

    assert finding.outcome is Outcome.OK
    assert finding.notes == ("healthy, yet it reports StatusPermanentError: quota exceeded",)


def test_v2_that_calls_itself_unhealthy_under_a_200_is_believed() -> None:
    finding = health(200, v2("StatusRecoverableError", healthy=False))

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.BODY)
    assert "200 OK, with healthy: false" in finding.detail


@pytest.mark.parametrize("status", [503, 500])
def test_v2_that_is_starting_or_stopping_is_not_up(status: int) -> None:
    assert "(StatusStarting)" in health(status, v2("StatusStarting", healthy=False)).detail


def test_an_uptime_that_fell_is_a_restart() -> None:
    finding = health(200, GREEN, {"uptime": 90000.0})

    assert finding.outcome is Outcome.OK
    assert finding.facts["restarted"] == 1.0
    assert finding.notes == ("restarted: its uptime fell from 90000 s to 3724 s",)


def test_an_uptime_that_stood_or_grew_is_not() -> None:
    for before in (3723.5, 3723.4, 0.0):
        assert "restarted" not in health(200, GREEN, {"uptime": before}).facts


def test_the_first_sight_of_a_collector_is_no_restart() -> None:
    assert "restarted" not in health(200, GREEN).facts
    assert "restarted" not in health(200, v2("StatusOK")).facts


def test_a_start_that_moved_forward_is_a_restart_and_one_that_was_rounded_is_not() -> None:
    started = health(200, v2("StatusOK")).facts["started"]

    assert health(200, v2("StatusOK"), {"started": started - 60}).facts["restarted"] == 1.0
    assert "restarted" not in health(200, v2("StatusOK"), {"started": started - 0.5}).facts
    assert "restarted" not in health(200, v2("StatusOK"), {"started": started + 60}).facts


def test_refused_on_another_host_explains_the_default_bind() -> None:
    refused = HttpAnswer(error=TransportError(reason=Reason.REFUSED, detail="connect to otel:13133 refused"))

    far = collector.judge(CollectorQuestion(url="http://otel:13133/"), (refused,), {})
    near = collector.judge(CollectorQuestion(url="http://localhost:13133/"), (refused,), {})

    assert (far.outcome, far.reason) == (Outcome.FAILED, Reason.REFUSED)
    assert far.detail.endswith("for example to 0.0.0.0:13133")
    assert near.detail == "connect to otel:13133 refused"


SENT = """
# HELP otelcol_exporter_send_failed_spans_total Number of spans in failed attempts to send.
# TYPE otelcol_exporter_send_failed_spans_total counter
otelcol_exporter_send_failed_spans{suffix}{{exporter="otlp/tempo",service_version="0.142.0"}} {value}
otelcol_process_uptime 12.5
"""


@pytest.mark.parametrize("suffix", ["", "_total"])
def test_a_loss_counter_that_rose_is_a_failure_though_health_is_green(suffix: str) -> None:
    before = metrics(SENT.format(suffix=suffix, value=100)).facts

    finding = metrics(SENT.format(suffix=suffix, value="1.42e+02"), dict(before))

    assert (finding.outcome, finding.reason) == (Outcome.FAILED, Reason.ASSERTION)
    assert finding.detail == "healthy, but exporter otlp/tempo: 42 spans failed to send since the last probe"


def test_the_names_with_and_without_total_are_the_same_counter() -> None:
    before = metrics(SENT.format(suffix="", value=100)).facts

    assert "42 spans" in metrics(SENT.format(suffix="_total", value=142), dict(before)).detail


def test_a_counter_at_first_sight_says_nothing_however_high() -> None:
    finding = metrics(SENT.format(suffix="", value=10**9))

    assert finding.outcome is Outcome.OK
    assert finding.facts["exporter_send_failed_spans otlp/tempo"] == 10**9


def test_a_counter_that_fell_is_a_restart_and_no_loss() -> None:
    before = metrics(SENT.format(suffix="", value=100)).facts

    assert metrics(SENT.format(suffix="", value=3), dict(before)).outcome is Outcome.OK


def test_a_counter_that_stood_is_no_loss() -> None:
    before = metrics(SENT.format(suffix="", value=100)).facts

    assert metrics(SENT.format(suffix="", value=100), dict(before)).outcome is Outcome.OK


def test_series_of_one_receiver_are_summed_so_that_none_speaks_for_all() -> None:
    text = """otelcol_receiver_refused_spans{{receiver="otlp",transport="grpc"}} {}
otelcol_receiver_refused_spans{{receiver="otlp",transport="http"}} 5
"""
    before = metrics(text.format(1)).facts

    finding = metrics(text.format(4), dict(before))

    assert finding.detail == "healthy, but receiver otlp: 3 spans refused since the last probe"


def test_every_loss_is_named() -> None:
    text = """otelcol_exporter_enqueue_failed_log_records{{exporter="loki"}} {0}
otelcol_exporter_send_failed_metric_points{{exporter="prom"}} {0}
"""
    before = metrics(text.format(0)).facts

    detail = metrics(text.format(2), dict(before)).detail

    assert "exporter loki: 2 log records dropped at a full queue" in detail
    assert "exporter prom: 2 metric points failed to send" in detail


@pytest.mark.parametrize(("size", "outcome"), [(899, Outcome.OK), (900, Outcome.FAILED), (1000, Outcome.FAILED)])
def test_a_queue_fails_from_nine_tenths_on(size: int, outcome: Outcome) -> None:
    text = f"""otelcol_exporter_queue_size{{exporter="otlp",data_type="traces"}} {size}
otelcol_exporter_queue_capacity{{exporter="otlp",data_type="traces"}} 1000
"""
    finding = metrics(text)

    assert finding.outcome is outcome
    assert finding.facts["queue_fullness"] == size / 1000


def test_a_queue_without_a_capacity_has_no_fullness() -> None:
    text = 'otelcol_exporter_queue_size{exporter="otlp"} 5\notelcol_exporter_queue_capacity{exporter="otlp"} 0\n'

    assert "queue_fullness" not in metrics(text).facts


@pytest.mark.parametrize(
    "away",
    [
        HttpAnswer(error=TransportError(reason=Reason.REFUSED, detail="connect to 127.0.0.1:8888 refused")),
        HttpAnswer(status=404, body=b"not here", url="http://127.0.0.1:8888/metrics"),
    ],
    ids=["refused", "not found"],
)
def test_metrics_that_are_away_are_a_note_and_no_failure(away: HttpAnswer) -> None:
    finding = collector.judge(BOTH, (HttpAnswer(status=200, body=GREEN, url=URL), away), {})

    assert finding.outcome is Outcome.OK
    assert finding.notes[0].startswith("metrics not read: ")
    assert set(finding.facts) == {"uptime", "started"}


def test_a_number_that_was_cut_off_is_not_read() -> None:
    whole = 'otelcol_exporter_send_failed_spans{exporter="a"} 12345\n'
    before = metrics(whole).facts

    finding = metrics(whole + 'otelcol_exporter_send_failed_spans{exporter="b"} 12', dict(before), truncated=True)

    assert "exporter_send_failed_spans b" not in finding.facts


def test_a_page_of_html_in_place_of_metrics_says_nothing() -> None:
    finding = metrics("<html>otelcol_exporter_send_failed_spans 3</html>\n" * 50)

    assert finding.outcome is Outcome.OK


def test_a_flood_of_series_makes_a_bounded_number_of_facts() -> None:
    lines = (f'otelcol_exporter_send_failed_spans{{exporter="{i}{"x" * 500}"}} 1' for i in range(5000))

    facts = metrics("\n".join(lines)).facts

    assert len(facts) < 250
    assert max(map(len, facts)) < 150


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h2m3.4s", 3723.4),
        ("0s", 0.0),
        ("1m0s", 60.0),
        ("350ms", 0.35),
        ("12.5µs", 12.5e-6),
        ("12.5μs", 12.5e-6),
        ("7ns", 7e-9),
        ("2562047h47m16.854775807s", 9223372036.854776),
        ("", None),
        ("5", None),
        ("1h 2m", None),
        ("-1s", None),
        ("1d", None),
        ("1h" * 100, None),
        (5, None),
        (None, None),
    ],
)
def test_durations_as_go_writes_them(text: object, seconds: float | None) -> None:
    assert go_duration(text) == pytest.approx(seconds)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["status", "components"]), inner),
    max_leaves=15,
)
DOCUMENT = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("status", "healthy", "uptime", "upSince", "start_time", "components", "error"), JSON),
)
SERIES = st.builds(
    "otelcol_{}{{{}}} {}\n".format,
    st.sampled_from(["exporter_send_failed_spans", "receiver_refused_spans", "exporter_queue_size", "x"])
    | st.just("exporter_queue_capacity"),
    st.sampled_from(['exporter="a"', 'receiver="\\""', "", "}", '"', "exporter="]) | st.text(max_size=20),
    st.sampled_from(["1", "NaN", "+Inf", "1e999", "-5", "", "1.2.3", "0x10"]) | st.floats().map(str),
)


@given(
    status=st.none() | st.integers(0, 999),
    body=st.binary(max_size=300) | DOCUMENT.map(lambda document: json.dumps(document).encode()),
    text=st.lists(SERIES, max_size=20).map("".join) | st.text(max_size=300),
    truncated=st.booleans(),
)
def test_whatever_a_collector_answers_it_is_judged(status: int | None, body: bytes, text: str, truncated: bool) -> None:
    answers = (
        HttpAnswer(status=status, body=body, url=URL),
        HttpAnswer(status=200, body=text.encode("utf-8", "surrogatepass"), truncated=truncated),
    )

    first = collector.judge(BOTH, answers, {})
    second = collector.judge(BOTH, answers, dict(first.facts))

    for finding in (first, second):
        assert (finding.outcome is Outcome.OK) == (finding.reason is None)
        assert "\n" not in finding.detail
        assert all(value - value == 0 for value in finding.facts.values()), "a fact is a finite number"
    assert "restarted" not in second.facts, "the same answer twice is no restart"


def test_a_body_nested_ten_thousand_deep_is_only_a_body() -> None:
    assert health(200, b'{"components":' * 10_000).outcome is Outcome.OK
    assert (
        health(200, b'{"a":{"components":' + b'{"x":{"components":' * 400 + b"{}" + b"}}" * 401).outcome is Outcome.OK
    )
