"""A restart neither forgets since when proof is wanting nor asks the same question twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.daemon.house import House
from monitor.daemon.resuming import remember_unproven, resume, unproven
from monitor.response.case import Case
from monitor.response.observe import Surroundings, observe
from monitor.response.people import People

WAIT = timedelta(hours=2)
Open = Callable[[], House]


@pytest.fixture
def config(write_config: Callable[..., Path]) -> Config:
    return load([write_config()], {})


@pytest.fixture
def open_house(config: Config) -> Iterator[Open]:
    """A house as a start finds it, without its threads of work; the one before is closed."""
    houses: list[House] = []

    def open_() -> House:
        if houses:
            houses.pop().close()
        house = House.build(config, "a-token")
        houses.append(house)
        for commit in resume(house):
            house.adopt(commit)
        return house

    yield open_
    houses.pop().close()


def the_case(house: House) -> Case:
    (case,) = house.casebook.live()
    return case


def evaluate_without_prometheus(house: House, now: datetime) -> list[str]:
    """One evaluation while no answer comes, and the names of the events that then fell due."""
    case = the_case(house)
    service = case.incident.service
    away = Surroundings(traffic_configured=True, traffic_missed=3)
    house.casebook.evaluate(service, observe(house.judge.watches[service], away, now, incident=case.incident), now)
    remember_unproven(house, unproven(house))
    commits = house.casebook.due(now, now)
    for commit in commits:
        house.adopt(commit)
    return [event.name for commit in commits for event in commit.events]


def test_the_wait_is_counted_across_restarts_and_the_question_is_asked_once(open_house: Open) -> None:
    house = open_house()
    began = house.clock.now()
    people = People(house.casebook)
    case, opened = people.declare("orders-service", "Grace", "customers cannot pay", None, "k", began, began)
    house.adopt(opened)
    house.adopt(people.mitigate("1", "Grace", began, began)[1])
    assert evaluate_without_prometheus(house, began) == []
    assert case.unproven_since == began

    house = open_house()
    assert the_case(house).unproven_since == began
    assert "incident.evidence_wait" not in evaluate_without_prometheus(house, began + WAIT - timedelta(seconds=1))
    assert "incident.evidence_wait" in evaluate_without_prometheus(house, began + WAIT)

    house = open_house()
    assert the_case(house).asked_at == began + WAIT
    assert "incident.evidence_wait" not in evaluate_without_prometheus(house, began + 2 * WAIT)


def test_a_question_of_an_earlier_wait_is_not_taken_for_one_of_this(open_house: Open) -> None:
    house = open_house()
    began = house.clock.now()
    people = People(house.casebook)
    house.adopt(people.declare("orders-service", "Grace", "customers cannot pay", None, "k", began, began)[1])
    house.adopt(people.mitigate("1", "Grace", began, began)[1])
    evaluate_without_prometheus(house, began)
    evaluate_without_prometheus(house, began + WAIT)
    # A condition broke, and the next wait began.
    remember_unproven(house, {the_case(house).incident.id: began + WAIT + timedelta(seconds=1)})

    assert the_case(open_house()).asked_at is None
