"""Objectives under sloth's names: what is sent is OTLP, with sloth's labels and formulas, and ends when they do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from monitor.config import Slo
from monitor.core.budget import budget_of
from monitor.core.sli import Tally
from monitor.core.slo import Objective
from monitor.daemon.publishing import published
from monitor.response.objectives import SHOWN_WINDOWS, ObjectiveReading
from monitor.telemetry import gauges as module
from monitor.telemetry import names
from monitor.telemetry.gauges import Gauges
from monitor.telemetry.sdk import encoded_resource, encoded_scope, make_resource

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SENT_AT = 1_772_366_460_000_000_000


def reading(slo: Slo, tally: Tally, burn: float | None = 2.0) -> ObjectiveReading:
    return ObjectiveReading(
        service="orders", slo=slo, at=NOW, start=NOW - timedelta(days=30), end=NOW, tally=tally,
        budget=budget_of(tally, 43_200, Objective(slo.objective)), burns=dict.fromkeys(SHOWN_WINDOWS, burn),
        exhausts_in=None, leak=None, soon=None,
    )  # fmt: skip


def sent(gauges: Gauges) -> dict[str, list[tuple[float, dict[str, str]]]]:
    found: dict[str, list[tuple[float, dict[str, str]]]] = {}
    bodies = gauges.requests(SENT_AT, encoded_resource(make_resource("test", "here", "1")), encoded_scope())
    for body, count in bodies:
        (metric,) = ExportMetricsServiceRequest.FromString(body).resource_metrics[0].scope_metrics[0].metrics
        points = metric.gauge.data_points
        assert count == len(points)
        assert all(point.time_unix_nano == SENT_AT for point in points)
        found.setdefault(metric.name, []).extend(
            (point.as_double, {pair.key: pair.value.string_value for pair in point.attributes}) for point in points
        )
    return found


SUCCESS = Slo(name="success", sli="success", objective=0.999)


def test_the_values_are_what_sloth_would_have_recorded() -> None:
    labels, values = published(reading(SUCCESS, Tally(good=998, bad=2)))

    assert labels == {"sloth_id": "orders-success", "sloth_service": "orders", "sloth_slo": "success"}
    assert values == pytest.approx(
        {
            "slo:objective:ratio": 0.999,
            "slo:error_budget:ratio": 0.001,
            "slo:time_period:days": 30,
            "slo:current_burn_rate:ratio": 2,
            "slo:period_burn_rate:ratio": 2,
            "slo:period_error_budget_remaining:ratio": -1,
            "slo:sli_error:ratio_rate30d": 0.002,
            **{f"slo:sli_error:ratio_rate{window}": 0.002 for window in SHOWN_WINDOWS},
        }
    )


def test_what_has_no_data_is_left_out_and_a_month_of_the_calendar_is_no_30d() -> None:
    _, nothing = published(reading(SUCCESS, Tally(expected=10), burn=None))
    assert set(nothing) == {"slo:objective:ratio", "slo:error_budget:ratio", "slo:time_period:days"}

    _, month = published(reading(Slo(name="m", sli="success", objective=0.99, over="month"), Tally(good=1)))
    assert "slo:sli_error:ratio_rate30d" not in month
    assert "slo:sli_error:ratio_rate3d" in month


def test_they_are_sent_as_gauges_with_their_labels() -> None:
    gauges = Gauges(names.OF_OBJECTIVES)
    for slo in (SUCCESS, Slo(name="fast", sli="latency", objective=0.99, under=timedelta(seconds=1))):
        gauges.put(*published(reading(slo, Tally(good=998, bad=2))))

    found = sent(gauges)

    assert {point[1]["sloth_id"]: point[0] for point in found["slo:objective:ratio"]} == {
        "orders-success": 0.999,
        "orders-fast": 0.99,
    }
    assert found["slo:sli_error:ratio_rate5m"][0][1] == {
        "sloth_id": "orders-success", "sloth_service": "orders", "sloth_slo": "success",
    }  # fmt: skip


def test_an_objective_that_is_read_no_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    gauges = Gauges(names.OF_OBJECTIVES)
    gauges.put(*published(reading(SUCCESS, Tally(good=1))))
    monkeypatch.setattr(module, "FORGET_AFTER", -1.0)

    assert sent(gauges) == {}


def test_a_request_holds_a_bounded_number_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTS_PER_REQUEST", 2)
    gauges = Gauges(names.OF_OBJECTIVES)
    for number in range(5):
        gauges.put({"sloth_id": f"orders-{number}"}, {"slo:objective:ratio": 0.9})

    assert len(sent(gauges)["slo:objective:ratio"]) == 5
