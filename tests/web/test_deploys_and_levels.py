"""Deploys and accepted levels over HTTP and by command: what is taken, what is refused, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli.main import monitor

CONFIG = """
monitor: {{state: {state}, listen: "127.0.0.1:{port}", time_zone: Europe/Berlin}}
services:
  orders: {{checks: {{live: "http://127.0.0.1:9/healthz"}}}}
"""


@pytest.fixture
def types(web, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "token").write_text("a-token-of-the-tests\n")
    config: Path = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(state=tmp_path / "state", port=web.port))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(monitor, ["-c", str(config), *arguments])

    return run


def test_a_deploy_is_created_and_the_same_again_is_known(web):
    body = {"service": "orders", "version": "1.4.2", "by": "pipeline 7"}

    first, again = web.post("/api/v1/deploys", body), web.post("/api/v1/deploys", body)

    assert (first.status, again.status) == (201, 200)
    assert first.document == {**body, "at": "2026-03-01T03:00:00.000Z", "incident": None, "known": False}
    assert again.document["known"] is True


def test_when_it_was_made_may_be_said_in_any_zone(web):
    body = {"service": "orders", "version": "1", "by": "Ada", "at": "2026-03-01T12:00:00+01:00"}

    assert web.post("/api/v1/deploys", body).document["at"] == "2026-03-01T11:00:00.000Z"


@pytest.mark.parametrize("at", ["yesterday", "2026-03-01T12:00:00", "2026-13-01T12:00:00Z", "12"])
def test_an_instant_that_is_none_or_has_no_zone_is_refused_by_name(web, at):
    answer = web.post("/api/v1/deploys", {"service": "orders", "version": "1", "by": "Ada", "at": at})

    assert answer.status == 422
    assert answer.document["errors"] == [
        {"field": "at", "found": ascii(at), "wanted": "an instant with its zone, like 2026-03-01T12:00:00Z"}
    ]
    assert web.desk.deploys == []


def test_an_unknown_service_is_refused(web):
    answer = web.post("/api/v1/deploys", {"service": "cart", "version": "1", "by": "Ada"})

    assert (answer.status, answer.document["detail"]) == (404, "no service is called cart; there are orders, payments")


def test_a_level_is_accepted(web):
    body = {"by": "Ada", "since": "2026-03-01T00:00:00Z", "reason": "the cache is gone"}

    answer = web.post("/api/v1/services/orders/baseline/accept", body)

    assert answer.status == 201
    assert web.desk.accepted == [
        {"service": "orders", "since": "2026-03-01T00:00:00.000Z", "by": "Ada", "reason": "the cache is gone"}
    ]


@pytest.mark.parametrize("missing", ["by", "since", "reason"])
def test_without_who_since_when_and_why_no_level_is_accepted(web, missing):
    body = {"by": "Ada", "since": "2026-03-01T00:00:00Z", "reason": "x"}
    del body[missing]

    answer = web.post("/api/v1/services/orders/baseline/accept", body)

    assert (answer.status, answer.document["errors"][0]["field"]) == (422, missing)


def test_the_command_marks_by_the_users_name_and_says_so(types, web, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "grace")

    first, again = types("deploy", "orders", "1.4.2"), types("deploy", "orders", "1.4.2")

    assert first.stdout == "marked: orders 1.4.2 at 2026-03-01T03:00:00.000Z\n"
    assert again.stdout == "already marked: orders 1.4.2 at 2026-03-01T03:00:00.000Z\n"
    assert web.desk.deploys[0]["by"] == "grace"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-03-01T12:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01 12:00", "2026-03-01T11:00:00.000Z"),
        ("2026-07-01 12:00", "2026-07-01T10:00:00.000Z"),
    ],
    ids=["UTC", "a clock in Berlin", "the same in summer"],
)
def test_an_instant_without_a_zone_is_by_the_clock_of_the_time_zone(types, web, typed, meant):
    assert types("baseline", "accept", "orders", "--since", typed, "--reason", "x", "--by", "Ada").exit_code == 0

    assert web.desk.accepted[0]["since"] == meant


def test_what_is_no_instant_is_refused_with_both_ways_to_write_one(types, web):
    refused = types("baseline", "accept", "orders", "--since", "noon", "--reason", "x")

    assert refused.exit_code == 3
    assert "--since 'noon' is no instant; write it like 2026-03-01T12:00Z, or like '2026-03-01 12:00'" in refused.stderr
    assert "Europe/Berlin" in refused.stderr
    assert web.desk.accepted == []
