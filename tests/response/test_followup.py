"""After an incident: its postmortem is held, its action items are added and done, and what is late is told once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from monitor.core.incident import IllegalTransition
from monitor.core.severity import POLICIES
from monitor.response.actions import actions
from monitor.response.entries import POSTMORTEMS, effects_for
from monitor.response.followup import FollowUp, UnknownAction, followed
from monitor.response.postmortem import draft
from monitor.response.resolve import scheduled

DUE = date(2026, 3, 10)


@pytest.fixture
def over(begin):
    """An incident that has resolved at 12:04:30 on March 1st, whose postmortem is due two days later."""
    evening = begin()
    evening.play(payments="FFFF.....")
    [case] = evening.book.cases.values()
    return case


def after(case, wall=None) -> FollowUp:
    at = wall or case.events[-1].wall + timedelta(hours=1)
    return FollowUp(case, ("folder", POSTMORTEMS), POLICIES, at, at)


def effects(commit) -> list[str]:
    """With the action item's number where it is a ticket of its own."""
    of = [effect.incident.partition("-")[2].replace("-", " ") for effect in commit.effects]
    return [f"{whose} {e.outlet} {e.kind}".lstrip() for whose, e in zip(of, commit.effects, strict=True)]


def test_an_action_item_from_its_beginning_to_its_end(over):
    action, commit = after(over).add("alert on the age of the queue", "Grace", DUE, "Ada")

    assert [event.text for event in commit.events] == ["action 1: alert on the age of the queue (Grace, by 2026-03-10)"]
    assert effects(commit) == ["folder update", "postmortems update", "action 1 folder create"]
    assert "| 1 | alert on the age of the queue | Grace | 2026-03-10 | no |" in draft(over, ())

    done, commit = after(over).done(action.number, "Grace")
    assert done.done_by == "Grace"
    assert [event.name for event in commit.events] == ["postmortem.action_done"]
    assert "| yes (Grace) |" in draft(over, ())
    assert after(over).done(1, "Ada")[1].events == (), "it was done before"


def test_they_are_numbered_from_one_on(over):
    numbers = [after(over).add(what, "Grace", DUE, "Ada")[0].number for what in ("a", "b", "c")]

    assert numbers == [1, 2, 3]
    assert [one.what for one in actions(over.events).values()] == ["a", "b", "c"]


def test_what_is_not_there_cannot_be_done(over):
    with pytest.raises(UnknownAction, match="there is no action item 1"):
        after(over).done(1, "Ada")


def test_also_while_it_is_live_and_no_draft_is_begun_by_that(begin):
    evening = begin()
    evening.play(payments="FFFF")
    [case] = evening.book.cases.values()

    _, commit = after(case).add("a", "Grace", DUE, "Ada")

    assert effects(commit) == ["folder update", "action 1 folder create"]
    with pytest.raises(IllegalTransition, match="payments: no postmortem while open"):
        after(case).held("Ada")


def test_the_draft_in_a_tracker_is_made_with_the_file_follows_it_and_is_closed_once_the_postmortem_was_held(over):
    at, outlets = over.events[-1].wall, ("jira", POSTMORTEMS, "jira.postmortems")
    planned = [event for event in over.events if event.name == "postmortem.scheduled"]
    made = effects_for(over, planned, outlets, POLICIES)
    assert [f"{e.outlet} {e.kind}" for e in made if "postmortems" in e.outlet] == [
        "postmortems update", "jira.postmortems create",
    ]  # fmt: skip

    follow = FollowUp(over, outlets, POLICIES, at, at)
    _, added = follow.add("a", "Grace", DUE, "Ada")
    drafts = [f"{e.outlet} {e.kind}" for e in added.effects if "postmortems" in e.outlet]
    assert drafts == ["postmortems update", "jira.postmortems update"]
    drafts = [f"{e.outlet} {e.kind}" for e in follow.held("Ada").effects if "postmortems" in e.outlet]
    assert drafts == ["postmortems update", "jira.postmortems close"], "a file is nothing that is closed"


def test_held_is_said_once(over):
    assert [event.name for event in after(over).held("Ada").events] == ["postmortem.held"]
    assert after(over).held("Grace").events == ()


@pytest.mark.parametrize(
    ("late_by", "told"),
    [
        (timedelta(0), []),
        (timedelta(seconds=1), ["the postmortem was due by 2026-03-03 12:04:30 UTC and nobody said that it was held"]),
    ],
)
def test_a_postmortem_that_nobody_held_is_told_once_it_is_late(over, late_by, told):
    wall = scheduled(over).due + late_by

    assert [event.text for event in after(over, wall).late(wall.date()).events] == told
    assert after(over, wall).late(wall.date()).events == (), "and never again"


def test_of_one_that_was_held_nothing_is_told(over):
    after(over).held("Ada")
    wall = scheduled(over).due + timedelta(days=3)

    assert after(over, wall).late(wall.date()).events == ()


def test_an_action_item_is_late_on_the_day_after(over):
    after(over).held("Ada")
    after(over).add("a", "Grace", DUE, "Ada")
    after(over).add("b", "Grace", DUE, "Ada")
    after(over).done(2, "Grace")

    assert after(over).late(DUE).events == ()
    [told] = after(over).late(DUE + timedelta(days=1)).events
    assert told.text == "action 1: a (Grace, by 2026-03-10) is late"
    assert after(over).late(DUE + timedelta(days=2)).events == ()


def test_only_what_may_become_late_is_followed(over):
    assert followed(over.events) == {over.incident.id}
    after(over).held("Ada")
    assert followed(over.events) == set()
    after(over).add("a", "Grace", DUE, "Ada")
    assert followed(over.events) == {over.incident.id}
    after(over).late(DUE + timedelta(days=1))
    assert followed(over.events) == set(), "it was told; it is done or not"
