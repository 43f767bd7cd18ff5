"""A service leaves the configuration: at rest, in a breach, in an incident, as a member and as a host."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from monitor.core.incident import Event, IllegalTransition, State, step
from monitor.daemon.kept import case_from
from monitor.ledger.records import Commit, MemberLink
from monitor.ledger.store import Ledger
from monitor.response.casebook import Casebook
from monitor.response.parting import UNWATCHED, part
from monitor.response.people import People


def leave(evening, service):
    commits = part(evening.book, service, evening.now, evening.now)
    evening.keep(*commits)
    del evening.watches[service]
    return [event.name for commit in commits for event in commit.events]


def test_one_that_is_well_is_forgotten(begin):
    evening = begin()
    evening.play(payments="...")

    assert leave(evening, "payments") == []
    assert "payments" not in evening.book.subjects


def test_one_that_nobody_knows_is_none_of_our_business(begin):
    assert part(begin().book, "nobody", begin().now, begin().now) == []


def test_what_was_pending_is_clear(begin):
    evening = begin()
    assert evening.play(payments="FF") == "pp"

    assert leave(evening, "payments") == ["incident.cleared"]
    assert "payments" not in evening.book.subjects
    assert evening.commits[-1].incidents[0].state is State.CLEAR


@pytest.mark.parametrize(("script", "state"), [("FFFF", State.OPEN), ("FFFF..", State.RECOVERING)])
def test_an_incident_stays_as_it_is_until_a_person_resolves_it(begin, script, state):
    evening = begin()
    evening.play(payments=script)
    case = evening.book.case_of("payments")

    assert leave(evening, "payments")[-1] == "incident.unwatched"
    assert case.incident.state is state
    assert evening.book.live() == [case]
    assert case.conditions == (UNWATCHED,)
    assert evening.effects[-1].startswith("folder update")

    evening.now += timedelta(days=2)
    evening.keep(*evening.book.due(evening.now, evening.now))
    assert case.incident.state is state, "time alone proves nothing"

    People(evening.book).resolve("1", "Ada", "it was moved", evening.now, evening.now)
    assert case.incident.state is State.RESOLVED


def test_it_is_said_once_and_a_restart_does_not_say_it_again(begin):
    evening = begin()
    evening.play(payments="FFFF")
    leave(evening, "payments")

    assert part(evening.book, "payments", evening.now, evening.now) == []


def test_what_was_recovering_begins_its_stable_time_anew(begin):
    evening = begin()
    evening.play(payments="FFFF..")
    leave(evening, "payments")

    assert evening.book.case_of("payments").incident.since == evening.now


def test_a_member_leaves_its_hosts_incident_and_is_no_condition_of_it_any_more(begin):
    evening = begin()
    evening.play(payments="FFFF", orders="FFFF")
    case = evening.book.case_of("payments")
    assert case.services() == ("payments", "orders")

    assert leave(evening, "orders")[-1] == "incident.unwatched"
    assert case.services() == ("payments",)
    assert evening.commits[-1].members[0].left_at == evening.now
    assert "orders" not in evening.book.subjects
    assert evening.play(payments="......")[-1] in "rR"


def test_members_of_a_host_that_left_wait_five_minutes_and_open_an_incident_of_their_own_if_they_still_fail(begin):
    evening = begin()
    evening.play(payments="FFFF", orders="FFFF")
    host = evening.book.case_of("payments")
    leave(evening, "payments")

    evening.play(orders="F" * 9)
    assert evening.book.live() == [host]
    assert host.services() == ("payments", "orders")
    evening.play(orders="F")
    assert host.services() == ("payments",)
    assert evening.commits[-1].members[0].left_at == evening.now
    assert evening.commits[-1].events[0].text == "orders left: nobody watches payments any more"

    assert evening.play(orders="FFF")[-1] == "O"
    own = evening.book.case_of("orders")
    assert own is not host
    assert evening.book.live() == [host, own]


def test_members_of_a_host_that_left_are_clear_if_they_are_well_by_then(begin):
    evening = begin()
    evening.play(payments="FFFF", orders="FFFF")
    leave(evening, "payments")

    evening.play(orders="." * 30)

    assert [case.incident.number for case in evening.book.live()] == [1]
    assert evening.letter("orders") == "-"


def test_a_restart_after_they_left_finds_both_incidents_and_the_members_own_ends(begin, tmp_path):
    """Joined to the former host as well, its own incident would have had nobody who evaluates it."""
    evening = begin()
    evening.play(payments="FFFF", orders="FFFF")
    leave(evening, "payments")
    evening.play(orders="F" * 13)
    assert [case.incident.service for case in evening.book.live()] == ["payments", "orders"]

    restarted(evening, tmp_path)
    evening.keep(*part(evening.book, "payments", evening.now, evening.now))

    assert evening.letter("orders") == "O"
    evening.play(orders="." * 8)
    assert [case.incident.service for case in evening.book.live()] == ["payments"]


def test_a_member_of_before_with_an_incident_of_its_own_belongs_to_nobody_after_a_restart(begin, tmp_path):
    """The host's incident is over, orders fails alone, the host relapses: it still names orders as affected."""
    evening = begin(depends_on={})
    evening.play(payments="FFFF", orders="....")
    first = evening.book.case_of("payments")
    first.members["orders"] = MemberLink(incident="INCIDENT1", service="orders", joined_at=evening.now, why="a storm")
    evening.commits.append(Commit(members=(first.members["orders"],)))
    evening.play(payments="FFFF", orders="FFFF")
    assert [case.incident.service for case in evening.book.live()] == ["payments", "orders"]

    restarted(evening, tmp_path)

    assert evening.book.subjects["orders"].joined == ""
    evening.play(payments="FFFFFFFF", orders="........")
    assert [case.incident.service for case in evening.book.live()] == ["payments"]


def restarted(evening, folder):
    """The casebook as a start reads it from the ledger that has every commit so far."""
    ledger = Ledger.open(folder)
    for commit in evening.commits:
        ledger.commit(commit).result(30)
    numbers, ids = count(10), count(10)
    evening.book = Casebook(evening.book.rules, new_id=lambda: f"INCIDENT{next(ids)}", new_number=lambda: next(numbers))
    for incident in ledger.places():
        evening.book.restore(incident, case_from(ledger, incident.id) if incident.id else None)
    ledger.close()


def test_a_resolved_one_does_not_reopen_when_its_service_has_left(begin):
    evening = begin()
    evening.play(payments="FFFF......")
    assert evening.letter("payments") == "R"

    assert leave(evening, "payments") == []
    assert evening.book.cases == {}
    with pytest.raises(IllegalTransition):
        step(
            evening.book.watch("payments", evening.now).incident, Event.RESOLVE, evening.now, evening.book.rules.timing
        )
