"""How long the daemon was away is measured from its last known turn: within the gap limit time just goes on."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.daemon.kept import TIMELINE
from monitor.ledger.history import History
from monitor.ledger.store import Ledger

pytestmark = pytest.mark.slow


def age_last_turn(state: Path, by: timedelta) -> None:
    """As if the daemon had turned for the last time so much earlier."""
    ledger = Ledger.open(state)
    timeline = json.loads(ledger.meta(TIMELINE) or "")
    timeline["last"] = (datetime.fromisoformat(timeline["last"]) - by).isoformat()
    ledger.set_meta(TIMELINE, json.dumps(timeline)).result(10)
    ledger.close()


@pytest.mark.parametrize(("away", "expected"), [(timedelta(minutes=1), 0), (timedelta(minutes=3), 1)])
def test_recovering_begins_anew_only_after_more_than_two_minutes_away(
    away: timedelta,
    expected: int,
    target: Any,
    write_config: Callable[..., Path],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
) -> None:
    config = write_config(incidents={"open_after": "1s", "stable_for": "1h"})
    target.status = 503
    first = start(config)
    first.wait_for_line(r"orders-service: pending => open")
    target.status = 200
    first.wait_for_line(r"orders-service: open => recovering")
    (before,) = first.incidents()
    assert first.terminate(120)[0] == 0
    age_last_turn(first.state, away)

    second = start(config)
    asked = len(target.seen)
    wait_until(lambda: len(target.seen) >= asked + 2, "the second daemon's probes")
    (after,) = second.incidents()
    names = [event["name"] for event in second.ask("incident", "show", "1")["events"]]
    assert names.count("incident.recovery_restarted") == expected, second.log()
    assert (after["state"], after["id"]) == ("recovering", before["id"])
    assert (after["since"] == before["since"]) is (expected == 0)


def test_a_start_that_fails_writes_over_nothing_that_a_later_one_needs(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    target.status = 503
    first = start(write_config(incidents={"open_after": "1h"}))
    first.wait_for_line(r"orders-service: clear => pending")
    assert first.terminate(120)[0] == 0
    before = kept(first.state)
    assert before[1]["orders-service/ready"]["s"] > 0.0

    with socket.create_server(("127.0.0.1", 0)) as somebody:
        listen = f"127.0.0.1:{somebody.getsockname()[1]}"
        second = start(write_config(monitor={"listen": listen}, incidents={"open_after": "1h"}))
        assert second.process.wait(120) == 3
    assert kept(first.state) == before


def kept(state: Path) -> tuple[str | None, dict[str, Any]]:
    """When the loop last turned, and the detectors."""
    ledger, history = Ledger.open(state), History.open(state / "history.sqlite")
    found = ledger.meta(TIMELINE), history.detector_states()
    ledger.close()
    history.close()
    return found
