"""Mitigations by command and API against a real server: what is shown, what is asked, and who is told yes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import monitor

CONFIG = """
monitor:
  state: {state}
  listen: "127.0.0.1:{port}"
services:
  orders:
    checks: {{live: "http://127.0.0.1:9/healthz"}}
"""
REPORT = {"reporter": "Ada", "symptoms": "cannot pay", "service": "orders"}


@pytest.fixture
def config(web, tmp_path) -> Path:
    """Of somebody who may write, while an incident is open."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(state=tmp_path / "state", port=web.port))
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "token").write_text("a-token-of-the-tests\n")
    web.post("/api/v1/incidents", REPORT)
    return path


def types(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(monitor, ["-c", str(config), "incident", "mitigate", *arguments])


def answers(config: Path, answer: str) -> tuple[int, str]:
    """Of a person at a terminal, who is asked."""
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "monitor",
        "-c",
        str(config),
        "incident",
        "mitigate",
        "1",
        "rollback",
        "--by",
        "Ada",
    ]
    with os.fdopen(ours, "wb", buffering=0) as terminal:
        terminal.write(f"{answer}\n".encode())
        done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(theirs)
    return done.returncode, done.stdout


def approvals(web) -> list[str]:
    return [
        event["text"] for event in web.get("/api/v1/incidents/1").document["events"] if "mitigation" in event["name"]
    ]


def test_they_are_listed_with_reason_and_command_and_no_terminal_obeys_what_was_deployed(config):
    said = types(config, "1").output

    assert said.splitlines() == [
        "+ rollback (1.4.1): deployed orders \\x1b[31m1.4.2 12m0s before the first failure",
        "    '/bin/roll back' orders",
        "    copy it, or approve it by name: run by the unit",
        "- drain: queue depth 12 against at most 310 by its baseline",
        "    /bin/drain",
        "    copy it",
    ]


def test_programs_are_told_the_same(config, web):
    assert (
        json.loads(types(config, "1", "--format", "json").output) == web.get("/api/v1/incidents/1/mitigations").document
    )


def test_with_yes_nobody_is_asked(config, web):
    done = types(config, "INC-0001", "rollback", "--yes", "--by", "Ada")

    assert done.exit_code == 0
    assert done.output.startswith("started: rollback of orders for INC-0001, approved by Ada; what comes of it is in")
    assert approvals(web) == ["rollback"]


@pytest.mark.parametrize(("answer", "approved"), [("y", ["rollback"]), ("n", []), ("", [])])
def test_a_person_is_shown_what_would_be_run_and_asked(config, web, answer: str, approved: list[str]):
    code, said = answers(config, answer)

    assert "runs: '/bin/roll back' orders" in said
    assert "Run it now?" in said
    assert (code == 0) is bool(approved)
    assert approvals(web) == approved


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("1", "rollback"), "nobody can be asked here; --yes approves it"),
        (("1", "gone"), "no mitigation here is called gone; there are rollback, drain"),
        (("1", "gone", "--yes"), "no mitigation of INC-0001 is called gone; there are rollback, drain"),
        (("7",), "no incident"),
        (("1", "--yes"), "--yes approves one mitigation; name it"),
    ],
)
def test_what_is_not_approved_is_not_run_and_says_why(config, web, arguments: tuple[str, ...], said: str):
    done = types(config, *arguments)

    assert done.exit_code == 3
    assert said in done.output
    assert approvals(web) == []


def test_whoever_approves_must_be_named(config, web):
    assert web.post("/api/v1/incidents/1/mitigations", {"mitigation": "rollback"}).status == 422
    assert web.post("/api/v1/incidents/1/mitigations", {"by": "Ada", "mitigation": "gone"}).status == 404
    assert approvals(web) == []

    answer = web.post("/api/v1/incidents/1/mitigations", {"by": "Ada", "mitigation": "rollback"})
    assert (answer.status, answer.document["by"]) == (202, "Ada")
