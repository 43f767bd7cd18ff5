"""The real daemon explains the severity of its incident, and the ledger does when the daemon is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.core.incident import Incident, State
from monitor.core.severity import Severity
from monitor.daemon.kept import case_from
from monitor.ledger.records import Commit, LedgerEvent
from monitor.ledger.store import Ledger

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def test_an_open_incident_is_explained_by_the_daemon_and_after_it_by_the_ledger(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    daemon = start(write_config())
    wait_until(lambda: target.seen, "a probe")
    target.status = 503
    daemon.wait_for_line(r"orders-service: pending => open")

    asked = daemon.cli("severity", "explain", "INC-0001", "--json")

    assert asked.returncode == 0, asked.stderr
    now = json.loads(asked.stdout)
    assert (now["severity"], now["suggested"], now["row"], now["criticality"]) == ("SEV2", "SEV2", "outage", "high")
    assert now["because"][0] == now["reason"]
    assert now["evaluated_at"] is not None
    assert "checks: 1 of 1 confirmed failing (ready)" in now["inputs"]
    assert [row["name"] for row in now["table"] if row["decides"]] == ["outage"]
    assert [row["name"] for row in now["table"] if row["holds"]][:2] == ["outage", "degraded"]

    daemon.close()
    then = daemon.cli("severity", "explain", "1")
    assert then.returncode == 0, then.stderr
    assert "This is from the ledger" in then.stderr
    assert then.stdout.startswith(f"INC-0001 orders-service SEV2\n  {now['reason']}\n")
    assert "\n>  outage " in then.stdout


def test_an_incident_that_is_not_there_is_refused_in_one_line(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    daemon = start(write_config())
    wait_until(lambda: target.seen, "a probe")
    refused = daemon.cli("severity", "explain", "1")
    assert (refused.returncode, refused.stderr) == (3, "no open or recently resolved incident is called 1\n")


def test_a_rise_keeps_its_reasons_over_a_restart(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "state")
    incident = Incident(service="shop", since=T0, state=State.OPEN, id="01JRISE", number=1, severity=Severity.SEV2)
    told = (("incident.opened", ["SEV3: some"]), ("incident.severity_changed", ["SEV2: all", "checks: 2 of 2"]))
    events = tuple(
        LedgerEvent(name=name, at=T0, wall=T0, text=name, incident=incident.id, service="shop", attributes={"why": why})
        for name, why in told
    )
    ledger.commit(Commit(events=events, incidents=(incident,))).result(5)
    ledger.close()

    again = Ledger.open(tmp_path / "state")

    assert case_from(again, incident.id).why == ("SEV2: all", "checks: 2 of 2")
    again.close()
