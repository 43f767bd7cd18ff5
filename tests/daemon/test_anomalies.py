"""From Prometheus to evidence: which series are looked at, told once across restarts, and no evidence when old."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import cos, pi
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from monitor.config import Config, load
from monitor.daemon.anomalies import FRESH_FOR, Anomalies, series_of
from monitor.ledger.history import History
from monitor.response.anomalies import detected
from monitor.sources.series import Series
from monitor.sources.series_thread import SeriesReading

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BEGIN = NOON - timedelta(days=2)


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.at = NOON + timedelta(seconds=30)

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def wall(self) -> datetime:
        return self.at


class Traffic:
    """Two days of it, and from `jump` on twice as much."""

    def __init__(self, server: HTTPServer) -> None:
        random = Random(1)
        self.jump = NOON - 3 * MINUTE
        self._calm = [100 + 80 * cos(2 * pi * i / 1440) + random.gauss(0, 2) for i in range(3 * 1440)]
        self.url = server.url_for("")
        server.expect_request("/api/v1/query_range").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        since, until = (datetime.fromtimestamp(float(request.args[key]), UTC) for key in ("start", "end"))
        known = ((BEGIN + i * MINUTE, value) for i, value in enumerate(self._calm))
        pairs = [
            [at.timestamp(), repr(2 * value if at >= self.jump else value)]
            for at, value in known
            if since <= at <= until
        ]
        result = [{"metric": {}, "values": pairs}] if pairs else []
        data = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return Response(json.dumps(data), content_type="application/json")


@pytest.fixture
def traffic(httpserver: HTTPServer) -> Traffic:
    return Traffic(httpserver)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History.open(tmp_path / "history.sqlite")
    yield made
    made.close()


def configured(folder: Path, prometheus: str, **traffic: str) -> Config:
    check = {"http": "http://127.0.0.1:9/", "interval": "1s", "timeout": "500ms"}
    document = {
        "monitor": {"state": str(folder / "state")},
        "sources": {"prometheus": prometheus},
        "services": {"orders": {"checks": {"live": check}, "traffic": traffic}, "plain": {"checks": {"live": check}}},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(document))
    return load([path], {})


RATE = "sum(rate(orders_total[5m]))"


def read(anomalies: Anomalies, clock: Clock, wait_until: Callable[..., Any]) -> SeriesReading:
    """What is known once the newest settled minute was read."""
    newest = (clock.at - timedelta(seconds=30)).replace(second=0, microsecond=0)

    def there() -> SeriesReading | None:
        anomalies.tick()
        return next((one for one in anomalies.of("orders") if one.at == newest), None)

    found: SeriesReading = wait_until(there, f"the row of {newest}")
    return found


def test_requests_and_queues_are_looked_at_as_far_as_they_are_configured(tmp_path: Path) -> None:
    config = configured(
        tmp_path, "http://127.0.0.1:9", requests=RATE, errors="sum(e)", latency="max(l)", queue_depth="q"
    )

    assert series_of(config) == [Series("orders", "requests", RATE), Series("orders", "queue_depth", "q")]


def test_it_is_told_once_whatever_restarts_in_between_and_again_when_it_is_another(
    tmp_path: Path, traffic: Traffic, history: History, wait_until: Callable[..., Any]
) -> None:
    clock, config = Clock(), configured(tmp_path, traffic.url, requests=RATE)
    first = Anomalies(config, clock, history)
    first.start()
    found = read(first, clock, wait_until)
    assert found.unusual is not None
    assert found.unusual.since == NOON - 3 * MINUTE
    assert (first.is_news(found), first.is_news(found)) == (True, False)
    told = detected(found, clock.now(), clock.wall())
    first.stop()

    clock.at += 5 * MINUTE
    second = Anomalies(config, clock, history)
    second.restore([told])
    second.start()
    again = read(second, clock, wait_until)
    second.stop()
    assert again.unusual is not None
    assert again.unusual.since == NOON - 3 * MINUTE
    assert not second.is_news(again)

    third = Anomalies(config, clock, history)
    third.restore([replace(told, attributes=told.attributes | {"since": (NOON - 4 * MINUTE).isoformat()})])
    assert third.is_news(again), "that was another one"


def test_what_was_read_a_while_ago_is_no_evidence_of_now(
    tmp_path: Path, traffic: Traffic, history: History, wait_until: Callable[..., Any]
) -> None:
    clock = Clock()
    anomalies = Anomalies(configured(tmp_path, traffic.url, requests=RATE), clock, history)
    anomalies.start()
    read(anomalies, clock, wait_until)
    anomalies.stop()

    (text,) = anomalies.evidence("orders")
    assert text.startswith("requests/s 353.7 at 11:57 UTC")
    assert " at 11:57 UTC where 1" in text
    assert anomalies.evidence("plain") == ()
    clock.at = NOON + FRESH_FOR
    assert len(anomalies.evidence("orders")) == 1
    clock.at += timedelta(microseconds=1)
    assert anomalies.evidence("orders") == ()
    assert anomalies.part() == {"series": 1, "learning": "", "unusual": 1, "unread": ""}


def test_a_reload_that_takes_the_query_away_leaves_nothing(
    tmp_path: Path, traffic: Traffic, history: History, wait_until: Callable[..., Any]
) -> None:
    clock = Clock()
    anomalies = Anomalies(configured(tmp_path, traffic.url, requests=RATE), clock, history)
    anomalies.start()
    before = read(anomalies, clock, wait_until)

    anomalies.replace(configured(tmp_path, traffic.url, requests=RATE, errors="sum(e)"))
    anomalies.tick()
    assert anomalies.of("orders") == [before], "nothing of its series has changed"
    anomalies.replace(configured(tmp_path, traffic.url, latency="max(l)", requests="sum(other)"))
    anomalies.tick()
    assert before not in anomalies.of("orders")
    anomalies.replace(
        configured(tmp_path, traffic.url, latency="max(l)", requests="sum(other)").model_copy(update={"services": {}})
    )
    assert (anomalies.tick(), anomalies.of("orders"), anomalies.part()) == ([], [], {})
    anomalies.stop()
