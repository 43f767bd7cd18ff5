"""An incident from its first sign to its end, with a real Prometheus beside the probes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow]

Waiting = Callable[[str, Callable[[], Any], float], Any]
Staying = Callable[[str, Callable[[], bool], float], None]


def why(event: Any, word: str) -> str:
    """The one line of reasons in an opening that begins with *word*."""
    (line,) = [line for line in event["attributes"]["why"] if line.startswith(f"{word}:")]
    return str(line)


def test_errors_and_latency_against_their_baselines_open_an_incident_and_close_it_when_they_are_usual_again(
    service: Any, watch: Callable[[str], Any], waiting: Waiting
) -> None:
    daemon = watch("12s")
    assert daemon.incident() is None

    service.version = "1.4.3"
    waiting("its deploy is noticed", lambda: "orders: deploy marked: orders 1.4.3 was deployed at" in daemon.log, 15)

    # Users notice first: health is still green. A fifth of the requests fail, which alone raises no alarm yet.
    service.degrade(error_ratio=0.2, latency=1.5)
    (opened,) = waiting("an incident opens", lambda: daemon.events("incident.opened"), 30)
    assert re.search(r"\d % errors of .* limit 0\.\d\d % \(baseline of ", why(opened, "traffic")), opened
    assert re.search(r"latency 1[345]\d\d ms against 1\d\d ms", why(opened, "latency")), opened
    assert "ms against" in opened["text"]
    assert daemon.incident()["severity"] == "SEV3"
    (deployed,) = daemon.events("incident.deployed_before")
    assert re.match(
        r"orders 1\.4\.3 was deployed at .* by watchkeeper, \d+s before the first failure", deployed["text"]
    )

    service.healthy = False
    service.degrade(error_ratio=0.97, latency=1.5)
    waiting("all is failing", lambda: daemon.incident()["severity"] == "SEV1", 15)
    waiting("the ticket says SEV1", lambda: "| Severity | SEV1 |" in daemon.ticket(), 5)
    assert "baseline of" in daemon.ticket()

    service.mend()
    (resolved,) = waiting("it is resolved", lambda: daemon.events("incident.resolved"), 45)
    recovering = daemon.events("incident.recovering")[-1]
    held = datetime.fromisoformat(resolved["at"]) - datetime.fromisoformat(recovering["at"])
    assert held.total_seconds() >= 12
    assert "latency is within its baseline" in resolved["text"]
    assert "baseline of" in resolved["text"]
    waiting("the ticket says resolved", lambda: "| Status | resolved" in daemon.ticket(), 10)


def test_an_incident_does_not_resolve_while_prometheus_is_away_and_does_once_it_is_back(
    service: Any, prometheus: Any, watch: Callable[[str], Any], waiting: Waiting, staying: Staying
) -> None:
    daemon = watch("2s")
    service.healthy = False
    service.degrade(error_ratio=0.97)
    waiting("an incident opens", lambda: daemon.events("incident.opened"), 15)

    prometheus.end()
    service.mend()
    waiting("the ticket says that it is away", lambda: "Prometheus did not answer" in daemon.ticket(), 15)
    waiting("the probes are well again", lambda: probes_are_well(daemon), 10)
    # Three times as long as everything would have to be well.
    staying("nobody resolves what Prometheus has not seen", lambda: not daemon.events("incident.resolved"), 6)
    assert daemon.incident()["state"] in ("open", "recovering")
    last_update = daemon.events("incident.update_due")[-1]["text"]
    assert "no confirmed failure" in last_update
    assert "Prometheus did not answer" in last_update

    prometheus.start()
    waiting("it is resolved", lambda: daemon.events("incident.resolved"), 20)


def probes_are_well(daemon: Any) -> bool:
    (orders,) = daemon.status()["services"]
    return all(check["outcome"] == "ok" and not check["failing"] for check in orders["checks"])
