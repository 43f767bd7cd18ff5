"""Services whose trouble comes and goes, played for half a day with every default: how many incidents people get."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from monitor.core.incident import State, Timing
from monitor.response.communicate import status_line
from monitor.response.people import People

MINUTE = 2  # columns


def outages(seed: int, count: int, low: int, high: int) -> str:
    """*count* outages of 3 to 6 minutes, beginning *low* to *high* minutes apart."""
    rng = random.Random(seed)
    script = ""
    for _ in range(count):
        failing, apart = rng.randint(3, 6), rng.randint(low, high)
        script += "F" * failing * MINUTE + "." * (apart - failing) * MINUTE
    return script


@pytest.mark.parametrize("seed", range(3))
def test_a_service_that_fails_every_seventy_minutes_keeps_one_incident_open(begin, seed):
    evening = begin(Timing())

    evening.play(payments=outages(seed, 10, 66, 74))

    # The first two pass for what they may be: two incidents. With the third it is known that they are one problem.
    assert evening.names.count("incident.opened") == 3
    assert evening.names.count("incident.flapping") == 1
    (case,) = evening.book.live()
    assert case.incident.state is State.OPEN
    assert "flapping" in status_line(case, evening.now)
    assert any(text.startswith("flapping: ") for text in case.conditions)


@pytest.mark.parametrize("seed", range(3))
def test_four_hours_between_two_outages_are_no_flapping(begin, seed):
    evening = begin(Timing())

    evening.play(payments=outages(seed, 4, 230, 250))

    assert evening.names.count("incident.opened") == 4
    assert "incident.flapping" not in evening.names


def test_recovery_does_not_settle_while_it_flaps_and_does_once_it_has_calmed_down(begin):
    evening = begin(Timing())
    evening.play(payments=outages(1, 5, 70, 70))
    assert evening.book.live()[0].flapping
    flapping_for = 0
    while evening.book.live()[0].flapping:
        assert evening.play(payments="." * MINUTE)[-1] == "O"
        flapping_for += 1
        assert flapping_for < 300, "it never calms down"

    assert flapping_for > 30
    assert evening.names[-1] == "incident.flapping_ended"
    states = evening.play(payments="." * 32 * MINUTE)
    assert states[:2] == "rr"
    assert states[-1] == "R"
    assert evening.names.count("incident.flapping_ended") == 1


def test_short_failures_that_open_nothing_are_no_changes(begin):
    evening = begin(Timing())

    evening.play(payments=("F" + "." * 99) * 12)

    assert "incident.opened" not in evening.names
    assert evening.book.subjects["payments"].flaps.troubled == ()


def test_a_person_may_resolve_it_all_the_same(begin):
    evening = begin(Timing())
    evening.play(payments=outages(1, 5, 70, 70))
    (case,) = evening.book.live()

    People(evening.book).resolve(str(case.incident.number), "Ada", "the switch was replaced", evening.now, evening.now)
    evening.play(payments="." * MINUTE)

    assert case.incident.state is State.RESOLVED
    assert not case.flapping
    assert "flapping" not in status_line(case, evening.now + timedelta(minutes=1))
