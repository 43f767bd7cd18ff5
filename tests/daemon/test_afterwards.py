"""After an incident, through the real house and ledger: reminders, action items, and what a draft asks of others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from monitor.config import load
from monitor.daemon.afterwards import Afterwards
from monitor.daemon.gathering import gathered
from monitor.daemon.house import House
from monitor.daemon.kept import case_from
from monitor.ledger.records import Commit
from monitor.response.people import People

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class HandClock:
    at: datetime = T0

    def now(self) -> datetime:
        return self.at

    wall = now


@pytest.fixture
def house(write_config: Callable[..., Path]) -> Iterator[House]:
    house = House.build(load([write_config()], {}), "a-token")
    house.clock = HandClock()  # type: ignore[assignment]  # all that is asked of it here
    yield house
    house.close()


@pytest.fixture
def over(house: House) -> str:
    """The ULID of an incident that a person reported and resolved ten minutes later, and that is forgotten."""
    people, at = People(house.casebook), T0 - timedelta(minutes=10)
    case, opened = people.declare("orders-service", "Ada", "slow", None, "a", at, at)
    _, resolved = people.resolve("1", "Ada", "rolled back", T0, T0)
    for commit in (opened, resolved):
        house.adopt(commit).result(30)
    del house.casebook.cases[case.incident.id]
    return case.incident.id


def events(house: House, incident: str, name: str) -> list[str]:
    house.adopt(Commit()).result(30)
    return [event.text for event in house.ledger.events_of(incident) if event.name == name]


def test_what_is_late_is_told_once_and_to_every_outlet(house: House, over: str) -> None:
    afterwards = Afterwards(house)
    for after, told in ((timedelta(hours=48), 0), (timedelta(hours=48, seconds=1), 1), (timedelta(days=9), 1)):
        house.clock.at = T0 + after  # type: ignore[misc]
        asyncio.run(afterwards.remind())
        assert len(events(house, over, "postmortem.overdue")) == told, after

    last = {effect.outlet: effect for effect in house.ledger.effects(over)}
    assert {outlet: str(effect.kind) for outlet, effect in last.items()} == {
        "folder": "update",
        "postmortems": "update",
    }


def test_whoever_comes_at_once_gets_a_number_and_a_place_of_its_own(house: House, over: str) -> None:
    house.clock.at = T0 + timedelta(days=9)  # type: ignore[misc]
    afterwards = Afterwards(house)

    async def at_once() -> None:
        adding = (afterwards.add(over, what, "Ada", date(2026, 3, 3), "Ada") for what in ("a", "b", "c"))
        await asyncio.gather(*adding, afterwards.remind())

    asyncio.run(at_once())

    assert len(events(house, over, "postmortem.action_added")) == 3
    assert len(events(house, over, "postmortem.overdue")) == 1
    keys = [effect.key for effect in house.ledger.effects(over)]
    assert len(keys) == len(set(keys)) == 2 + 1 + 4 * 2, "made and closed, a draft, and four times both"


class Counted:
    """A Prometheus that counts how often it is asked, and answers with ten errors a second."""

    def __init__(self) -> None:
        self.asked = 0
        counted = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                counted.asked += 1
                values = [[T0.timestamp() - 600 + 5 * i, "10"] for i in range(120)]
                series = [{"metric": {}, "values": values}]
                body = {"status": "success", "data": {"resultType": "matrix", "result": series}}
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def prometheus() -> Iterator[Counted]:
    found = Counted()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_what_was_counted_once_is_known_when_prometheus_has_forgotten(
    house: House, over: str, prometheus: Counted, write_config: Callable[..., Path]
) -> None:
    document = json.loads(write_config().read_text())
    document["services"]["orders-service"]["traffic"] = {"requests": "r", "errors": "sum(rate(errors[5m]))"}
    document["sources"] = {"prometheus": prometheus.url}
    path = house.config.monitor.state.parent / "with-traffic.yaml"
    path.write_text(json.dumps(document))
    config = load([path], {})

    def requests_of(at: datetime) -> list[str]:
        found = gathered(config, house.ledger, case_from(house.ledger, over), at, at)
        house.adopt(Commit()).result(30)
        return [str(one) for one in found.requests]

    soon = requests_of(T0 + timedelta(minutes=5, seconds=-1))
    assert soon == ["orders-service: about 6,000 requests failed of 6,000 (100 %); at worst 100 % at 11:50 UTC"]
    assert prometheus.asked == 2
    assert requests_of(T0 + timedelta(minutes=5)) == soon
    assert prometheus.asked == 4, "its last minutes were not in the rate yet, so it was asked again"
    prometheus.server.shutdown()
    assert requests_of(T0 + timedelta(days=400)) == soon
    assert prometheus.asked == 4
