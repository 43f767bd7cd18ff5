"""A restart forgets neither that trouble comes and goes, nor what recovery lacks since when, nor what others told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.core.alerts import Alert, Notification
from monitor.core.flapping import Flaps
from monitor.daemon.house import House
from monitor.daemon.resuming import flaps, remember_flaps, remember_unmet, resume, unmet
from monitor.response.alerts import Intake
from monitor.response.people import People

SERVICE = "orders-service"


@pytest.fixture
def config(write_config: Callable[..., Path]) -> Config:
    return load([write_config()], {})


@pytest.fixture
def build(config: Config) -> Iterator[Callable[[], House]]:
    houses: list[House] = []

    def one_after_the_other() -> House:
        for former in houses:
            former.close()
        houses[:] = [House.build(config, "a-token")]
        return houses[0]

    yield one_after_the_other
    for house in houses:
        house.close()


@pytest.mark.parametrize("flapping", [True, False])
def test_what_was_known_of_a_service_is_known_after_the_start(build: Callable[[], House], flapping: bool) -> None:
    first = build()
    now = first.clock.now()
    known = Flaps((now - timedelta(hours=2), now - timedelta(hours=1), now), flapping)
    first.casebook.remember_flaps(SERVICE, known, now)
    remember_flaps(first, flaps(first))

    second = build()
    list(resume(second))

    assert second.casebook.subjects[SERVICE].flaps == known
    assert flaps(second) == {SERVICE: known}


def test_a_first_start_knows_of_none(build: Callable[[], House]) -> None:
    house = build()
    list(resume(house))

    assert flaps(house) == {}


def test_since_when_recovery_lacks_what_is_known_after_the_start(build: Callable[[], House]) -> None:
    first = build()
    now = first.clock.now()
    case, commit = People(first.casebook).declare(SERVICE, "Ada", "slow", None, "key", now, now)
    first.adopt(commit).result(10)
    case.unmet_since = {"mitigated": now - timedelta(hours=3)}
    remember_unmet(first, unmet(first))

    second = build()
    list(resume(second))

    (again,) = second.casebook.live()
    assert again.unmet_since == {"mitigated": now - timedelta(hours=3)}


def test_alerts_and_what_people_said_are_known_after_the_start(build: Callable[[], House]) -> None:
    first = build()
    now, wall = first.clock.now(), first.clock.wall()
    labels = {"alertname": "OrdersFail", "service": SERVICE, "severity": "page"}
    fires = Alert(
        source="alertmanager", fingerprint="f1", firing=True, starts_at=wall, labels=labels,
        annotations={"summary": "a tenth"}, links={"generator": "http://prometheus.example/"},
    )  # fmt: skip
    nobodys = replace(fires, fingerprint="f2", labels={"alertname": "Elsewhere"})
    told = Notification(source="alertmanager", alerts=(fires, nobodys))
    first.adopt(Intake(first.casebook).take(told, now, wall).commit).result(10)
    first.adopt(People(first.casebook).declare(SERVICE, "Ada", "slow", None, "key", now, wall)[1]).result(10)

    second = build()
    list(resume(second))

    (before,), (after,) = first.casebook.live(), second.casebook.live()
    assert after.alerts == before.alerts
    assert after.symptoms == after.said == before.said == ("OrdersFail: a tenth", "reported by Ada: slow")
    for key in (fires.key, nobodys.key):
        assert second.casebook.alerts.get(key) == first.casebook.alerts.get(key) is not None
    again = Intake(second.casebook).take(told, second.clock.now(), second.clock.wall())
    assert dict(again.counts) == {"repeated": 1, "unmatched": 1}
    assert again.commit.events == ()
