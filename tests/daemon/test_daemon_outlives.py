"""The daemon is killed, its prober is killed and stopped, and a second daemon tries to start."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any


def test_an_incident_outlives_kill_minus_nine_of_the_daemon_with_its_name_and_its_one_ticket(
    target: Any,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
    ended: Callable[[int], bool],
) -> None:
    config = write_config()
    target.status = 503
    first = start(config)
    first.wait_for_line(r"orders-service: pending => open")
    tickets = first.state / "tickets"
    (ticket,) = wait_until(lambda: list(tickets.glob("*.md")), "the ticket")
    (before,) = first.incidents()
    prober = first.prober()["pid"]
    first.kill()
    wait_until(lambda: ended(prober), "the prober goes with its daemon")

    second = start(config)
    (after,) = second.incidents()
    assert (after["id"], after["number"], after["state"]) == (before["id"], before["number"], "open")
    assert after["opened_at"] == before["opened_at"]
    asked = len(target.seen)
    wait_until(lambda: len(target.seen) >= asked + 4, "the second daemon's probes fail too")
    target.status = 200
    second.wait_for_line(r"orders-service: recovering => resolved")

    wait_until(lambda: "Ticket closed" in ticket.read_text(), "the ticket is closed")
    assert [path.name for path in tickets.glob("*.md")] == [ticket.name]
    (told,) = second.incidents()
    assert (told["id"], told["state"]) == (before["id"], "resolved")
    events = [event["name"] for event in second.ask("incident", "show", before["id"])["events"]]
    assert events.count("incident.opened") == 1
    assert events.count("incident.recovering") == 1, "it recovered before the second daemon had asked the service"
    assert "incident.relapsed" not in events
    assert events.index("incident.opened") < events.index("incident.recovering") < events.index("incident.resolved")


def test_a_killed_prober_is_replaced_and_counted_and_no_service_is_blamed(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    replaced(target, start(write_config()), wait_until, signal.SIGKILL, r"the prober was ended by SIGKILL")


def test_a_stopped_prober_is_replaced_and_counted_and_no_service_is_blamed(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    replaced(target, start(write_config()), wait_until, signal.SIGSTOP, r"the prober sent no heartbeat for 10 s")


def replaced(target: Any, daemon: Any, wait_until: Callable[..., Any], sent: signal.Signals, said: str) -> None:
    wait_until(lambda: len(target.seen) >= 2, "probes")
    before = daemon.prober()
    assert before["restarts"] == 0
    os.kill(before["pid"], sent)
    daemon.wait_for_line(said)
    asked = len(target.seen)
    wait_until(lambda: len(target.seen) >= asked + 4, "the next prober probes")

    after = daemon.prober()
    assert after["restarts"] == 1
    assert after["pid"] not in (None, before["pid"])
    assert daemon.incidents() == []
    (service,) = daemon.ask("status")["services"]
    assert service["state"] == "clear"


def test_a_second_daemon_on_the_same_state_says_who_holds_it_and_leaves_with_three(
    write_config: Callable[..., Any], start: Callable[..., Any]
) -> None:
    config = write_config()
    first = start(config)
    first.wait_for_line("watching")
    second = start(config)
    assert second.process.wait(120) == 3
    second.wait_for_line(rf"held by process {first.process.pid}\b")
    assert first.process.poll() is None
    assert first.incidents() == []
