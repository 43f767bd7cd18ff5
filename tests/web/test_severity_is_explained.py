"""Why an incident is as severe as it is, over HTTP and by command, and what the ledger alone knows of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import monitor
from monitor.core.incident import Incident, State
from monitor.core.severity import Severity
from monitor.ledger.records import Commit, LedgerEvent
from monitor.ledger.store import Ledger

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
CONFIG = """
monitor: {{state: {state}, listen: "127.0.0.1:{port}"}}
services:
  orders: {{checks: {{live: "http://127.0.0.1:9/healthz"}}}}
"""
DEGRADED = "some checks fail, or the short-window burn rate is 14.4 or more (degraded)"
OUTAGE = "all checks fail and 50 % or more of the traffic fails, or all checks fail and no traffic is seen (outage)"

Types = Callable[..., Result]


@pytest.fixture
def types(web, tmp_path) -> Types:
    def run(*arguments: str, port: int = web.port, env: dict[str, str] | None = None) -> Result:
        config: Path = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(state=tmp_path / "state", port=port))
        return CliRunner().invoke(monitor, ["-c", str(config), *arguments], env=env or {})

    return run


def report(web) -> None:
    web.post("/api/v1/incidents", {"reporter": "Ada", "symptoms": "customers cannot pay", "service": "orders"})


def test_what_is_in_force_how_it_came_about_and_what_the_table_says_now(web):
    report(web)

    answer = web.get("/api/v1/incidents/INC-0001/severity")

    assert answer.status == 200
    found = answer.document
    assert (found["incident"], found["service"], found["severity"]) == ("INC-0001", "orders", "SEV3")
    assert (found["because"], found["lowered_from"]) == (["SEV3: as the reporter said"], None)
    assert found["evaluated_at"] == "2026-03-01T03:00:00.000Z"
    assert (found["suggested"], found["row"], found["reason"]) == ("SEV3", "degraded", f"SEV3: {DEGRADED}")
    assert found["inputs"][1:3] == ["checks: 1 of 2 confirmed failing (live)", "failing: live: status: 503"]
    assert [row["name"] for row in found["table"] if row["holds"]] == ["degraded"]


@pytest.mark.parametrize("ref", ["7", "nobody", "a.b", "%2e%2e"])
def test_an_incident_that_is_not_there_is_not_found(web, ref):
    assert web.get(f"/api/v1/incidents/{ref}/severity").status == 404


def test_the_command_shows_it_on_one_page(web, types):
    report(web)

    asked = types("severity", "explain", "inc-1")

    assert asked.exit_code == 0, asked.output
    assert asked.output.startswith(f"""\
INC-0001 orders SEV3
  SEV3: as the reporter said

As of 2026-03-01T03:00:00.000Z: SEV3: {DEGRADED}
  criticality: medium
  checks: 1 of 2 confirmed failing (live)
  failing: live: status: 503
  traffic: not configured
  One step higher: SEV1 if data loss is declared
  One step lower: SEV4 if no more than this: a latency shift is confirmed, or the burn rate is 6 or more

   ROW """)
    assert "\n>  degraded " in asked.output


def test_json_is_what_the_daemon_said(web, types):
    report(web)

    asked = types("severity", "explain", "1", "--json")

    assert json.loads(asked.output) == web.get("/api/v1/incidents/1/severity").document


@pytest.fixture
def ledger_of_a_rise(tmp_path) -> None:
    """An incident that opened as a SEV3 and became a SEV2."""
    ledger = Ledger.open(tmp_path / "state")
    incident = Incident(
        service="orders", since=T0, state=State.OPEN, id="01JLEDGER00000000000000042", number=42, opened_at=T0,
        severity=Severity.SEV2, reason="live failed 5 of its last 5 probes",
    )  # fmt: skip
    told = {
        "incident.opened": [f"SEV3: {DEGRADED}", "checks: 1 of 2 confirmed failing (live)"],
        "incident.noted": None,
        "incident.severity_changed": [f"SEV2: {OUTAGE}", "checks: 2 of 2 confirmed failing (live, ready)"],
        "incident.acknowledged": None,
    }
    events = [
        LedgerEvent(name=name, at=T0, wall=T0, text=name, incident=incident.id, service="orders",
                    attributes={"why": why} if why else {})
        for name, why in told.items()
    ]  # fmt: skip
    ledger.commit(Commit(events=tuple(events), incidents=(incident,))).result(5)
    ledger.close()


@pytest.mark.usefixtures("ledger_of_a_rise")
def test_without_a_daemon_the_ledger_tells_how_it_came_about(types):
    asked = types("severity", "explain", "42", port=9)

    assert asked.exit_code == 0, asked.output
    assert "This is from the ledger in" in asked.output
    assert (
        f"INC-0042 orders SEV2\n  SEV2: {OUTAGE}\n  checks: 2 of 2 confirmed failing (live, ready)\n\n" in asked.output
    )
    assert "\n>  outage " in asked.output
    assert "As of" not in asked.output
    assert "\n+ " not in asked.output, "what else would hold is not known"
    document = json.loads(types("severity", "explain", "42", "--json", port=9).stdout)
    assert (document["row"], document["evaluated_at"], document["suggested"]) == ("outage", None, None)


@pytest.mark.usefixtures("ledger_of_a_rise")
def test_an_incident_that_neither_knows_is_said(types):
    asked = types("severity", "explain", "INC-0007", port=9)

    assert asked.exit_code == 3
    assert "no incident is called INC-0007; monitor incident list --state all lists them" in asked.output


def offered(tmp_path: Path, command: str, begun: str) -> list[str]:
    """What a shell offers after *command*, whose configuration is where everybody's is."""
    group = monitor.get_command(None, command.split()[0])  # type: ignore[arg-type]
    assert isinstance(group, click.Group)
    parameter = next(p for p in group.commands[command.split()[1]].params if p.name == "ref")
    context = monitor.make_context("monitor", ["-c", str(tmp_path / "config.yaml"), "status"])
    return [item.value for item in parameter.shell_complete(context, begun)]


@pytest.mark.parametrize("command", ["severity explain", "incident show", "incident ack", "incident resolve"])
def test_the_names_of_live_incidents_are_completed(web, types, tmp_path, command):
    types("status")  # writes the configuration
    report(web)
    web.post("/api/v1/incidents", {"reporter": "Ada", "symptoms": "no receipts", "service": "payments"})

    assert offered(tmp_path, command, "") == ["INC-0002", "INC-0001"]
    assert offered(tmp_path, command, "inc-0001") == ["INC-0001"]
    assert offered(tmp_path, command, "42") == []


@pytest.mark.usefixtures("ledger_of_a_rise")
def test_completion_asks_the_ledger_without_a_daemon_and_is_silent_without_both(types, tmp_path):
    types("status", port=9)
    assert offered(tmp_path, "severity explain", "INC") == ["INC-0042"]

    (tmp_path / "config.yaml").write_text(f"monitor:\n  state: {tmp_path}/nowhere\n  listen: 127.0.0.1:9\n")
    assert offered(tmp_path, "severity explain", "INC") == []
