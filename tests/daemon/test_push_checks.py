"""Jobs tell the real daemon how they went: in time, too late, with a failure, and over a kill and a restart."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.daemon.kept import TIMELINE
from monitor.ledger.store import Ledger

JOB = "orders-service/backup"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def push_check(write_config: Callable[..., Path], otlp: str = "", **push: Any) -> Path:
    """A service with one push check alone, on a port that stays: a job knows its address."""
    job = {"push": push, "interval": "1s"}
    return write_config(
        otlp,
        monitor={"listen": f"127.0.0.1:{free_port()}"},
        services={"orders-service": {"criticality": "high", "checks": {"backup": job}}},
    )


def address_of(daemon: Any) -> str:
    shown = daemon.cli("push", JOB)
    assert shown.returncode == 0, shown.stderr
    name, address = shown.stdout.split()
    assert name == JOB
    return str(address)


def tell(address: str, what: str = "", body: bytes | None = None) -> int:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request("POST", f"/{path}{what}", body)
        return connection.getresponse().status
    finally:
        connection.close()


def backup(daemon: Any) -> dict[str, Any]:
    found: dict[str, Any] = daemon.ask("status")["services"][0]["checks"][0]
    return found


def test_a_job_that_falls_silent_opens_an_incident_and_its_next_push_is_a_recovery(
    write_config: Callable[..., Path], start: Callable[..., Any], receiver: Any, wait_until: Any
) -> None:
    daemon = start(push_check(write_config, receiver.url, every="3s", grace="2s"))
    daemon.wait_for_line("watching 1 services")
    address = address_of(daemon)

    assert tell(address, "/start") == 200
    assert tell(address) == 200
    silent = wait_until(lambda: daemon.incidents(), "an incident")[0]

    assert silent["service"] == "orders-service"
    assert "backup" in silent["reason"]
    found = backup(daemon)
    assert (found["outcome"], found["reason"], found["confirmation"]) == ("failed", "timeout", "confirmed")
    assert "nothing was pushed since" in found["detail"]

    def told_and_recovering() -> bool:
        tell(address)
        return bool(daemon.incidents()[0]["state"] in ("recovering", "resolved"))

    wait_until(told_and_recovering, "the recovery")
    token = address.rpartition("/")[2]
    assert token not in daemon.log()
    assert receiver.wait_for(lambda got: any(span.name == "push" for span in got.spans), 120)
    spans = [span for span in receiver.received.spans if span.name == "push"]
    assert not [key for span in spans for key in span.attributes if key.startswith(("url.", "network.", "server."))]


def test_a_job_that_says_that_it_failed_is_believed_at_once_and_no_kill_forgets_it(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any
) -> None:
    config = push_check(write_config, every="10m", grace="5m")
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")
    address = address_of(daemon)

    assert tell(address, "/3", b"copying\ndisk full\n") == 200
    daemon.wait_for_line("clear => pending, breached: backup: assertion: ended with status 3: disk full")
    daemon.kill()
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")

    wait_until(lambda: backup(daemon)["detail"] == "ended with status 3: disk full", "the failure of before the kill")
    assert address_of(daemon) == address
    assert tell(address, "/0") == 200
    wait_until(lambda: backup(daemon)["outcome"] == "ok", "the success")
    daemon.kill()
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")
    found = wait_until(lambda: (check := backup(daemon))["outcome"] and check, "a result after the second kill")
    assert (found["outcome"], found["notes"]) == ("ok", []), "that it succeeded is known"


@pytest.mark.parametrize(("dead_since_then", "outcome"), [(True, "ok"), (False, "failed")])
def test_the_time_in_which_the_daemon_was_dead_is_held_against_nobody(
    dead_since_then: bool,
    outcome: str,
    write_config: Callable[..., Path],
    start: Callable[..., Any],
    wait_until: Any,
) -> None:
    """An hour of silence: of a job that nobody could hear, and of one that somebody would have heard."""
    config = push_check(write_config, every="10m", grace="1m")
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")
    assert tell(address_of(daemon)) == 200
    daemon.kill()
    make_older(daemon.state, timedelta(hours=1), "push " + JOB, *([TIMELINE] if dead_since_then else []))

    daemon = start(config)
    daemon.wait_for_line("watching 1 services")

    assert wait_until(lambda: backup(daemon)["outcome"], "a first result") == outcome, daemon.log()


def make_older(state: Path, by: timedelta, *keys: str) -> None:
    """As if what the ledger keeps under *keys* had been written so much earlier."""
    ledger = Ledger.open(state)

    def earlier(found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found[0]) - by).isoformat()

    for key in keys:
        kept = ledger.meta(key)
        assert kept is not None
        ledger.set_meta(key, re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", earlier, kept)).result(60)
    ledger.close()


def test_a_reload_turns_a_check_that_is_asked_into_one_that_tells_and_back(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config(monitor={"listen": f"127.0.0.1:{free_port()}"})
    document = json.loads(config.read_text())
    checks = document["services"]["orders-service"]["checks"]
    asked = checks["ready"]
    daemon = start(config)
    wait_until(lambda: target.seen, "a probe")

    daemon.document = document  # what commands read from here on
    checks["ready"] = {"push": {"every": "10m"}, "interval": "1s"}
    config.write_text(json.dumps(document))
    wait_until(lambda: backup(daemon)["notes"], "a result of what it tells")
    assert wait_until(lambda: daemon.prober()["checks"] == 0, "a prober without checks")
    assert tell(daemon.cli("push").stdout.split()[1]) == 200

    checks["ready"] = asked
    config.write_text(json.dumps(document))
    daemon.wait_for_line("(?s)config reloaded.*config reloaded")
    seen = len(target.seen)
    wait_until(lambda: len(target.seen) > seen, "a probe again")
    assert daemon.cli("push").returncode == 3


def test_nothing_is_asked_of_a_push_check(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Any
) -> None:
    daemon = start(push_check(write_config, cron="0 0 1 1 *", time_zone="Europe/Berlin", grace="1h"))

    found = wait_until(lambda: (check := backup(daemon))["outcome"] and check, "a first result")

    assert found["outcome"] == "ok"
    assert found["notes"][0].startswith("nothing was pushed yet, which is well until ")
    assert wait_until(lambda: daemon.prober()["pid"] and daemon.prober(), "the prober")["checks"] == 0
    assert daemon.ask("status")["ready"] is True
