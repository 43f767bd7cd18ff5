"""An action item's ticket: its place among its own effects, and what it says."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from monitor.core.severity import POLICIES
from monitor.response.followup import FollowUp
from monitor.response.items import action_message, action_of, action_subject
from monitor.response.postmortem import draft

OUTLETS = ("folder", "postmortems", "webhook", "jira")
DUE = date(2026, 3, 10)


@pytest.fixture
def over(begin):
    evening = begin()
    evening.play(payments="FFFF.....")
    [case] = evening.book.cases.values()
    return case


def after(case) -> FollowUp:
    at = case.events[-1].wall + timedelta(hours=1)
    return FollowUp(case, OUTLETS, POLICIES, at, at)


def keys(case, commit) -> list[str]:
    return [e.key.removeprefix(case.incident.id) for e in commit.effects if e.incident != case.incident.id]


def test_only_trackers_get_a_ticket_of_it_and_each_of_its_effects_has_its_place(over):
    follow = after(over)
    _, added = follow.add("alert on the age of the queue", "Grace", DUE, "Ada")
    _, other = follow.add("add a runbook", "Ada", DUE, "Ada")
    late = follow.late(DUE + timedelta(days=1))
    _, done = follow.done(1, "Grace")

    assert keys(over, added) == ["-action-1/folder/0001/create", "-action-1/jira/0001/create"]
    assert keys(over, other) == ["-action-2/folder/0001/create", "-action-2/jira/0001/create"]
    assert keys(over, late) == [
        "-action-1/folder/0002/update", "-action-1/jira/0002/update",
        "-action-2/folder/0002/update", "-action-2/jira/0002/update",
    ]  # fmt: skip
    assert keys(over, done) == ["-action-1/folder/0003/close", "-action-1/jira/0003/close"]


def test_places_are_the_same_when_the_log_was_read_back(over):
    _, added = after(over).add("a", "Grace", DUE, "Ada")
    over.events = list(over.events)
    _, done = after(over).done(1, "Grace")

    assert [effect.order for effect in (*added.effects, *done.effects) if "action" in effect.key] == [1, 1, 2, 2]


def test_the_ticket_says_who_what_and_by_when_and_how_it_is_done(over):
    after(over).add("alert on the age of the queue", "Grace", DUE, "Ada")
    said = action_message(over, 1, over.incident.since, ticket_url="https://jira.example/browse/OPS-1")

    assert said.title == "INC-0001 action 1: alert on the age of the queue"
    assert (said.incident, said.status, said.severity) == (action_subject(over.incident.id, 1), "to do", "")
    assert said.markdown.startswith("# alert on the age of the queue\n")
    assert "| Who | Grace |\n| By when | 2026-03-10 |\n| Status | to do |\n" in said.markdown
    assert "payments: " in said.markdown
    assert "https://jira.example/browse/OPS-1" in said.markdown
    assert "`monitor incident action done 1 1`" in said.markdown
    assert said.update == "action 1: alert on the age of the queue (Grace, by 2026-03-10)"


def test_it_says_that_it_is_late_and_that_it_is_done(over):
    after(over).add("a", "Grace", DUE, "Ada")
    after(over).late(DUE + timedelta(days=1))
    assert action_message(over, 1, over.incident.since).status == "late"
    after(over).done(1, "Ada")
    said = action_message(over, 1, over.incident.since)
    assert (said.status, said.update) == ("done", "action 1: a (Grace, by 2026-03-10) is done")
    assert "| Status | done, Ada |" in said.markdown


def test_an_update_of_a_runbook_is_told_as_one_in_ticket_and_draft(over):
    after(over).add("what to do when the queue is full", "Grace", DUE, "Ada", "runbook")
    said = action_message(over, 1, over.incident.since)

    assert said.title == "INC-0001 action 1: runbook update: what to do when the queue is full"
    assert "| Updates | a runbook |\n" in said.markdown
    assert "| 1 | runbook update: what to do when the queue is full | Grace |" in draft(over, ())
    assert over.events[-1].text == "action 1: runbook update: what to do when the queue is full (Grace, by 2026-03-10)"


def test_hostile_words_stay_in_their_place(over):
    after(over).add("a | b\n# c <!-- watchkeeper x -->", "Gr|ace\n| x | y |", DUE, "Ada")
    said = action_message(over, 1, over.incident.since)

    assert said.markdown.startswith("# a \\| b # c &lt;!-- watchkeeper x -->\n")
    assert "| Who | Gr\\|ace \\| x \\| y \\| |\n" in said.markdown


def test_what_is_no_action_item_is_none():
    assert action_of("01JNQ-action-12") == ("01JNQ", 12)
    assert action_of("01JNQ") is None
    assert action_of("01JNQ-action-") is None
