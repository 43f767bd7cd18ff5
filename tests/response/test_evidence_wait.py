"""
When recovery cannot be proven: the Incident Commander is asked once, whatever restarts recovering's clock meanwhile.

Columns of 30 seconds, with a wait of ten minutes: twenty columns.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.core.incident import Timing

WAIT = timedelta(minutes=10)
ASKED = "incident.evidence_wait"
UPDATE = "incident.update_due"


@pytest.fixture
def evening(begin):
    return begin(Timing(stable_for=timedelta(minutes=4)), evidence_wait=WAIT)


def prometheus(evening, *, away: bool) -> None:
    evening.around = replace(evening.around, traffic_configured=away, traffic_missed=3 if away else 0)


def asked_at(evening) -> list:
    return [event.at for commit in evening.commits for event in commit.events if event.name == ASKED]


def test_an_open_incident_whose_proof_is_away_is_asked_about_after_the_wait_and_not_before(evening):
    prometheus(evening, away=True)
    assert evening.play(payments="FFFF" + "." * 20) == "pppO" + "O" * 20
    assert asked_at(evening) == []

    evening.play(payments=".")

    since = evening.book.live()[0].unproven_since
    assert asked_at(evening) == [since + WAIT]
    assert evening.commits[-1].events[0].text == (
        "recovery could not be proven for 10m0s, close it or wait? Prometheus did not answer 3 times in a row"
    )


def test_each_gap_restarts_the_clock_of_recovering_and_none_restarts_the_wait(evening):
    evening.play(payments="FFFF..")
    prometheus(evening, away=True)

    assert evening.play(payments="." * 20) == "r" * 20
    assert asked_at(evening) == []
    [case] = evening.book.live()
    assert case.incident.since == evening.now

    evening.play(payments=".")
    assert asked_at(evening) == [case.unproven_since + WAIT]


def test_silence_of_the_probes_is_waited_through_as_well(evening):
    prometheus(evening, away=True)
    evening.play(payments="FFFF...")
    since = evening.book.live()[0].unproven_since

    evening.play(payments=" " * 18 + ".")

    assert asked_at(evening) == [since + WAIT]


def test_it_is_asked_once_however_long_it_goes_on(evening):
    prometheus(evening, away=True)

    evening.play(payments="FFFF" + "." * 100)

    assert len(asked_at(evening)) == 1


def test_a_broken_condition_ends_the_wait_and_the_next_one_is_counted_anew(evening):
    prometheus(evening, away=True)
    evening.play(payments="FFFF" + "." * 19 + "F")
    assert evening.book.live()[0].unproven_since is None

    evening.play(payments="." * 20)
    assert asked_at(evening) == []

    evening.play(payments=".")
    assert asked_at(evening) == [evening.now]


def test_a_moment_of_proof_ends_no_wait_and_two_minutes_of_it_do(evening):
    prometheus(evening, away=True)
    evening.play(payments="FFFF" + "." * 10)
    [case] = evening.book.live()
    since = case.unproven_since

    prometheus(evening, away=False)
    assert evening.play(payments="....") == "rrrr"
    assert case.unproven_since == since
    evening.play(payments=".")
    assert case.unproven_since is None


def test_nobody_is_asked_at_a_moment_when_every_condition_holds(evening):
    prometheus(evening, away=True)
    evening.play(payments="FFFF" + "." * 20)

    prometheus(evening, away=False)
    evening.play(payments="....")
    assert asked_at(evening) == []

    prometheus(evening, away=True)
    evening.play(payments=".")
    assert asked_at(evening) == [evening.now]


def test_once_asked_updates_come_hourly_and_every_quarter_again_when_a_condition_breaks(evening):
    prometheus(evening, away=True)
    evening.play(payments="FFFF" + "." * 240)
    opened = evening.book.live()[0].incident.opened_at
    updates = [e.at - opened for c in evening.commits for e in c.events if e.name == UPDATE]
    assert updates == [timedelta(hours=1), timedelta(hours=2)]

    evening.play(payments="F" * 31)

    updates = [e.at - opened for c in evening.commits for e in c.events if e.name == UPDATE]
    assert updates[-1] == timedelta(hours=2, minutes=15)


def test_a_user_report_waits_for_a_persons_word_and_not_for_proof(evening):
    from monitor.response.people import People

    evening.play(payments="..")
    People(evening.book).declare("payments", "Grace", "customers cannot pay", None, "k", evening.now, evening.now)

    evening.play(payments="." * 60)

    assert asked_at(evening) == []
