"""How many requests failed while an incident lasted, as Prometheus tells it afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.config.config import Traffic
from monitor.sources.failed_requests import Requests, failed_requests
from monitor.sources.prometheus import Prometheus

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=10)
ERRORS, REQUESTS = "sum(rate(errors[5m]))", "sum(rate(requests[5m]))"
WINDOW = 300.0


def rate_of_errors(at: float) -> float:
    """Ten a second from its beginning to its end, seen through a range of five minutes."""
    failing = min(at, ENDED.timestamp()) - max(at - WINDOW, BEGAN.timestamp())
    return 10.0 * max(0.0, failing) / WINDOW


def matrix(parameters, value):
    start, end, step = (float(parameters[name]) for name in ("start", "end", "step"))
    count = int((end - start) / step) + 1
    values = [[start + step * i, str(value(start + step * i))] for i in range(count)]
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}}


def answer(_, parameters):
    return matrix(parameters, rate_of_errors if parameters["query"] == ERRORS else lambda _: 40.0)


def ask(peer, traffic=None) -> Requests | None:
    traffic = traffic or Traffic(requests=REQUESTS, errors=ERRORS)
    return failed_requests(Prometheus(peer.url), "orders", traffic, BEGAN, ENDED)


def test_what_failed_in_its_last_minutes_is_counted_too(peer):
    peer.answer = answer

    found = ask(peer)

    assert found.failed == pytest.approx(6000, rel=0.01)
    assert found.total == pytest.approx(24_000, rel=0.01)
    assert found.worst[1] == pytest.approx(0.25)
    assert str(found).startswith("orders: about 6,000 requests failed of 24,000 (25 %); at worst 25 % at 12:0")


def test_a_long_incident_is_asked_for_in_a_thousand_points(peer):
    peer.answer = answer
    failed_requests(Prometheus(peer.url), "orders", Traffic(errors=ERRORS), BEGAN, BEGAN + timedelta(days=12))

    [(_, parameters)] = peer.asked
    span = float(parameters["end"]) - float(parameters["start"])
    assert span / float(parameters["step"]) == pytest.approx(1000)


def test_without_a_query_for_requests_there_is_no_ratio(peer):
    peer.answer = answer

    assert str(ask(peer, Traffic(errors=ERRORS))) == "orders: about 6,000 requests failed"


def test_where_errors_are_not_asked_for_nothing_is(peer):
    assert ask(peer, Traffic(requests=REQUESTS)) is None
    assert peer.asked == []


def test_no_traffic_is_no_ratio(peer):
    peer.answer = lambda _, parameters: matrix(parameters, lambda _: 0.0)

    assert str(ask(peer)) == "orders: no request failed"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, {"status": "success", "data": {"resultType": "matrix", "result": []}}, "has no data of that time"),
        (400, {"status": "error", "errorType": "bad_data", "error": "parse error"}, "refuses the query: parse error"),
        (503, "away", "answered 503"),
        (200, "[" * 100_000, "not Prometheus' JSON"),
    ],
)
def test_what_is_not_known_says_why(peer, status, body, said):
    peer.answer = lambda _path, _parameters: (status, body)

    found = ask(peer)

    assert found.failed == 0
    assert said in str(found)


def test_a_prometheus_that_is_gone_says_so(free_port):
    found = failed_requests(
        Prometheus(f"http://127.0.0.1:{free_port()}"), "orders", Traffic(errors=ERRORS), BEGAN, ENDED
    )

    assert str(found) == "orders: failed requests are not known: connection refused"
