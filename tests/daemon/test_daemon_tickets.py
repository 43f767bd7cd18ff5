"""The folder gets the ticket whatever becomes of telemetry; people report, take, note and resolve by command."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("telemetry", ["none is configured", "the collector is down"])
def test_the_ticket_is_written_without_telemetry(
    telemetry: str, target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    with socket.socket() as held:
        # Bound and not listening: whoever connects is refused, and nobody else gets the port meanwhile.
        held.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{held.getsockname()[1]}"
        daemon = start(write_config(down if telemetry == "the collector is down" else ""))
        wait_until(lambda: target.seen, "a probe")
        target.status = 503
        daemon.wait_for_line(r"orders-service: pending => open")
        (ticket,) = wait_until(lambda: list((daemon.state / "tickets").glob("*.md")), "the ticket")
        text = ticket.read_text()
        (incident,) = daemon.incidents()
    assert incident["reference"] in text
    assert "answered 503" in text
    assert f"incident={incident['id']}" in text


def test_a_person_reports_takes_notes_and_resolves_by_command(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    daemon = start(write_config())
    wait_until(lambda: target.seen, "a probe")

    def say(*arguments: str) -> str:
        answer = daemon.cli("incident", *arguments)
        assert answer.returncode == 0, answer.stderr
        return str(answer.stdout)

    told = say(
        "report", "--service", "orders-service", "--symptoms", "customers cannot pay",
        "--reporter", "Ada", "--severity", "SEV2",
    )  # fmt: skip
    assert told == "reported: INC-0001 orders-service (open, SEV2)\n"
    assert "acknowledged: INC-0001" in say("ack", "1", "--by", "Grace")
    assert "noted: INC-0001" in say("note", "INC-0001", "the connection pool is full", "--by", "Grace")
    assert "(resolved, SEV2)" in say("resolve", "1", "--why", "rolled back to 1.4.2", "--by", "Grace")

    detail = daemon.ask("incident", "show", "1")
    assert (detail["state"], detail["declared_by"], detail["acknowledged_by"]) == ("resolved", "Ada", "Grace")
    lines = [(event["name"], event["author"]) for event in detail["events"]]
    assert ("incident.acknowledged", "Grace") in lines
    assert ("incident.noted", "Grace") in lines
    (ticket,) = wait_until(lambda: list((daemon.state / "tickets").glob("*.md")), "the ticket")
    wait_until(lambda: "Ticket closed" in ticket.read_text(), "the ticket is closed")
    text = ticket.read_text()
    for word in ("customers cannot pay", "Ada", "Grace", "the connection pool is full", "rolled back to 1.4.2"):
        assert word in text


def test_after_an_incident_there_is_a_draft_an_invitation_and_what_people_do_about_it(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config()
    daemon = start(config)
    wait_until(lambda: target.seen, "a probe")

    def say(*arguments: str) -> str:
        answer = daemon.cli("incident", *arguments, "--by", "Grace")
        assert answer.returncode == 0, answer.stderr
        return str(answer.stdout)

    daemon.cli("incident", "report", "--service", "orders-service", "--symptoms", "slow", "--reporter", "Ada")
    say("resolve", "1", "--why", "rolled back to 1.4.2")
    folder = daemon.state / "postmortems"
    (draft,) = wait_until(lambda: list(folder.glob("*.md")), "the draft")
    assert b"BEGIN:VCALENDAR" in draft.with_suffix(".ics").read_bytes()
    assert "- None of our checks ever failed: Ada told of it." in draft.read_text()
    draft.write_text(draft.read_text() + "The cache was cold.\n")

    say("action", "add", "1", "warm the cache", "--owner", "Ada", "--due", "2030-01-01")
    daemon.kill()
    daemon = start(config)
    say("action", "done", "1", "1")
    wait_until(lambda: "| yes (Grace) |" in draft.read_text(), "the draft follows")

    assert draft.read_text().endswith("The cache was cold.\n"), "what people wrote is kept"
    assert "| 1 | warm the cache | Ada | 2030-01-01 | yes (Grace) |" in daemon.cli("incident", "postmortem", "1").stdout
