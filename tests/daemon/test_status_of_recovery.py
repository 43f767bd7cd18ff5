"""What the status says while an incident is live: what it still lacks, and which source is away since when."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config import load
from monitor.core.incident import State
from monitor.daemon.afterwards import Afterwards
from monitor.daemon.desk import DaemonDesk
from monitor.daemon.heartbeat import Heartbeat
from monitor.daemon.house import House
from monitor.daemon.mitigating import Mitigating
from monitor.daemon.notify import Notify
from monitor.daemon.reload import Reload
from monitor.probing.supervisor import Supervisor
from monitor.response.observe import observe
from monitor.response.people import People
from monitor.web.recovering import recovery_document

SERVICE = "orders-service"


@dataclass
class Rounds:
    """A daemon between two turns of its loop."""

    house: House
    supervisor: Supervisor
    reload: Reload
    heartbeat: Heartbeat
    turned_at: datetime
    afterwards: Afterwards
    mitigating: Mitigating


@pytest.fixture
def refused() -> Iterator[int]:
    """A port of ours on which nobody listens."""
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture
def house(write_config: Callable[..., Path], refused: int) -> Iterator[House]:
    path = write_config()
    document = json.loads(path.read_text())
    document["services"][SERVICE]["traffic"] = {"requests": "r", "errors": "e"}
    document["sources"] = {"prometheus": f"http://127.0.0.1:{refused}"}
    path.write_text(json.dumps(document))
    house = House.build(load([path], {}), "a-token")
    yield house
    house.close()


@pytest.fixture
def desk(house: House) -> DaemonDesk:
    supervisor = Supervisor(house.clock, lambda _: None, lambda _: None)
    reload = Reload(house, supervisor, Notify(), lambda _config: None)
    return DaemonDesk(
        Rounds(
            house,
            supervisor,
            reload,
            Heartbeat(None, house.clock.wall, print),
            house.clock.now(),
            Afterwards(house),
            Mitigating(house, None),
        )
    )


def test_a_live_incident_says_what_it_still_lacks_and_since_when_its_source_is_away(
    house: House, desk: DaemonDesk, wait_until: Callable[..., Any]
) -> None:
    assert desk.status()["parts"]["sources"] == {"prometheus": "not asked yet"}
    assert desk.status()["recovery"] == []
    now = house.clock.now()
    people = People(house.casebook)
    case, _ = people.declare(SERVICE, "Grace", "customers cannot pay", None, "k", now, now)
    (before,) = desk.status()["recovery"]
    assert (before["recovered"], before["conditions"], before["stable_left_seconds"]) == (None, [], None)

    house.surveyor.start()

    def missed_three() -> bool:
        house.surveyor.tick(house.clock.now())
        return house.surveyor.of(SERVICE).traffic_missed > 2

    wait_until(missed_three, "three answers of Prometheus are missing")
    people.mitigate("1", "Grace", now, now)
    seen = observe(house.judge.watches[SERVICE], house.surveyor.of(SERVICE), house.clock.now(), incident=case.incident)
    house.casebook.evaluate(SERVICE, seen, house.clock.wall())

    status = json.loads(json.dumps(desk.status()))
    (lacking,) = status["recovery"]
    conditions = {c["name"]: c["met"] for c in lacking["conditions"]}
    assert lacking["incident"] == "INC-0001"
    assert lacking["recovered"] is None
    assert conditions["error rate below baseline"] is None
    assert conditions["no attached alert firing"] is True
    assert lacking["unproven_since"] is not None
    sources = status["parts"]["sources"]
    assert (sources["prometheus"], sources["for"], sources["because"]) == ("away", SERVICE, "connection refused")
    assert sources["since"] <= lacking["unproven_since"]


def test_while_recovering_the_stable_time_that_is_left_is_counted_down(house: House, desk: DaemonDesk) -> None:
    now = house.clock.now()
    case, _ = People(house.casebook).declare(SERVICE, "Grace", "slow", None, "k", now, now)
    case.incident = replace(case.incident, state=State.RECOVERING, since=now)
    ten = timedelta(seconds=10)

    def left(after: timedelta) -> float | None:
        return recovery_document(case, None, ten, now + after)["stable_left_seconds"]

    assert [left(timedelta(0)), left(ten * 0.75), left(ten), left(ten * 2)] == [10.0, 2.5, 0.0, 0.0]
