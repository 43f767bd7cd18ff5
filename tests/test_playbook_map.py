"""docs/playbook.md says where each line of the playbook lives: every place is there, and no line is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAP = ROOT / "docs" / "playbook.md"
PLAYBOOK = ROOT.parent / "shared" / "incident-response-playbook.md"

SAID_BY = {
    "Alerts (Grafana/Prometheus)": "Alerts or user reports",
    "Log an entry": "Log an entry in the tracker",
    "Assign an Incident Commander": "Assign an Incident Commander and a Scribe",
    "Determine severity": "Determine severity",
    "SEV": "Determine severity",
    "IC coordinates": "The IC coordinates",
    "Gather current state": "Check `/healthz`",
    "Check service health": "Check `/healthz`",
    "Inspect Grafana": "Inspect Grafana",
    "Query logs": "Query logs in Loki",
    "Mitigate impact": "Roll back",
    "Roll back": "Roll back",
    "Scale replicas": "Roll back, scale",
    "Drain queue": "drain the queue",
    "Internal updates": "Internal updates every 15 minutes",
    "External status page": "External status page",
    "Confirm services stable": "Confirm services stable",
    "Close the incident": "Close the incident",
    "Schedule postmortem": "Schedule the postmortem",
    "Timeline": "Timeline (UTC)",
    "Root cause": "Root cause",
    "Detection & response gaps": "Detection and response gaps",
    "Action items": "Action items",
    "Update runbooks": "Update runbooks",
    "Tail logs": "Tail logs",
    "Inspect traces": "Inspect traces",
    "Collector health": "Collector health",
    "Trigger synthetic check": "Trigger a synthetic check",
    "Incident Commander": "Escalation contacts",
    "Communications": "Escalation contacts",
    "Database": "the database contact",
    "Keep this document": "Keep this document",
}


def test_every_place_that_the_map_names_is_there() -> None:
    text = MAP.read_text()
    places = {
        place
        for row in re.findall(r"\| ([^|\n]*) \|$", text, re.MULTILINE)
        for place in re.findall(r"`([a-z_/]+(?:\.py|/))`", row)
    }
    assert len(places) > 30
    assert [place for place in sorted(places) if not (ROOT / "monitor" / place).exists()] == []
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (MAP.parent / link).exists(), link


def test_no_line_of_the_playbook_is_left_out() -> None:
    if not PLAYBOOK.exists():
        pytest.skip("the playbook that the map is of is not beside this checkout")
    known, lines = MAP.read_text(), PLAYBOOK.read_text().splitlines()
    asked = [line.strip(" -*|`") for line in lines if re.match(r"\s*(\d\.|-|\|)\s*[A-Za-z*]|Keep", line)]
    asked = [re.sub(r"^(\d\.|\W)+\s*", "", line) for line in asked if not re.match(r"(Task|Role) ", line)]
    left_out = [
        line for line in asked
        if not any(line.startswith(begin) and said in known for begin, said in SAID_BY.items())
    ]  # fmt: skip
    assert left_out == []
    assert len(asked) > 25
