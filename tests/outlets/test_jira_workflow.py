"""Which transition closes or reopens a ticket, and what is said where there is none."""

from __future__ import annotations

import pytest
from fake_jira import CANCELLED, DOING, DONE, TO_CANCELLED, TO_DOING, TO_DONE, TO_TODO

from monitor.outlets.jira.workflow import Transition, choose

RESOLUTION = {
    "name": "Resolution",
    "required": True,
    "hasDefaultValue": False,
    "allowedValues": [{"id": "1", "name": "Won't Do"}, {"id": "2", "name": "Fixed"}],
}
CAUSE = {"name": "Root cause", "required": True, "hasDefaultValue": False}


def test_a_status_that_tells_success_is_taken_before_another_done_one() -> None:
    assert choose([TO_DOING, TO_CANCELLED, TO_DONE], closing=True, wanted=None) == Transition(id="31")
    assert choose([TO_DOING, TO_CANCELLED], closing=True, wanted=None) == Transition(id="21")


def test_it_is_opened_again_to_one_in_progress_and_else_to_one_that_is_to_be_done() -> None:
    assert choose([TO_DONE, TO_TODO, TO_DOING], closing=False, wanted=None) == Transition(id="11")
    assert choose([TO_DONE, TO_TODO], closing=False, wanted=None) == Transition(id="12")


@pytest.mark.parametrize("wanted", ["Cancel", "cancelled", "CANCELLED"])
def test_the_configured_one_is_a_transition_or_a_status_by_its_name(wanted: str) -> None:
    assert choose([TO_DONE, TO_CANCELLED], closing=True, wanted=wanted) == Transition(id="21")


def test_one_that_asks_for_nothing_goes_before_one_that_asks_for_something() -> None:
    asking = {**TO_DONE, "fields": {"customfield_1": CAUSE}}
    also = {"id": "41", "name": "Close", "to": {**DONE, "name": "Archived"}, "fields": {}}

    assert choose([asking, also], closing=True, wanted=None) == Transition(id="41")


def test_a_resolution_is_given_where_it_is_asked_for() -> None:
    asking = {**TO_DONE, "fields": {"resolution": RESOLUTION, "comment": {"required": False}}}
    only_no = {**TO_DONE, "fields": {"resolution": {**RESOLUTION, "allowedValues": [{"name": "Won't Do"}]}}}
    optional = {**TO_DONE, "fields": {"resolution": {**RESOLUTION, "required": False}}}

    assert choose([asking], closing=True, wanted=None) == Transition(id="31", fields={"resolution": {"name": "Fixed"}})
    assert choose([only_no], closing=True, wanted=None) == Transition(
        id="31", fields={"resolution": {"name": "Won't Do"}}
    )
    assert choose([optional], closing=True, wanted=None) == Transition(id="31")


@pytest.mark.parametrize(
    ("offered", "closing", "wanted", "remedy"),
    [
        (
            [TO_DOING], True, None,
            "no transition leads to a done status from here, only 'Start': give our user the right to it",
        ),
        (
            [TO_DONE], False, None,
            "no transition leads to an open status from here, only 'Finish': give our user the right to it",
        ),
        (
            [], True, None,
            "no transition leads to a done status from here, where there is none at all for our user: "
            "give our user the right to it",
        ),
        (
            [TO_DONE, TO_DOING], True, "Shipped",
            "no transition leads to 'Shipped' from here, only 'Finish', 'Start': "
            "change tracker.jira.transitions.close or the workflow",
        ),
        (
            [TO_DOING], False, "Backlog",
            "no transition leads to 'Backlog' from here, only 'Start': "
            "change tracker.jira.transitions.reopen or the workflow",
        ),
        (
            [{**TO_DONE, "fields": {"customfield_1": CAUSE, "x": {"required": True, "hasDefaultValue": True}}}],
            True, None,
            "the transition 'Finish' asks for Root cause: "
            "make it optional, or name another transition under tracker.jira.transitions.close",
        ),
    ],
)  # fmt: skip
def test_where_none_can_be_made_the_remedy_is_told(
    offered: list, closing: bool, wanted: str | None, remedy: str
) -> None:
    assert choose(offered, closing=closing, wanted=wanted) == remedy


def test_the_fake_has_a_workflow_with_each_category() -> None:
    assert {s["statusCategory"]["key"] for s in (TO_TODO["to"], DOING, DONE, CANCELLED)} == {
        "new",
        "indeterminate",
        "done",
    }
