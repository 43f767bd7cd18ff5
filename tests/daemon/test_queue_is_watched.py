"""From an answer of Prometheus to evidence: a queue is read, compared with its baseline, and forgotten unread."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer

from monitor.config import load
from monitor.core.baseline import Baseline, Quality, Signal
from monitor.daemon.surroundings import Surveyor
from monitor.sources.fitting import file_name

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.at = T0

    def now(self) -> datetime:
        return self.at


def test_a_queue_above_its_baseline_is_evidence_while_it_is_read(
    httpserver: HTTPServer, tmp_path: Path, wait_until: Callable[..., Any]
) -> None:
    result = [{"metric": {}, "value": [0, "200"]}]
    answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
    httpserver.expect_request("/api/v1/query").respond_with_json(answer)
    config = tmp_path / "config.yaml"
    check = {"http": "http://127.0.0.1:9/", "interval": "1s", "timeout": "500ms"}
    document = {
        "monitor": {"state": str(tmp_path / "state")},
        "sources": {"prometheus": httpserver.url_for("")},
        "services": {"orders": {"checks": {"live": check}, "traffic": {"queue_depth": "sum(waiting)"}}},
    }
    config.write_text(json.dumps(document))
    kept = Baseline(
        service="orders", signal=Signal.QUEUE_DEPTH, time_zone="UTC", fitted_at=T0, since=T0 - timedelta(days=40),
        quality=Quality.FITTED, slots={hour: [float(depth) for depth in range(20)] for hour in range(168)},
    )  # fmt: skip
    (tmp_path / "state" / "baselines").mkdir(parents=True)
    (tmp_path / "state" / "baselines" / file_name("orders", Signal.QUEUE_DEPTH)).write_text(json.dumps(kept.to_json()))
    clock = Clock()
    surveyor = Surveyor(load([config], {}), clock)  # type: ignore[arg-type]  # all that it asks of a clock
    surveyor.start()
    try:
        for minute in range(6):
            assert surveyor.of("orders").queue_anomaly == ""  # too few minutes yet
            clock.at = T0 + timedelta(minutes=minute)

            def is_read() -> bool:
                surveyor.tick(clock.at)
                sample = surveyor._samples.get("orders")
                return sample is not None and sample.at == clock.at

            wait_until(is_read, f"minute {minute}")
        seen = surveyor.of("orders")
        assert seen.queue_anomaly == "queue depth 200 against 9.5 at this hour: +190.5"
        assert (seen.traffic, seen.traffic_configured) == (None, False)  # a queue is no word on errors
        assert surveyor.sources() == {"prometheus": "answers"}
    finally:
        surveyor.stop()
    clock.at += timedelta(seconds=91)
    assert surveyor.of("orders").queue_anomaly == ""


def test_what_waits_while_work_is_planned_is_no_word_on_the_queue(
    httpserver: HTTPServer, tmp_path: Path, wait_until: Callable[..., Any]
) -> None:
    result = [{"metric": {}, "value": [0, "200"]}]
    answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
    httpserver.expect_request("/api/v1/query").respond_with_json(answer)
    config = tmp_path / "config.yaml"
    document = {
        "monitor": {"state": str(tmp_path / "state")},
        "sources": {"prometheus": httpserver.url_for("")},
        "services": {"orders": {"checks": {"live": "http://127.0.0.1:9/"}, "traffic": {"queue_depth": "sum(waiting)"}}},
    }
    config.write_text(json.dumps(document))
    clock = Clock()
    surveyor = Surveyor(load([config], {}), clock)  # type: ignore[arg-type]  # all that it asks of a clock
    surveyor.is_planned = lambda service, at: (service, at) == ("orders", clock.at)
    surveyor.start()
    try:

        def is_read() -> bool:
            surveyor.tick(clock.at)
            return "orders" in surveyor._samples

        wait_until(is_read, "a reading")
    finally:
        surveyor.stop()

    assert surveyor._queues == {}
