"""A mitigation in the real daemon: approved by name, run beside it, told in the ticket; and a daemon that is killed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.records import Commit, LedgerEvent
from monitor.ledger.store import Ledger

# The name of the service in conftest's configuration.
SERVICE = "orders-service"

PROGRAM = """#!/bin/sh
echo ran >> {folder}/ran
until [ -e {folder}/go ]; do sleep 0.05; done
head -c 100000 /dev/zero | tr '\\0' x; echo
echo "began with $#: $1; ${WATCHKEEPER_OF_THE_TEST:-no variable}; $PWD"
cat {folder}/state/token
printf '\\033[31m<b>@channel</b> | done\\n'
exit 3
"""


@pytest.fixture
def write(tmp_path: Path, write_config: Any) -> Callable[[], Path]:
    """Its configuration; what it may run waits for `go`, and has left `ran` by then."""
    program = tmp_path / "pro gram"
    program.write_text(PROGRAM.replace("{folder}", str(tmp_path)))
    program.chmod(0o755)
    back = {"run": [str(program), "$(id) *"], "run_by": "daemon", "timeout": "60s", "description": "one version"}
    copied = {"run": "scale --replicas 6", "when": {"deployed_within": "30m"}}

    def write() -> Path:
        path: Path = write_config()
        document = json.loads(path.read_text())
        document["services"][SERVICE]["mitigations"] = {"back": back, "copied": copied}
        path.write_text(json.dumps(document))
        return path

    return write


def told(daemon: Any, name: str) -> list[str]:
    shown = daemon.ask("incident", "show", "1")["events"]
    return [event["text"] for event in shown if event["name"] == f"incident.mitigation_{name}"]


def test_what_a_person_approves_by_name_is_run_and_told(
    write: Any, start: Any, target: Any, tmp_path: Path, wait_until: Any
) -> None:
    target.status = 503
    daemon = start(write(), {"WATCHKEEPER_OF_THE_TEST": "leaks"})
    daemon.wait_for_line("pending => open")
    assert daemon.cli("deploy", SERVICE, "1.4.2").returncode == 0
    [first, second] = daemon.ask("incident", "mitigate", "1")["mitigations"]
    assert (first["name"], first["holds"], first["run_by"]) == ("copied", True, "copy")
    assert (second["name"], second["reason"]) == ("back", "always an option")

    refused = daemon.cli("incident", "mitigate", "1", "copied", "--yes", "--by", "Ada")
    unasked = daemon.cli("incident", "mitigate", "1", "back", "--by", "Ada")
    assert "is not run from here" in refused.stderr
    assert "nobody can be asked here; --yes approves it" in unasked.stderr
    assert not (tmp_path / "ran").exists()

    done = daemon.cli("incident", "mitigate", "1", "back", "--yes", "--by", "Ada")
    assert "started: back of orders-service for INC-0001, approved by Ada" in done.stdout
    again = daemon.cli("incident", "mitigate", "1", "back", "--yes", "--by", "Lin")
    assert "is being run for Ada; one at a time" in again.stderr
    (tmp_path / "go").touch()

    daemon.wait_for_line("mitigation ended")
    [said] = told(daemon, "ended")
    assert "back of orders-service for Ada ended with exit code 3 after" in said
    assert "began with 1: $(id) *; no variable; /" in said.splitlines()
    assert "\\x1b[31m<b>@channel</b> | done" in said
    assert (tmp_path / "state" / "token").read_text().strip() not in said
    assert len(said) < 2500
    assert (tmp_path / "ran").read_text() == "ran\n"
    [ticket] = wait_until(lambda: list((tmp_path / "state").rglob("INC-0001*.md")), "its ticket")
    wait_until(lambda: "&lt;b>" in ticket.read_text(), "its output is in the ticket")


def test_what_a_killed_daemon_left_is_told_by_the_next_as_what_is_known(
    write: Any, start: Any, target: Any, tmp_path: Path, wait_until: Any
) -> None:
    """One that went on to its end without it, one that has our yes and is gone, and one that never had it."""
    target.status = 503
    daemon = start(write())
    daemon.wait_for_line("pending => open")
    assert daemon.cli("incident", "mitigate", "1", "back", "--yes", "--by", "Ada").returncode == 0
    wait_until((tmp_path / "ran").exists, "it has begun")

    daemon.kill()
    (tmp_path / "go").touch()
    invent(tmp_path / "state", Lin=True, Grace=False)
    daemon = start(daemon.config)

    wait_until(lambda: daemon.log().count("mitigation ended") == 3, "all are told")
    ends = told(daemon, "ended")
    assert any("for Ada ended with exit code 3" in text for text in ends)
    assert any("for Lin may have run, in part or to its end: whoever ran it went without a word" in t for t in ends)
    assert any("for Grace was not run: watchkeeper ended before it could begin" in text for text in ends)
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert len(told(daemon, "started")) == 2


def invent(state: Path, **begun: bool) -> None:
    """Approvals of people, as if it had been killed a moment later; whoever ran what is begun is gone as well."""
    ledger = Ledger.open(state)
    [incident] = ledger.incidents()
    now = datetime.now(UTC)
    for person, is_begun in begun.items():
        of = {"mitigation": "back", "mitigated_service": SERVICE, "run": person}
        names = ["approved", "started"] if is_begun else ["approved"]
        events = tuple(
            LedgerEvent(
                name=f"incident.mitigation_{name}", at=now, wall=now, text="", author=person, incident=incident.id,
                service=SERVICE, attributes={**of, "word": "w", "pid": os.getpid(), "born": 1, "timeout": 60.0},
            )
            for name in names
        )  # fmt: skip
        ledger.commit(Commit(events=events)).result(10)
    ledger.close()
