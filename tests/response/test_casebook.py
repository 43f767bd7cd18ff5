"""The life of incidents in columns of 30 seconds: `.` ok, `F` failed, `f` failed but unconfirmed, ` ` silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from monitor.core.incident import Timing
from monitor.core.severity import Severity

Begin = Callable[..., object]


@pytest.mark.parametrize(
    ("script", "states"),
    [
        ("....", "----"),
        ("F.....", "pp----"),
        ("f.f.f.", "------"),
        ("FFFF", "pppO"),
        ("FFFF......", "pppOrrrrRR"),
        ("FFFF..F....", "pppOrrOrrrr"),
        ("FFFF.....FFF", "pppOrrrrROOO"),
    ],
    ids=[
        "nothing happens",
        "one confirmed failure passes",
        "failures that a second attempt does not confirm never open one",
        "the fourth failure in a row opens",
        "two stable minutes resolve",
        "a relapse starts the stable time again",
        "a breach soon after reopens the same incident",
    ],
)
def test_the_machine_follows_the_probes(begin, script, states):
    evening = begin()

    assert evening.play(payments=script) == states


def test_an_incident_has_one_ticket_from_creation_to_close(begin):
    evening = begin()

    evening.play(payments="FFFF......")

    assert evening.names == [
        "incident.pending",
        "incident.opened",
        "incident.role_assigned",
        "incident.role_assigned",
        "incident.escalated",
        "incident.recovering",
        "incident.resolved",
        "postmortem.scheduled",
    ]
    assert evening.effects == ["folder create 1", "folder update 2", "folder close 3", "postmortems create 1"]


def test_resolved_says_what_was_reached_the_proof_in_its_first_line_and_each_condition_below(begin):
    evening = begin()

    evening.play(payments="FFFF.....")

    (resolved,) = [e for c in evening.commits for e in c.events if e.name == "incident.resolved"]
    assert resolved.text.splitlines() == [
        "every recovery condition held for 2m0s; "
        "0 of 3 probes failed: with 95 % confidence the error ratio is below 63.2 %",
        "- no confirmed failure in 3 probes",
        "- burn rate 0, limit 1",
        "- no attached alert fires",
    ]


def test_a_relapse_after_resolution_reopens_the_same_ticket(begin):
    evening = begin()

    evening.play(payments="FFFF.....F")

    assert "incident.reopened" in evening.names
    assert evening.effects[-1] == "folder reopen 4"
    assert [case.incident.number for case in evening.book.live()] == [1]


def test_later_than_reopen_within_a_breach_is_a_new_incident(begin):
    evening = begin(Timing(stable_for=timedelta(minutes=2), reopen_within=timedelta(minutes=1)))

    evening.play(payments="FFFF......" + "...." + "FFFF")

    assert [case.incident.number for case in evening.book.live()] == [2]
    assert evening.names.count("incident.opened") == 2


def test_the_opening_event_carries_the_trace_of_the_probe_that_caused_it(begin):
    evening = begin()

    evening.play(payments="FFFF")

    opened = next(e for c in evening.commits for e in c.events if e.name == "incident.opened")
    assert opened.trace_id == "cd" * 16
    assert opened.span_id == "ab" * 8
    assert opened.attributes["severity"] == "SEV2"


def test_a_dependant_joins_the_incident_of_its_failing_parent(begin):
    evening = begin()

    evening.play(payments="FFFFFF", orders="FFFFFF")

    assert [case.services() for case in evening.book.live()] == [("payments", "orders")]
    assert evening.names.count("incident.opened") == 1
    assert "incident.joined" in evening.names


def test_an_incident_goes_on_while_a_member_still_fails(begin):
    evening = begin()

    evening.play(payments="FFFFF.........", orders="FFFFFFFFFFFFFF")

    assert [str(case.incident.state) for case in evening.book.live()] == ["open"]


def test_six_services_at_once_are_one_storm(begin):
    names = tuple(f"s{i}" for i in range(8))
    evening = begin(services=names, depends_on={})

    evening.play(**dict.fromkeys(names, "FFFFFF"))

    assert len(evening.book.live()) == 1
    [case] = evening.book.live()
    assert set(case.services()) == set(names)
    assert case.symptoms[0].startswith("status, at 10.0.0.7: 8 of 8 services")


def test_updates_fall_due_on_the_quarter_hour_since_the_opening(begin):
    evening = begin()
    evening.play(payments="FFFF")
    opened = evening.book.live()[0].incident.opened_at

    evening.play(payments="F" * 61)

    due = [e for c in evening.commits for e in c.events if e.name == "incident.update_due"]
    assert [e.at - opened for e in due] == [timedelta(minutes=15), timedelta(minutes=30)]
    assert due[0].text.startswith("who: Incident commander: Ada (backup: Grace); Scribe: Lin\nwhat: live: status")


def test_silence_while_recovering_starts_the_stable_time_again(begin):
    four_minutes = Timing(stable_for=timedelta(minutes=4))

    assert begin(four_minutes).play(payments="FFFF.........") == "pppOrrrrrrrrR"
    # Silent for two minutes is not yet a gap; half a minute longer is, and eight columns are proven after it.
    assert begin(four_minutes).play(payments="FFFF....    .") == "pppOrrrrrrrrR"
    assert begin(four_minutes).play(payments="FFFF....      ........") == "pppOrrrrrrrrrrrrrrrrrR"


def test_severity_rises_when_two_evaluations_agree_and_says_so(begin):
    evening = begin()
    evening.play(payments="FFFF")
    [case] = evening.book.live()
    evening.around = type(evening.around)(criticality="critical")

    evening.step({"payments": "F"})
    assert case.incident.severity is Severity.SEV2

    evening.step({"payments": "F"})
    assert case.incident.severity is Severity.SEV1
    assert "incident.severity_changed" in evening.names
    (risen,) = (e for commit in evening.commits for e in commit.events if e.name == "incident.severity_changed")
    assert risen.attributes["why"] == list(case.why), "a restart and the ledger tell the reasons of the rise"


def test_with_suggest_a_person_opens(begin):
    from monitor.response.people import NothingPending, People

    evening = begin(Timing(open_mode="suggest"))
    people = People(evening.book)
    with pytest.raises(NothingPending, match="nothing is pending"):
        people.confirm("payments", "ada", evening.now, evening.now)

    assert evening.play(payments="FFFFFF") == "pppppp"
    assert evening.names.count("incident.suggested") == 1

    case, commit = people.confirm("payments", "ada", evening.now, evening.now)
    assert str(case.incident.state) == "open"
    assert [e.author for e in commit.events if e.name == "incident.opened"] == ["ada"]


def test_who_joins_at_once_after_its_own_incident_could_not_reopen_any_more_leaves_no_case_behind(begin):
    evening = begin(
        Timing(open_after=timedelta(0), stable_for=timedelta(minutes=2), reopen_within=timedelta(minutes=1))
    )
    evening.play(orders="FFFF......", payments="..........")
    evening.play(payments="FFFF")  # more than a minute in which nobody looks at orders
    evening.hear("orders", "FFFF")

    evening.evaluate("orders")

    assert "incident.joined" in evening.names
    assert [case.services() for case in evening.book.cases.values()] == [("payments", "orders")]
