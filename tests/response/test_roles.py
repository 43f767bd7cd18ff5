"""Who is told of an incident, who else when nobody takes it or something needs them, and who takes over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.core.incident import IllegalTransition, Timing
from monitor.core.muting import Silence
from monitor.core.severity import Criticality
from monitor.response import roles
from monitor.response.case import Case
from monitor.response.communicate import ticket
from monitor.response.observe import Surroundings
from monitor.response.people import People
from monitor.response.roles import UnknownRole, held
from monitor.response.triage import Role

CONTACTS = {
    "incident_commander": Role("incident_commander", "Ada", "Grace"),
    "scribe": Role("scribe", "Lin", ""),
    "database": Role("database", "DBRE on-call", "Platform Engineer"),
}


@pytest.fixture
def evening(begin):
    def make(criticality: Criticality = Criticality.MEDIUM, **rules: object):
        timing = Timing(stable_for=timedelta(minutes=30))
        evening = begin(timing, depends_on={}, contacts=CONTACTS, ack_within=timedelta(minutes=5), **rules)
        evening.around = Surroundings(criticality=criticality)
        return evening

    return make


def told(evening, name: str) -> list[str]:
    return [event.text for commit in evening.commits for event in commit.events if event.name == name]


def opened(evening) -> Case:
    """Plays until the first service's incident is open."""
    while not evening.book.live():
        evening.play(orders="F", payments=".")
    (case,) = evening.book.live()
    return case


def test_the_primaries_have_their_roles_as_it_opens(evening):
    night = evening()
    case = opened(night)

    assert str(case.incident.severity) == "SEV3"
    assert told(night, "incident.role_assigned") == ["Incident commander: Ada (backup: Grace)", "Scribe: Lin"]
    assert told(night, "incident.escalated") == []
    names = [event.name for event in night.commits[-1].events]
    assert names == ["incident.opened", "incident.role_assigned", "incident.role_assigned"], "in one commit"
    assert night.effects == ["folder create 1"], "and in the same ticket"


def test_nobody_takes_it_so_the_backup_is_told_once_after_five_minutes(evening):
    night = evening()
    case = opened(night)
    began = night.now
    night.play(orders="F" * 9, payments="." * 9)
    assert told(night, "incident.escalated") == []

    night.play(orders="F", payments=".")
    assert night.now - began == timedelta(minutes=5)
    assert told(night, "incident.escalated") == ["nobody acknowledged it within 5m0s: Grace (Incident commander)"]
    assert night.effects[-1].startswith("folder update")
    night.play(orders="F" * 20, payments="." * 20)
    assert len(told(night, "incident.escalated")) == 1
    assert case.roles["incident_commander"].holder == "Ada", "who is told has not taken it"


def test_whoever_acknowledges_ends_the_escalation(evening):
    night = evening()
    opened(night)
    night.play(orders="F" * 9, payments="." * 9)
    People(night.book).acknowledge("1", "Ada", night.now, night.now)
    night.play(orders="F" * 20, payments="." * 20)

    assert told(night, "incident.escalated") == []


def test_of_a_sev1_both_are_told_in_the_very_commit_that_opens_it(evening):
    night = evening(Criticality.CRITICAL)
    case = opened(night)

    assert str(case.incident.severity) == "SEV1"
    opening = night.commits[-1]
    assert [event.name for event in opening.events] == [
        "incident.opened",
        "incident.role_assigned",
        "incident.role_assigned",
        "incident.escalated",
    ]
    assert opening.events[-1].text == "SEV1: primary and backup are told at once: Grace (Incident commander)"
    assert opening.events[-1].attributes["told"] == ["Grace"]
    night.play(orders="F" * 20, payments="." * 20)
    assert len(told(night, "incident.escalated")) == 1


def test_what_becomes_a_sev2_tells_the_backup_then(evening):
    night = evening()
    opened(night)
    night.around = Surroundings(criticality=Criticality.CRITICAL)
    night.play(orders="FF", payments="..")

    why = "SEV1: primary and backup are told at once"
    assert told(night, "incident.escalated") == [f"{why}: Grace (Incident commander)"]


def test_of_what_makes_a_ticket_alone_nobodys_backup_is_told(evening):
    night = evening(Criticality.LOW)
    case = opened(night)
    night.play(orders="F" * 20, payments="." * 20)

    assert str(case.incident.severity) == "SEV4"
    assert told(night, "incident.escalated") == []


def test_a_relapse_after_it_was_resolved_asks_everybody_anew(evening):
    night = evening()
    opened(night)
    people = People(night.book)
    people.acknowledge("1", "Ada", night.now, night.now)
    people.resolve("1", "Ada", "restarted it", night.now, night.now)
    night.play(orders="F", payments=".")
    assert night.letter("orders") == "O"
    night.play(orders="F" * 9, payments="." * 9)
    assert told(night, "incident.escalated") == []
    night.play(orders="F", payments=".")

    assert len(told(night, "incident.escalated")) == 1


def test_a_reported_incident_has_roles_too(evening):
    night = evening()
    night.play(orders="..", payments="..")
    _, commit = People(night.book).declare("orders", "a customer", "cannot pay", None, "k", night.now, night.now)

    assert [event.name for event in commit.events] == [
        "incident.opened",
        "incident.role_assigned",
        "incident.role_assigned",
    ]


def silence(night, subject: str, minutes: int) -> None:
    until = night.now + timedelta(minutes=minutes)
    night.book.muting.add(
        Silence(number=1, subject=subject, author="Ada", comment="at work", since=night.now, until=until)
    )


def test_while_an_incident_is_muted_no_backup_is_told_and_afterwards_the_wait_begins_anew(evening):
    night = evening()
    night.play(orders="..", payments="..")
    silence(night, "orders", 30)
    case = opened(night)
    assert case.muted_by
    assert case.roles["incident_commander"].holder == "Ada"
    while case.muted_by:
        night.play(orders="F", payments=".")
    assert told(night, "incident.escalated") == []

    night.play(orders="F" * 9, payments="." * 9)
    assert told(night, "incident.escalated") == []
    night.play(orders="F", payments=".")
    assert len(told(night, "incident.escalated")) == 1


def test_backups_who_were_told_before_it_was_muted_are_not_told_again_afterwards(evening):
    night = evening(Criticality.CRITICAL)
    case = opened(night)
    assert len(told(night, "incident.escalated")) == 1
    silence(night, "orders", 5)
    night.play(orders="F", payments=".")
    assert case.muted_by
    while case.muted_by:
        night.play(orders="F", payments=".")
    night.play(orders="F" * 20, payments="." * 20)

    assert len(told(night, "incident.escalated")) == 1
    kept = (case.called_at, case.escalated_at)
    case.called_at = case.escalated_at = None
    roles.restore(case)
    assert (case.called_at, case.escalated_at) == kept, "and a restart knows it"


# -- who is needed ---------------------------------------------------------------------------------------------


def test_a_failing_check_calls_the_contact_that_it_needs_once(evening):
    night = evening(needs={"orders": {"live": "database"}})
    case = opened(night)
    night.play(orders="FFF", payments="...")

    joined = "Database: DBRE on-call (backup: Platform Engineer), because orders/live is failing"
    assert told(night, "incident.role_assigned")[2:] == [joined]
    assert case.roles["database"].holder == "DBRE on-call"
    night.play(orders="F" * 9, payments="." * 9)
    assert told(night, "incident.escalated") == [
        "nobody acknowledged it within 5m0s: Grace (Incident commander); Platform Engineer (Database)"
    ]


def test_so_does_a_failing_check_of_a_service_that_joined(begin):
    night = begin(Timing(stable_for=timedelta(minutes=30)), contacts=CONTACTS, needs={"orders": {"live": "database"}})
    night.play(payments="..FFFFFF", orders="...FFFFF")

    (case,) = night.book.live()
    assert case.incident.service == "payments"
    assert "database" in case.roles


def test_a_check_that_needs_nobody_calls_nobody(evening):
    night = evening(needs={"payments": {"live": "database"}})
    case = opened(night)
    night.play(orders="FFF", payments="...")

    assert "database" not in case.roles


# -- who takes over --------------------------------------------------------------------------------------------


def assign(night, role: str, holder: str, by: str = "Ada"):
    return People(night.book).assign("1", role, holder, by, night.now, night.now)


def test_a_role_is_handed_over_and_ticket_and_updates_say_so(evening):
    night = evening()
    case = opened(night)
    _, commit = assign(night, "incident_commander", "Grace")
    night.keep(commit)
    _, commit = assign(night, "scribe", "Kay", by="Kay")
    night.keep(commit)

    assert told(night, "incident.role_assigned")[2:] == ["Incident commander: Grace after Ada", "Scribe: Kay after Lin"]
    assert [event.author for event in commit.events] == ["Kay"]
    text = ticket(case, held(case, night.book.rules), night.now)
    assert "| Incident commander | Grace |" in text
    assert "| Scribe | Kay |" in text
    night.play(orders="F" * 30, payments="." * 30)
    update = told(night, "incident.update_due")[-1]
    assert update.startswith("who: Incident commander: Grace; Scribe: Kay\n")


def test_who_has_a_role_already_is_not_told_again(evening):
    night = evening()
    opened(night)

    _, commit = assign(night, "incident_commander", "Ada")
    assert commit.events == commit.effects == ()


def test_a_contact_who_was_not_called_may_be_given_their_role_by_a_person(evening):
    night = evening()
    case = opened(night)
    assign(night, "database", "Kay")

    assert case.roles["database"] == Role("database", "Kay", "Platform Engineer")


def test_a_role_that_there_is_not_and_an_incident_that_is_over_are_refused(evening):
    night = evening()
    opened(night)
    with pytest.raises(UnknownRole) as caught:
        assign(night, "commander", "Kay")
    assert str(caught.value) == "no role is called commander; there are database, incident_commander, scribe"

    People(night.book).resolve("1", "Ada", "over", night.now, night.now)
    with pytest.raises(IllegalTransition, match="orders: no role while resolved"):
        assign(night, "scribe", "Kay")


def test_without_contacts_nobody_is_told_and_a_role_can_be_taken(begin):
    night = begin(roles=(), depends_on={})
    case = opened(night)
    assert told(night, "incident.role_assigned") == told(night, "incident.escalated") == []

    assign(night, "incident_commander", "Kay")
    assert held(case, night.book.rules) == (Role("incident_commander", "Kay", ""),)


# -- after a restart -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "escalations"), [(9, 0), (10, 1), (14, 1)])
def test_a_restart_at_any_time_neither_forgets_nor_repeats_it(evening, after, escalations):
    night = evening()
    case = opened(night)
    assign(night, "scribe", "Kay")
    night.play(orders="F" * 6, payments="." * 6)

    found = Case(case.incident, events=list(case.events), members=case.members, orders=case.orders)
    roles.restore(found)
    assert found.roles == case.roles
    assert found.called_at == case.called_at
    night.book.cases[case.incident.id] = found
    night.play(orders="F" * (after - 6), payments="." * (after - 6))
    assert len(told(night, "incident.escalated")) == escalations

    again = replace(found, roles={}, called_at=None, escalated_at=None)
    roles.restore(again)
    night.book.cases[case.incident.id] = again
    night.play(orders="F" * 30, payments="." * 30)
    assert len(told(night, "incident.escalated")) == 1
