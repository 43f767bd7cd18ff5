"""A daemon whose check expects something of the answer: an incident with the values in it, and no secret anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECRET = "hunter2-hunter2"


def test_a_condition_that_fails_opens_an_incident_and_a_secret_in_it_reaches_neither_ticket_log_nor_disk(
    target: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
) -> None:
    config = write_config(
        services={
            "orders-service": {
                "checks": {
                    "ready": {
                        "http": f"{target.url}/healthz",
                        "interval": "1s",
                        "timeout": "500ms",
                        "expect": ["[STATUS] == 200", "[HEADERS].content-length == ${API_TOKEN}"],
                    }
                }
            }
        }
    )
    monkeypatch.setenv("API_TOKEN", SECRET)  # commands read the configuration too
    daemon = start(config)
    daemon.wait_for_line(r"orders-service: pending => open")

    def tickets() -> list[str]:
        return [ticket.read_text() for ticket in (tmp_path / "state" / "tickets").glob("*.md")]

    wait_until(tickets, "a ticket")
    incident = daemon.ask("incident", "show", "1")
    status, _ = daemon.terminate(30)

    assert status == 0, daemon.log()
    assert "header: [HEADERS].content-length (0) == ***" in str(incident)
    assert any("[HEADERS].content-length (0) == ***" in ticket for ticket in tickets())
    kept = [file for file in (tmp_path / "state").rglob("*") if file.is_file()]
    assert [file.name for file in kept if SECRET.encode() in file.read_bytes()] == []
    assert SECRET not in daemon.log()
