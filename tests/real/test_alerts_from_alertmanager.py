"""A rule of a real Prometheus fires and two real Alertmanagers tell of it: one incident, from its start to its end."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from alerting import Real, Waiting

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def real(tmp_path: Path, service: Any, free_port: Callable[[], int]) -> Iterator[Real]:
    for name in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed (Debian: apt install prometheus prometheus-alertmanager)")
    with ExitStack() as stack:
        yield Real(tmp_path, service, free_port, stack)


def test_what_prometheus_finds_is_one_incident_from_its_first_alert_to_the_proof_that_it_is_over(
    real: Real, service: Any, waiting: Waiting
) -> None:
    real.start_daemon(waiting)
    alertmanagers = [real.start_alertmanager(name, waiting) for name in ("first", "second")]
    real.start_prometheus(alertmanagers, waiting)
    assert real.incident() is None

    # Health stays green: only the rule sees it.
    service.degrade(error_ratio=0.0, latency=1.5)
    incident = waiting("an incident opens", real.incident, 30)
    assert (incident["declared_by"], incident["severity"], incident["state"]) == ("alertmanager", "SEV2", "open")
    assert incident["reason"] == "OrdersSlow: orders take 1.5 s"
    (alert,) = incident["alerts"]
    assert alert["firing"]
    assert alert["labels"]["instance"] == service.address
    assert alert["links"]["generator"].startswith("http://")
    waiting("both repeat it", lambda: told(real, "repeated") >= 4, 60)
    assert told(real, "firing") == 1
    assert told(real, "unmatched") >= 1
    assert real.scraped("watchkeeper_notifications_total", watchkeeper_notification_outcome="refused") == 0

    # Now our own probes fail as well: it is the same incident.
    service.healthy = False
    waiting("our probes see it", lambda: real.incident()["severity"] == "SEV1", 30)
    real.report("Ada", "customers cannot pay")
    service.healthy = True
    waiting("the probes are well again", lambda: not real.is_failing(), 30)
    assert real.incident()["state"] == "open", "the alert still fires"

    service.mend()
    resolved = waiting("it is resolved", lambda: over(real), 120)
    names = [event["name"] for event in resolved["events"]]
    assert names.count("incident.opened") == 1
    assert names.count("incident.alert_resolved") == 1, "by two Alertmanagers, once"
    assert names.index("incident.alert_resolved") < len(names) - names[::-1].index("incident.recovering") - 1
    assert names.count("incident.reported") == 1
    assert {(told["source"], told["firing"]) for told in resolved["alerts"]} == {
        ("alertmanager", False),
        ("report", False),
    }
    ticket = waiting("the ticket says so", lambda: closed(real), 20)
    assert "alertmanager, over at" in ticket
    assert "- reported by Ada: customers cannot pay\n" in ticket


def told(real: Real, news: str) -> float:
    return real.scraped("watchkeeper_alerts_total", watchkeeper_alert_news=news)


def over(real: Real) -> Any:
    incident = real.incident()
    return incident if incident["state"] == "resolved" else None


def ticket_of(real: Real) -> str:
    (path,) = (real.folder / "state" / "tickets").glob("*.md")
    return path.read_text()


def closed(real: Real) -> str:
    text = ticket_of(real)
    return text if "| Status | resolved" in text else ""
