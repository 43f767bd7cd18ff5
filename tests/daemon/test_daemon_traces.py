"""What the target saw, what the collector received and what the incident names are one and the same trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def seldom(config: Path) -> Path:
    """Time for every answer and every second attempt on a machine as busy as may be."""
    document = json.loads(config.read_text())
    document["services"]["orders-service"]["checks"]["ready"] |= {"interval": "4s", "timeout": "1900ms"}
    config.write_text(json.dumps(document))
    return config


def test_each_request_that_the_target_saw_is_one_received_span_and_the_incident_names_a_failed_one(
    target: Any, receiver: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    daemon = start(seldom(write_config(receiver.url)))
    wait_until(lambda: len(target.seen) >= 2, "two probes of a service that is well")
    target.status = 503
    assert receiver.wait_for(lambda got: any(log.event_name == "incident.opened" for log in got.logs), 120), (
        daemon.log()
    )
    seen = list(target.seen)
    asked = {tuple(header.split("-")[1:3]) for header, _ in seen}
    assert receiver.wait_for(lambda got: asked <= {(span.trace_id, span.span_id) for span in got.spans}, 120)

    assert all(header.startswith("00-") and header.endswith("-01") for header, _ in seen)
    assert len(asked) == len(seen), "no span id is used twice"
    spans = {(span.trace_id, span.span_id): span for span in receiver.received.spans}
    for header, status in seen:
        span = spans[tuple(header.split("-")[1:3])]
        assert span.attributes["http.response.status_code"] == status
        assert span.error == (status == 503)

    (opened,) = [log for log in receiver.received.logs if log.event_name == "incident.opened"]
    named = [
        span for span in spans.values() if span.trace_id == opened.trace_id and span.span_id in dict(asked).values()
    ]
    assert named, "the trace of incident.opened is none that the target saw"
    assert all(span.error for span in named)


def test_a_failed_run_and_its_second_attempt_share_one_trace_and_two_runs_never_do(
    target: Any, receiver: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    target.status = 503
    start(seldom(write_config(receiver.url)))
    wait_until(lambda: len(target.seen) >= 6, "three failed runs of two attempts")
    traces = [header.split("-")[1] for header, _ in target.seen[:6]]
    assert traces[0] == traces[1]
    assert traces[2] == traces[3]
    assert traces[4] == traces[5]
    assert len(set(traces)) == 3
