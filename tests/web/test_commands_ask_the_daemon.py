"""People's commands against a real server: what they send, what they show, and what they say without a daemon."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import monitor
from monitor.core.incident import Incident, State
from monitor.core.severity import Severity
from monitor.ledger.records import Commit, LedgerEvent, MemberLink
from monitor.ledger.store import Ledger

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

CONFIG = """
monitor:
  state: {state}
  listen: "127.0.0.1:{port}"
services:
  orders:
    checks: {{live: "http://127.0.0.1:9/healthz"}}
  payments:
    checks: {{live: "http://127.0.0.1:9/healthz"}}
"""


class Person:
    """Somebody at a shell, whose configuration names a port."""

    def __init__(self, folder: Path, port: int, token: str | None) -> None:
        self.state = folder / "state"
        self.config = folder / "config.yaml"
        self.config.write_text(CONFIG.format(state=self.state, port=port))
        if token is not None:
            self.state.mkdir()
            (self.state / "token").write_text(token + "\n")

    def types(self, *arguments: str) -> Result:
        return CliRunner().invoke(monitor, ["-c", str(self.config), *arguments])


@pytest.fixture
def person(web, tmp_path) -> Person:
    return Person(tmp_path, web.port, "a-token-of-the-tests")


@pytest.fixture
def alone(tmp_path) -> Person:
    """No daemon: port 9 is discard, and nobody has it."""
    return Person(tmp_path, 9, None)


def test_an_incident_from_report_to_resolution(person):
    steps = [
        person.types("incident", "report", "--service", "orders", "--symptoms", "cannot pay", "--reporter", "Ada"),
        person.types("incident", "ack", "INC-0001", "--by", "Grace"),
        person.types("incident", "note", "1", "the pool is full", "--by", "Grace"),
        person.types("incident", "mitigated", "#1", "--by", "Grace"),
        person.types("incident", "resolve", "1", "--why", "rolled back", "--by", "Grace"),
    ]

    assert [step.exit_code for step in steps] == [0] * 5
    assert [step.stdout.strip() for step in steps] == [
        "reported: INC-0001 orders (open, SEV3)",
        "acknowledged: INC-0001 orders (open, SEV3)",
        "noted: INC-0001 orders (open, SEV3)",
        "marked as mitigated: INC-0001 orders (open, SEV3)",
        "resolved: INC-0001 orders (resolved, SEV3)",
    ]
    shown = person.types("incident", "show", "INC-0001").stdout
    for told in ("cannot pay", "taken by: Grace", "the pool is full", "incident.resolved", "rolled back"):
        assert told in shown


def test_who_acts_is_the_user_unless_said_otherwise(person, monkeypatch):
    monkeypatch.setenv("LOGNAME", "hopper")
    person.types("incident", "report", "--service", "orders", "--symptoms", "slow")

    person.types("incident", "ack", "1")

    shown = json.loads(person.types("incident", "show", "1", "--format", "json").stdout)
    assert (shown["declared_by"], shown["acknowledged_by"]) == ("hopper", "hopper")


def test_a_role_is_given_to_somebody_and_shown(person):
    person.types("incident", "report", "--service", "orders", "--symptoms", "slow")

    given = person.types("incident", "role", "1", "scribe", "Lin", "--by", "Ada")
    unknown = person.types("incident", "role", "1", "commander", "Lin")

    assert given.stdout.strip() == "Lin is scribe: INC-0001 orders (open, SEV3)"
    assert unknown.exit_code == 3
    assert "no role is called commander; there are incident_commander, scribe" in unknown.stderr
    assert "scribe: Lin\n" in person.types("incident", "show", "1").stdout


def test_live_incidents_are_listed_and_others_on_demand(person):
    assert "no live incidents" in person.types("incident", "list").stdout
    for service in ("orders", "payments"):
        person.types("incident", "report", "--service", service, "--symptoms", f"{service} is slow")
    person.types("incident", "resolve", "1", "--why", "over")

    live = person.types("incident", "list").stdout
    every = json.loads(person.types("incident", "list", "--state", "all", "--format", "json").stdout)

    assert "INC-0002" in live
    assert "INC-0001" not in live
    assert [i["number"] for i in every["incidents"]] == [2, 1]


def test_the_same_key_twice_is_one_report(person, web):
    for _ in range(2):
        person.types("incident", "report", "--service", "orders", "--symptoms", "slow", "--key", "call-4711")

    assert len(web.desk.notebook) == 1


def test_a_refusal_is_told_in_the_daemons_words_and_ends_with_3(person):
    unknown = person.types("incident", "report", "--service", "odrers", "--symptoms", "slow")
    absent = person.types("incident", "ack", "7")
    broken = person.types("incident", "note", "1", "two\x1blines")

    assert (unknown.exit_code, absent.exit_code, broken.exit_code) == (3, 3, 3)
    assert "there are orders, payments" in unknown.stderr
    assert "no incident is called 7" in absent.stderr
    assert "text: found the character U+001B; wanted text without control characters" in broken.stderr


def test_a_wrong_token_is_told_with_where_the_right_one_is(web, tmp_path):
    stranger = Person(tmp_path, web.port, "guessed")

    refused = stranger.types("incident", "report", "--service", "orders", "--symptoms", "x")

    assert refused.exit_code == 3
    assert "monitor.token_file" in refused.stderr
    assert "guessed" not in refused.output
    assert stranger.types("incident", "list").exit_code == 0


def test_status_shows_what_the_daemon_sees(person):
    person.types("incident", "report", "--service", "orders", "--symptoms", "cannot pay")

    shown = person.types("status")
    document = json.loads(person.types("status", "--format", "json").stdout)

    assert shown.exit_code == 0
    assert shown.stdout.startswith("watchkeeper 0.1.0, test, here, 2026-03-01T03:00:00.000Z: ready")
    assert "INC-0001" in shown.stdout
    assert shown.stderr == ""
    assert document["source"] == "daemon"


def keep_an_incident(state: Path) -> None:
    state.mkdir()
    ledger = Ledger.open(state)
    incident = Incident(
        service="orders", since=T0, state=State.OPEN, id="01JLEDGER00000000000000001", number=1, opened_at=T0,
        severity=Severity.SEV2, reason="status: 503",
    )  # fmt: skip
    opened = LedgerEvent(
        name="incident.opened", at=T0, wall=T0, text="status: 503 since 02:59", incident=incident.id, service="orders"
    )
    member = MemberLink(incident=incident.id, service="payments", joined_at=T0, why="payments depends on orders")
    ledger.commit(Commit(events=(opened,), incidents=(incident,), members=(member,))).result(60)
    ledger.close()


def test_without_a_daemon_the_ledger_is_read_and_that_is_said(alone):
    keep_an_incident(alone.state)
    before = sorted(path.name for path in alone.state.iterdir())

    listed = alone.types("incident", "list")
    shown = alone.types("incident", "show", "INC-1")
    status = alone.types("status")

    for answer in (listed, shown, status):
        assert answer.exit_code == 0
        assert "no daemon answers at 127.0.0.1:9" in answer.stderr
        assert "monitor run" in answer.stderr
        assert str(alone.state) in answer.stderr
    assert "INC-0001" in listed.stdout
    assert "status: 503 since 02:59" in shown.stdout
    assert "payments: payments depends on orders" in shown.stdout
    assert "not ready: the daemon" in status.stdout
    assert "no result yet" in status.stdout
    assert sorted(path.name for path in alone.state.iterdir()) == before


@pytest.mark.parametrize("arguments", [("incident", "show", "1"), ("incident", "list"), ("status",)], ids=" ".join)
def test_the_documents_have_one_shape_wherever_they_come_from(web, tmp_path, arguments):
    near, far = tmp_path / "near", tmp_path / "far"
    near.mkdir()
    far.mkdir()
    with_daemon, alone = Person(near, web.port, "a-token-of-the-tests"), Person(far, 9, None)
    with_daemon.types("incident", "report", "--service", "orders", "--symptoms", "slow")
    keep_an_incident(alone.state)

    asked, read = (json.loads(p.types(*arguments, "--format", "json").stdout) for p in (with_daemon, alone))

    assert shape(asked) == shape(read)


def shape(document: object) -> object:
    """The names in a document, of a list those of its first element."""
    if isinstance(document, dict):
        optional = ("parts", "services", "members", "attributes")
        return {name: shape(value) for name, value in document.items() if name not in optional}
    return [shape(document[0])] if isinstance(document, list) and document and isinstance(document[0], dict) else None


def test_without_a_daemon_nothing_is_written_and_it_is_said_how_to_start_one(alone):
    keep_an_incident(alone.state)
    (alone.state / "token").write_text("a-token")

    refused = alone.types("incident", "ack", "1")

    assert refused.exit_code == 3
    assert "start it with: monitor run" in refused.stderr


def test_with_neither_daemon_nor_ledger_there_is_nothing_to_show_and_nothing_is_made(alone):
    for arguments in (["status"], ["incident", "list"], ["incident", "show", "1"], ["incident", "ack", "1"]):
        ended = alone.types(*arguments)
        assert ended.exit_code == 3, arguments
        assert "monitor run" in ended.stderr
    assert not alone.state.exists()


def test_what_answers_but_is_not_watchkeeper_is_called_that(httpserver, tmp_path):
    httpserver.expect_request("/api/v1/status").respond_with_data("<h1>It works!</h1>", content_type="text/html")
    person = Person(tmp_path, httpserver.port, None)

    ended = person.types("status")

    assert ended.exit_code == 3
    assert "is not Watchkeeper (HTTP 200)" in ended.stderr


def test_a_pipeline_reports_what_failed_once_for_each_run(person, web, monkeypatch):
    monkeypatch.setenv("GITHUB_RUN_ID", "4711")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "1")

    first = person.types("check-once", "--report", "orders")
    person.types("check-once", "--report", "orders")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    person.types("check-once", "--report", "orders")

    assert first.exit_code == 2
    assert "reported orders: INC-0001" in first.stderr
    assert [incident.declared_by for incident in web.desk.notebook] == [
        "check-once, GitHub Actions 4711-1",
        "check-once, GitHub Actions 4711-2",
    ]
    assert web.desk.notebook[0].reason.startswith("live: refused: ")


def test_every_failed_service_is_reported_and_a_refusal_changes_no_exit_code(person, web):
    person.types("check-once", "--report")
    web.desk.services = []

    refused = person.types("check-once", "--report")

    assert [incident.service for incident in web.desk.notebook] == ["orders", "payments"]
    assert refused.exit_code == 2
    assert "not reported: no service is called orders" in refused.stderr
