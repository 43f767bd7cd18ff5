"""Whom escalation told, and who took a role, survive kill -9 of the daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.store import Ledger

pytestmark = pytest.mark.slow

SERVICE = "orders-service"
CONTACTS = {
    "incident_commander": {"primary": "SRE on-call", "backup": "Engineering Manager"},
    "scribe": {"primary": "SRE secondary"},
    "database": {"primary": "DBRE on-call"},
}


def events(state: Path, name: str) -> list[str]:
    reader = Ledger.open_read_only(state)
    try:
        return [event.text for event in reader.events_named(name)]
    finally:
        reader.close()


def test_a_backup_is_told_once_and_a_role_that_was_handed_over_stays(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    check = {"http": f"{target.url}/healthz", "interval": "1s", "timeout": "900ms", "needs": "database"}
    config = write_config(
        contacts=CONTACTS,
        services={SERVICE: {"criticality": "medium", "checks": {"ready": check}}},
        incidents={"ack_within": "8s", "stable_for": "30m"},
    )
    daemon = start(config)
    daemon.wait_for_line("watching")
    target.status = 503
    wait_until(lambda: len(events(daemon.state, "incident.role_assigned")) == 3, "all roles are assigned")
    daemon.kill()

    daemon = start(config)
    wait_until(lambda: events(daemon.state, "incident.escalated"), "the backup is told")
    given = daemon.cli("incident", "role", "1", "scribe", "Lin", "--by", "Ada")
    assert given.stdout.strip() == f"Lin is scribe: INC-0001 {SERVICE} (open, SEV3)"
    daemon.kill()

    daemon = start(config)
    daemon.wait_for_line("watching")
    (lacking,) = wait_until(lambda: daemon.ask("status")["recovery"], "the incident is known")
    assert lacking["roles"] == {
        "incident_commander": "SRE on-call",
        "scribe": "Lin",
        "database": "DBRE on-call",
    }
    status = daemon.cli("status").stdout
    assert "; Incident commander: SRE on-call; Scribe: Lin; Database: DBRE on-call" in status
    assert events(daemon.state, "incident.escalated") == [
        "nobody acknowledged it within 8s: Engineering Manager (Incident commander)"
    ]
    assert events(daemon.state, "incident.role_assigned") == [
        "Incident commander: SRE on-call (backup: Engineering Manager)",
        "Scribe: SRE secondary",
        f"Database: DBRE on-call, because {SERVICE}/ready is failing",
        "Scribe: Lin after SRE secondary",
    ]
