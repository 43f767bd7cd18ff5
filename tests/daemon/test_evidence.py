"""Evidence of an incident: gathered once as it opens, whatever the sources do, and found again by the next start."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from monitor.config import load
from monitor.daemon.evidence import Evidence
from monitor.daemon.evidence_files import MOST_KEPT, EvidenceFiles
from monitor.daemon.house import House
from monitor.daemon.kept import case_from
from monitor.ledger.records import Commit, LedgerEvent
from monitor.outlets.outlet import Attachment, Message
from monitor.response.case import Case
from monitor.response.people import People
from monitor.sources.side_by_side import SideBySide

sys.path.insert(0, str(Path(__file__).parent.parent / "sources"))
from fake_observers import Line, Observers

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECRET = "s3cr3t-of-loki"


@dataclass
class HandClock:
    at: datetime = T0

    def now(self) -> datetime:
        return self.at

    wall = now


@pytest.fixture
def observers() -> Iterator[Observers]:
    running = Observers()
    yield running
    running.close()


@pytest.fixture
def house_of(write_config: Callable[..., Path], observers: Observers) -> Iterator[Callable[[], House]]:
    """Builds a house on the one state folder, as a start does; the one before it is closed."""
    built: list[House] = []
    loki = {"url": observers.url, "token": SECRET}
    config = write_config(sources={"loki": loki, "grafana": {"url": observers.url, "token": SECRET}})

    def build() -> House:
        for house in built:
            house.close()
        built[:] = [House.build(load([config], {}), "a-token")]
        built[0].clock = HandClock()  # type: ignore[assignment]  # all that is asked of it here
        return built[0]

    yield build
    for house in built:
        house.close()


def opened(house: House, at: datetime = T0) -> Case:
    case, commit = People(house.casebook).declare("orders-service", "Ada", "slow", None, "a", at, at)
    house.adopt(commit).result(30)
    return case


def told(house: House, case: Case) -> list[LedgerEvent]:
    house.adopt(Commit()).result(30)
    return [event for event in house.ledger.events_of(case.incident.id) if event.name == "incident.evidence"]


def gather(house: House, case: Case, wait_until: Any) -> LedgerEvent:
    """Turns until it is written."""

    def written() -> LedgerEvent | None:
        house.evidence.tick(house.clock.now(), house.clock.wall())
        return case.newest("incident.evidence")

    event: LedgerEvent = wait_until(written, "evidence")
    return event


def composed(house: House, case: Case) -> Message:
    (effect,) = [e for e in house.ledger.effects(case.incident.id) if e.outlet == "folder"][-1:]
    return house.compose(effect)


def test_it_is_gathered_once_and_stands_in_every_ticket_that_follows(
    house_of: Callable[[], House], observers: Observers, wait_until: Any
) -> None:
    house = house_of()
    at = int(T0.timestamp() * 1e9) - 1
    observers.lines = [Line(at, f"pool exhausted, key {SECRET}", {"service_name": "orders-service"})]
    observers.token = SECRET
    case = opened(house)

    gather(house, case, wait_until)
    asked = len(observers.asked)
    for seconds in range(5):
        house.evidence.tick(T0 + timedelta(seconds=seconds), T0)
    (event,) = told(house, case)

    assert len(observers.asked) == asked
    assert "1 log lines of the service" in event.text
    assert event.attributes["files"] == ["evidence-service.log"]
    message = composed(house, case)
    assert "pool exhausted, key ***" in message.markdown
    assert "ask again: `monitor check-once orders-service`" in message.markdown
    assert SECRET not in message.markdown + str(message.document) + str(message.attachments[0].content)


def test_the_next_start_finds_it_and_gathers_nothing(
    house_of: Callable[[], House], observers: Observers, wait_until: Any
) -> None:
    house = house_of()
    case = opened(house)
    gather(house, case, wait_until)
    told(house, case)
    asked = len(observers.asked)

    house = house_of()
    house.casebook.restore(case.incident, again := case_from(house.ledger, case.incident.id))
    house.evidence.tick(T0, T0)

    assert len(observers.asked) == asked
    assert len(told(house, again)) == 1
    assert "## Evidence" in composed(house, again).markdown


def test_what_a_crash_left_unsaid_is_gathered_again_and_told_once(
    house_of: Callable[[], House], observers: Observers, wait_until: Any
) -> None:
    house = house_of()
    case = opened(house)
    # The files are written and the word of them is not: the moment between the two.
    files = EvidenceFiles(house.config.monitor.state / "evidence")
    files.write(
        case.incident.id, 1, "### of before the crash\n", (Attachment("-evidence-service.log", "text/plain", b"x"),)
    )

    house = house_of()
    house.casebook.restore(case.incident, again := case_from(house.ledger, case.incident.id))
    gather(house, again, wait_until)

    assert len(told(house, again)) == 1
    assert "of before the crash" not in composed(house, again).markdown


@pytest.mark.parametrize(("late", "text"), [(3600, "evidence gathered"), (3601, "no evidence was gathered")])
def test_of_an_incident_that_opened_long_ago_it_is_said_to_be_missing(
    late: int, text: str, house_of: Callable[[], House], wait_until: Any
) -> None:
    house = house_of()
    case = opened(house)
    house.clock.at = T0 + timedelta(seconds=late)  # type: ignore[misc]

    assert gather(house, case, wait_until).text.startswith(text)


def test_a_source_that_hangs_keeps_neither_the_loop_nor_the_other_incidents_waiting(
    house_of: Callable[[], House], observers: Observers, wait_until: Any
) -> None:
    house = house_of()
    observers.misbehaves["/loki"] = lambda _: observers.ended.wait(60) and None
    asked = threading.Event()

    def wait(arrived: SimpleQueue[Any], seconds: float) -> Any:
        asked.wait(60)
        return arrived.get_nowait()

    house.evidence = Evidence(house, SideBySide(wait=wait))
    case = opened(house)

    house.evidence.tick(T0, T0)
    wait_until(lambda: observers.asked, "Loki to be asked")
    house.evidence.tick(T0, T0)
    assert told(house, case) == [], "it hangs, and the loop turns"
    asked.set()
    event = gather(house, case, wait_until)

    missing = event.attributes["missing"]
    assert isinstance(missing, dict)
    assert missing["Logs of orders-service"].startswith("Loki: no answer within 8 s")


def test_a_disk_that_is_full_costs_the_evidence_and_no_more(house_of: Callable[[], House], wait_until: Any) -> None:
    house = house_of()
    (house.config.monitor.state / "evidence").write_text("a file where a folder should be")
    case = opened(house)

    event = gather(house, case, wait_until)

    assert event.text == "evidence could not be gathered or kept: Not a directory"
    assert "## Evidence" not in composed(house, case).markdown


def test_a_reopened_incident_has_evidence_of_its_relapse(house_of: Callable[[], House], wait_until: Any) -> None:
    house = house_of()
    case = opened(house)
    gather(house, case, wait_until)
    subject = house.casebook.subjects["orders-service"]
    house.casebook.event(subject, "incident.reopened", "again", T0, T0)
    case.incident = subject.incident = replace(subject.incident, reopened=1)

    def twice() -> bool:
        house.evidence.tick(T0, T0)
        return sum(event.name == "incident.evidence" for event in case.events) == 2

    wait_until(twice, "the second evidence")


def test_only_the_newest_folders_are_kept(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    for number in range(MOST_KEPT):
        (tmp_path / f"{number:026d}").mkdir()

    files.write(f"{MOST_KEPT:026d}", 1, "text", ())

    kept = sorted(path.name for path in tmp_path.iterdir())
    assert (len(kept), kept[0]) == (MOST_KEPT, f"{1:026d}")


@pytest.mark.parametrize("content", [b"", b"{", b'{"markdown": 7}', b"[]"])
def test_a_list_that_cannot_be_read_is_no_evidence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "01J").mkdir()
    (tmp_path / "01J" / "bundle-1.json").write_bytes(content)

    assert EvidenceFiles(tmp_path).read("01J") is None


def test_a_daemon_that_is_killed_while_it_gathers_tells_it_once(
    target: Any,
    observers: Observers,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
    wait_until: Any,
) -> None:
    observers.misbehaves["/loki"] = lambda _: observers.ended.wait(60) and None
    config = write_config(sources={"loki": observers.url})
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")
    target.status = 503
    wait_until(lambda: any(path.startswith("/loki") for path, _ in observers.asked), "Loki to be asked")
    daemon.kill()

    observers.misbehaves.clear()
    daemon = start(config)
    daemon.wait_for_line("evidence gathered in")
    tickets = daemon.state / "tickets"

    def ticket() -> str:
        found = next(iter(tickets.glob("*.md")), None)
        text = found.read_text() if found is not None else ""
        return text if "## Evidence" in text else ""

    text = wait_until(ticket, "the evidence in the ticket")
    trace = re.search("incident.opened.*trace ([0-9a-f]{32})", text)
    assert trace is not None
    assert text.count("**incident.evidence**") == 1
    assert text.count("## Evidence") == 1
    assert any(trace[1] in query["query"] for _, query in observers.asked), "of the probe that opened it"
