"""The real daemon and what Prometheus says besides traffic: lost data is a SEV1, and what is not known is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response


class Answers:
    """
    A Prometheus with one number for each query.

    Attributes:
        values: By query; None: it refuses that one.
        away: It answers nothing.
    """

    def __init__(self, httpserver: HTTPServer, **values: float | None) -> None:
        self.values = values
        self.away = False
        self.url = httpserver.url_for("").rstrip("/")
        httpserver.expect_request("/api/v1/query").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        if self.away:
            return Response(status=503)
        value = self.values[request.args["query"]]
        if value is None:
            said = {"status": "error", "errorType": "bad_data", "error": "no such function"}
            return Response(json.dumps(said), status=400)
        result = [{"metric": {}, "value": [0, str(value)]}]
        return Response(json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}))


def configured(write_config: Callable[..., Any], prometheus: str, **of_service: object) -> Any:
    config = write_config()
    document = json.loads(config.read_text())
    document["sources"] = {"prometheus": prometheus}
    document["services"]["orders-service"] |= of_service
    config.write_text(json.dumps(document))
    return config


def test_lost_data_opens_a_sev1_while_every_probe_is_ok(
    httpserver: HTTPServer, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    prometheus = Answers(httpserver, lost=0.0)
    queries = {"lost-orders": {"promql": "lost", "data_loss": True}}
    daemon = start(configured(write_config, prometheus.url, queries=queries, criticality="low"))
    wait_until(lambda: daemon.ask("status")["parts"]["sources"] == {"prometheus": "answers"}, "Prometheus is read")

    prometheus.values["lost"] = 7.0

    (incident,) = wait_until(daemon.incidents, "the incident")
    assert (incident["severity"], incident["reason"]) == ("SEV1", "data loss: lost-orders is 7")
    (ticket,) = wait_until(lambda: list((daemon.state / "tickets").glob("*.md")), "the ticket")
    assert "data loss: declared (lost-orders is 7)" in ticket.read_text()

    prometheus.away = True

    def unproven() -> bool:
        (lacking,) = daemon.ask("status")["recovery"]
        return any(c["name"] == "no data loss" and c["met"] is None for c in lacking["conditions"])

    wait_until(unproven, "recovery waits for the query")
    prometheus.away, prometheus.values["lost"] = False, 0.0
    daemon.wait_for_line(r"orders-service: open => recovering")


def test_queries_that_are_refused_are_shown_and_those_that_are_away_make_prometheus_away(
    httpserver: HTTPServer, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    prometheus = Answers(httpserver, waiting=5.0, versions=None, lost=None)
    daemon = start(
        configured(
            write_config,
            prometheus.url,
            traffic={"queue_depth": "waiting"},
            deploys="versions",
            queries={"lost-orders": {"promql": "lost", "data_loss": True}},
        )
    )

    def sources() -> dict[str, Any]:
        found: dict[str, Any] = daemon.ask("status")["parts"]["sources"]
        return found

    refused = "Prometheus refuses the query: no such function"
    lacking = f"orders-service deploys: {refused}; orders-service queries.lost-orders: {refused}"
    wait_until(lambda: sources() == {"prometheus": "answers", "lacking": lacking}, "what is refused is shown")
    assert f"sources: prometheus answers, lacking {lacking}" in daemon.cli("status").stdout

    prometheus.away = True

    away = wait_until(lambda: (found := sources())["prometheus"] == "away" and found, "away")
    assert (away["for"], "503" in away["because"], "lacking" in away) == ("orders-service", True, False)
