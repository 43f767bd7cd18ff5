"""What is written to be scraped reads back, is named by OpenTelemetry's rules, and is in the dialect asked for."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.telemetry import Telemetry, names
from monitor.telemetry.exposition import (
    PIECE,
    Dialect,
    by_metric,
    dialect_of,
    end,
    escape,
    histogram,
    labels,
    name_of,
    number,
    samples,
)
from monitor.telemetry.numbers import MAX_SERIES, Numbers

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def unescaped(value: str) -> str:
    return re.sub(r'\\(\\|n|")', lambda found: "\n" if found[1] == "n" else found[1], value)


@given(st.text())
def test_any_label_value_is_one_line_that_reads_back(value: str) -> None:
    written = escape(value)

    assert unescaped(written) == value
    assert "\n" not in written
    assert re.fullmatch(r'(?:[^"\\\n]|\\["\\n])*', written)


@given(st.floats())
def test_any_number_reads_back(value: float) -> None:
    assert repr(float(number(value))) == repr(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [(1, "1"), (0.25, "0.25"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN")],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, written: str) -> None:
    assert number(value) == written


def test_labels_stand_in_the_order_in_which_they_are_given() -> None:
    assert labels([("b", 'say "hi"'), ("a", "C:\\")]) == '{b="say \\"hi\\"",a="C:\\\\"}'
    assert labels([]) == ""


@pytest.mark.parametrize(
    ("accept", "dialect"),
    [
        ("", Dialect.TEXT),
        ("*/*", Dialect.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Dialect.TEXT),
        ("text/plain;version=0.0.4", Dialect.TEXT),
        (PROMETHEUS, Dialect.OPENMETRICS),
        ("application/openmetrics-text", Dialect.OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0; Q=0.5, text/plain; q=0.5", Dialect.OPENMETRICS),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", Dialect.TEXT),
        ("application/openmetrics-text;version=2.0.0", Dialect.TEXT),
        ("application/openmetrics-text;q=0", Dialect.TEXT),
        ("application/openmetrics-text;q=nonsense", Dialect.TEXT),
        (";;;,,=,q", Dialect.TEXT),
    ],
)
def test_openmetrics_is_for_those_who_name_it(accept: str, dialect: Dialect) -> None:
    assert dialect_of(accept) is dialect


@given(st.text())
def test_no_accept_header_raises(accept: str) -> None:
    assert dialect_of(accept) in Dialect


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (names.TIMETABLE_LAG, "watchkeeper_timetable_lag_seconds"),
        (names.PROBER_RESTARTS, "watchkeeper_prober_restarts_total"),
        (names.EFFECTS, "watchkeeper_effects"),
        (names.EFFECTS_OLDEST_AGE, "watchkeeper_effects_oldest_age_seconds"),
        (names.LEDGER_COMMIT, "watchkeeper_ledger_commit_duration_seconds"),
        (names.ANOMALY_SCORE, "watchkeeper_anomaly_score_ratio"),
        (names.SLO_TIME_PERIOD, "slo:time_period:days"),
    ],
)
def test_a_name_is_translated_as_opentelemetry_does_it(metric: names.Metric, name: str) -> None:
    assert name_of(metric) == name


def test_every_metric_of_ours_can_be_named() -> None:
    for metric in (*names.OF_DAEMON, *names.OF_TELEMETRY, *names.OF_OBJECTIVES, *names.OF_SERIES):
        assert re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name_of(metric))
        # A meaning is written as it stands.
        assert not set(metric.meaning) & set('\\\n"')


def test_a_counter_is_called_by_its_family_in_openmetrics() -> None:
    assert samples(names.PROBER_RESTARTS, [("", 2)], Dialect.TEXT) == (
        "# HELP watchkeeper_prober_restarts_total Restarts of the prober.\n"
        "# TYPE watchkeeper_prober_restarts_total counter\n"
        "watchkeeper_prober_restarts_total 2\n"
    )
    assert samples(names.PROBER_RESTARTS, [("", 2)], Dialect.OPENMETRICS) == (
        "# HELP watchkeeper_prober_restarts Restarts of the prober.\n"
        "# TYPE watchkeeper_prober_restarts counter\n"
        "watchkeeper_prober_restarts_total 2\n"
    )
    assert samples(names.PROBER_RESTARTS, [], Dialect.TEXT) == ""
    assert (end(Dialect.TEXT), end(Dialect.OPENMETRICS)) == ("", "# EOF\n")


def test_the_buckets_of_a_histogram_add_up() -> None:
    metric = names.Metric("a.b", "histogram", "s", "Time.", (), (0.5, 1.0))

    assert histogram(metric, [1, 0, 2], 7.5, Dialect.TEXT) == (
        "# HELP a_b_seconds Time.\n# TYPE a_b_seconds histogram\n"
        'a_b_seconds_bucket{le="0.5"} 1\na_b_seconds_bucket{le="1.0"} 1\na_b_seconds_bucket{le="+Inf"} 3\n'
        "a_b_seconds_sum 7.5\na_b_seconds_count 3\n"
    )


def test_of_many_objectives_each_metric_has_one_head_and_what_has_no_data_no_line() -> None:
    readings = [(f'{{n="{n}"}}', {"slo:objective:ratio": 0.9} if n % 2 else {}) for n in range(2 * PIECE + 1)]

    parts = list(by_metric(names.OF_OBJECTIVES, readings, Dialect.TEXT))

    text = "".join(parts)
    assert text.count("# TYPE") == 1
    assert text.startswith("# HELP slo:objective:ratio ")
    assert text.count('{n="') == PIECE
    assert max(part.count('{n="') for part in parts) <= PIECE


class TestNumbers:
    def test_what_nobody_counted_yet_is_none_and_what_nobody_measured_is_not_there(self) -> None:
        text = Numbers().text(Dialect.TEXT)

        assert "\nwatchkeeper_results_missing_total 0\n" in text
        assert "\nwatchkeeper_ledger_commit_duration_seconds_count 0\n" in text
        assert "timetable_lag" not in text
        assert "deliveries" not in text

    def test_they_add_up_and_a_gauge_that_is_unknown_is_gone(self) -> None:
        numbers = Numbers()
        for outlet in ("folder", "webhook", "folder"):
            numbers.add(names.DELIVERIES.name, 1, {names.OUTLET: outlet, names.DELIVERY_OUTCOME: "confirmed"})
        numbers.set(names.TIMETABLE_LAG.name, 0.25, {})
        for seconds in (0.001, 0.0011, 60.0):
            numbers.record(names.LEDGER_COMMIT.name, seconds)

        text = numbers.text(Dialect.TEXT)

        deliveries = "watchkeeper_effect_deliveries_total{watchkeeper_outlet="
        assert f'{deliveries}"folder",watchkeeper_delivery_outcome="confirmed"}} 2\n' in text
        assert f'{deliveries}"webhook",watchkeeper_delivery_outcome="confirmed"}} 1\n' in text
        assert "\nwatchkeeper_timetable_lag_seconds 0.25\n" in text
        for bound, count in (("0.001", 1), ("0.0025", 2), ("+Inf", 3)):
            assert f'_bucket{{le="{bound}"}} {count}\n' in text

        numbers.set(names.TIMETABLE_LAG.name, None, {})
        assert "timetable_lag" not in numbers.text(Dialect.TEXT)

    def test_more_label_values_than_200_are_counted_together(self) -> None:
        numbers = Numbers()
        for n in range(MAX_SERIES + 50):
            numbers.add(names.HEARTBEATS.name, 1, {names.HEARTBEAT_OUTCOME: str(n)})
        numbers.add(names.HEARTBEATS.name, 1, {names.HEARTBEAT_OUTCOME: "7"})

        text = numbers.text(Dialect.TEXT)

        assert text.count("watchkeeper_heartbeats_total{") == MAX_SERIES + 1
        assert 'watchkeeper_heartbeats_total{otel_metric_overflow="true"} 50\n' in text
        assert 'watchkeeper_heartbeats_total{watchkeeper_heartbeat_outcome="7"} 2\n' in text


def test_the_daemons_own_numbers_are_kept_without_a_collector_and_bounded() -> None:
    telemetry = Telemetry()
    for outlet in ("folder", "postmortems", "webhook"):
        for state in ("waiting", "sending", "dead"):
            telemetry.gauge(names.EFFECTS.name, 1, {names.OUTLET: outlet, names.EFFECT_STATE: state})
        telemetry.gauge(names.EFFECTS_OLDEST_AGE.name, 0.0, {names.OUTLET: outlet})
        for outcome in ("confirmed", "refused", "unauthorised", "retry", "ambiguous"):
            telemetry.counter(names.DELIVERIES.name, 1, {names.OUTLET: outlet, names.DELIVERY_OUTCOME: outcome})
    for outcome in ("ok", "failed", "withheld"):
        telemetry.counter(names.HEARTBEATS.name, 1, {names.HEARTBEAT_OUTCOME: outcome})
    telemetry.gauge(names.TIMETABLE_LAG.name, 0.001)
    telemetry.gauge(names.LEDGER_QUEUE.name, 0)
    telemetry.histogram(names.LEDGER_COMMIT.name, 0.002)

    lines = [line for line in telemetry.exposed(Dialect.TEXT).splitlines() if not line.startswith("#")]

    signals = 3 * 2  # traces, logs and metrics, sent and dropped, where there is a collector
    assert len(lines) + signals == 54, "docs/metrics.md says so"


def test_what_was_sent_to_a_collector_is_told_too(receiver, telemetry_to, build) -> None:  # type: ignore[no-untyped-def]
    telemetry = telemetry_to(receiver.url)
    telemetry.probe(build.check, build.result())

    text = telemetry.exposed(Dialect.TEXT)

    for name in ("sent", "dropped"):
        for signal in ("traces", "logs", "metrics"):
            assert f'\nwatchkeeper_telemetry_{name}_total{{watchkeeper_signal="{signal}"}} ' in text


@pytest.mark.real
def test_promtool_finds_nothing_wrong_with_the_names() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    metrics = (*names.OF_DAEMON, *names.OF_TELEMETRY, *names.OF_SERIES)
    text = "".join(samples(m, [("", 1)], Dialect.TEXT) for m in metrics if m.kind != "histogram")
    text += histogram(names.LEDGER_COMMIT, [0] * (len(names.LEDGER_COMMIT.bounds) + 1), 0.0, Dialect.TEXT)

    found = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)

    assert (found.returncode, found.stderr) == (0, "")
