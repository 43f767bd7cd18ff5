"""Alerts of other systems at a real daemon: what it answers is durable, and shown wherever people look."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from monitor.ledger.crashpoints import VARIABLE

SERVICE = "orders-service"
SECRET = "s3cr3t-of-alertmanager"
INTAKE = {"alertmanager": {"secret": SECRET}}


def alert(name: str, *, over: bool = False, service: str = SERVICE) -> dict[str, Any]:
    return {
        "status": "resolved" if over else "firing",
        "labels": {"alertname": name, "service": service, "severity": "warning"},
        "annotations": {"summary": "a tenth of all orders fail"},
        "startsAt": "2026-03-01T03:00:00Z",
        "endsAt": "2026-03-01T03:09:00Z" if over else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph?g0.expr=orders",
        "fingerprint": f"{name}-of-{service}",
    }


def send(address: str, *alerts: dict[str, Any], secret: str = SECRET) -> requests.Response:
    body = {"version": "4", "status": "firing", "groupKey": "{}", "receiver": "w", "alerts": list(alerts)}
    headers = {"Authorization": f"Bearer {secret}"}
    return requests.post(f"{address}/api/v1/alerts/alertmanager", json=body, headers=headers, timeout=120)


def address_of(daemon: Any) -> str:
    found: str = daemon.wait_for_line(r"http://127\.0\.0\.1:\d+")[0]
    return found


def incidents(address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{address}/api/v1/incidents?state=all", timeout=120).json()["incidents"]
    return found


def detail(address: str) -> dict[str, Any]:
    (found,) = incidents(address)
    document: dict[str, Any] = requests.get(f"{address}/api/v1/incidents/{found['number']}", timeout=120).json()
    return document


def test_an_alert_is_shown_wherever_people_look_and_its_end_lets_the_incident_resolve(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config(intake=INTAKE, incidents={"stable_for": "2s"})
    daemon = start(config)
    address = address_of(daemon)
    wait_until(lambda: requests.get(f"{address}/healthz/ready", timeout=10).ok, "ready")

    assert send(address, alert("OrdersFail"), secret="wrong").status_code == 401
    assert incidents(address) == []
    answer = send(address, alert("OrdersFail"), alert("Elsewhere", service="unheard"))
    assert (answer.status_code, answer.json()) == (
        200,
        {"counts": {"firing": 1, "unmatched": 1}, "incidents": ["INC-0001"]},
    )
    assert send(address, alert("OrdersFail")).json()["counts"] == {"repeated": 1}
    shown = daemon.cli("incident", "show", "1").stdout
    assert "reported by: alertmanager" in shown
    assert "  alertmanager (firing since 2026-03-01T03:00:00.000Z): OrdersFail: a tenth of all orders fail\n" in shown
    assert f"    alertname=OrdersFail service={SERVICE} severity=warning\n" in shown
    assert "    generator: http://prometheus.example/graph?g0.expr=orders\n" in shown
    ticket = daemon.state / "tickets"
    text = wait_until(lambda: "".join(path.read_text() for path in ticket.glob("*.md")), "a ticket")
    assert "## Alerts\n\n- alertmanager, firing since 03:00:00 UTC: OrdersFail: a tenth of all orders fail" in text
    assert SECRET not in text + shown + daemon.log()

    assert send(address, alert("OrdersFail", over=True)).json()["counts"] == {"resolved": 1}
    wait_until(lambda: detail(address)["state"] == "resolved", "it is resolved")
    names = [event["name"] for event in detail(address)["events"]]
    assert [name for name in names if name in WANTED] == WANTED
    scraped = requests.get(f"{address}/metrics", timeout=30).text
    sent = 'watchkeeper_notifications_total{watchkeeper_source="alertmanager",watchkeeper_notification_outcome='
    for outcome, count in (("taken", 3), ("refused", 1)):
        assert f'{sent}"{outcome}"}} {count}' in scraped
    told = 'watchkeeper_alerts_total{watchkeeper_source="alertmanager",watchkeeper_alert_news='
    for news in ("firing", "unmatched", "repeated", "resolved"):
        assert f'{told}"{news}"}} 1' in scraped


WANTED = [
    "incident.opened",
    "incident.alert_resolved",
    "incident.mitigated",
    "incident.recovering",
    "incident.resolved",
]


@pytest.mark.slow
def test_what_was_answered_survives_kill_minus_nine_in_the_next_instant(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config(intake=INTAKE)
    daemon = start(config)
    answer = send(address_of(daemon), alert("OrdersFail"), alert("OrdersSlow"), alert("Ended", over=True))
    daemon.kill()
    assert answer.status_code == 200

    daemon = start(config)
    address = address_of(daemon)
    wait_until(lambda: requests.get(f"{address}/healthz/ready", timeout=10).ok, "ready")
    found = detail(address)
    assert (found["number"], found["state"], found["declared_by"]) == (1, "open", "alertmanager")
    assert [a["labels"]["alertname"] for a in found["alerts"] if a["firing"]] == ["OrdersFail", "OrdersSlow"]

    again = send(address, alert("OrdersFail"), alert("OrdersSlow"), alert("Ended"))
    assert again.json()["counts"] == {"repeated": 2, "late": 1}, "what was over before it fired is remembered too"
    assert send(address, alert("OrdersFail", over=True)).json()["counts"] == {"resolved": 1}
    daemon.kill()

    address = address_of(start(config))
    wait_until(lambda: requests.get(f"{address}/healthz/ready", timeout=10).ok, "ready")
    assert [a["labels"]["alertname"] for a in detail(address)["alerts"] if a["firing"]] == ["OrdersSlow"]


@pytest.mark.slow
@pytest.mark.parametrize("dies_at", ["before-commit:9", "inside-transaction:40", "after-commit:9"])
def test_whatever_instant_the_daemon_dies_at_all_that_it_acknowledged_is_known_and_it_is_one_incident(
    dies_at: str, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config(intake=INTAKE)
    daemon = start(config, {VARIABLE: dies_at})
    address = address_of(daemon)
    sent, acknowledged = [], []
    while daemon.process.poll() is None:
        sent.append(f"A{len(sent)}")
        try:
            answer = send(address, alert(sent[-1]))
        except requests.ConnectionError:
            break  # it died of this one, or the system refuses who asks for what is not there any more
        assert answer.status_code == 200
        acknowledged.append(sent[-1])
    assert daemon.process.wait(120) == -signal.SIGKILL

    address = address_of(start(config))
    wait_until(lambda: requests.get(f"{address}/healthz/ready", timeout=10).ok, "ready")
    if acknowledged:
        known = {a["labels"]["alertname"] for a in detail(address)["alerts"] if a["firing"]}
        assert known >= set(acknowledged)
    # Who got no answer sends it again.
    assert send(address, *map(alert, sent)).status_code == 200
    assert {a["labels"]["alertname"] for a in detail(address)["alerts"]} == set(sent)


@pytest.mark.slow
def test_while_the_ledger_is_held_nothing_is_acknowledged_and_what_is_sent_again_is_one_incident(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    daemon = start(write_config(intake=INTAKE))
    address = address_of(daemon)
    wait_until(lambda: requests.get(f"{address}/healthz/ready", timeout=10).ok, "ready")
    other = sqlite3.connect(daemon.state / "ledger.sqlite", timeout=120, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert send(address, alert("OrdersFail")).status_code == 503
    assert send(address, alert("OrdersFail")).status_code == 503, "nor is the repeat of what is not durable yet"
    other.execute("ROLLBACK")
    other.close()

    def taken() -> bool:
        return send(address, alert("OrdersFail")).status_code == 200

    wait_until(taken, "it is taken")
    assert [incident["number"] for incident in incidents(address)] == [1]
    scraped = requests.get(f"{address}/metrics", timeout=30).text
    assert 'watchkeeper_notification_outcome="held"' in scraped


def test_a_reload_takes_a_new_secret_and_another_service_for_an_alert(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config(intake=INTAKE)
    daemon = start(config)
    address = address_of(daemon)
    assert send(address, alert("Elsewhere", service="unheard")).status_code == 202

    document = json.loads(config.read_text())
    document["intake"] = {"default_service": SERVICE, "alertmanager": {"secret": "another-secret"}}
    config.write_text(json.dumps(document))
    wait_until(
        lambda: send(address, alert("Elsewhere", service="unheard"), secret="another-secret").status_code == 200,
        "the new secret is taken",
    )
    assert [incident["service"] for incident in incidents(address)] == [SERVICE]
    assert send(address, alert("OrdersFail")).status_code == 401
