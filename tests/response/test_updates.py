"""Updates to the team: drafted on the grid, sent by a person or by themselves, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from monitor.core.incident import IllegalTransition
from monitor.response.communicate import update_text
from monitor.response.updates import edited, restore, sent

MINUTE = timedelta(minutes=1)


@pytest.fixture
def night(begin: Callable[..., Any]) -> Any:
    """Open since the fourth column, 12:02; the grid is a quarter of an hour, a draft waits for five minutes."""
    night = begin(services=("payments",), depends_on={}, auto_send_after=5 * MINUTE)
    night.play(payments="FFFF")
    (night.case,) = night.book.cases.values()
    night.opened = night.case.incident.opened_at
    return night


def go_on(night: Any, until: timedelta) -> list[str]:
    """To the last half minute before *until* after the opening; the news of that time about updates."""
    before = len(night.commits)
    while night.now + timedelta(seconds=30) <= night.opened + until:
        night.play(payments="F")
    events = [event for commit in night.commits[before:] for event in commit.events]
    return [f"{(e.at - night.opened) / MINUTE:g} {e.name}" for e in events if "update" in e.name]


def test_a_draft_waits_and_is_sent_by_itself(night: Any) -> None:
    assert go_on(night, 14.5 * MINUTE) == []
    assert go_on(night, 19.5 * MINUTE) == ["15 incident.update_drafted"]
    assert go_on(night, 34 * MINUTE) == ["20 incident.update_due", "30 incident.update_drafted"]
    assert night.case.updated_at == night.opened + 15 * MINUTE
    draft, sent_text = night.case.newest("incident.update_drafted").text, night.case.newest("incident.update_due").text
    assert draft.startswith("sent at 2026-03-01 12:37:00 UTC unless a person sends it\nwho: ")
    assert sent_text.startswith("who: ")
    assert sent_text.endswith("next update: 2026-03-01 12:32:00 UTC")


def test_a_persons_words_are_sent_in_its_place_when_its_time_has_come(night: Any) -> None:
    go_on(night, 16 * MINUTE)
    commit = edited(night.case, night.book.rules, "Ada", "we roll back", night.now, night.now)
    assert [(e.name, e.author) for e in commit.events] == [("incident.update_edited", "Ada")]

    assert go_on(night, 21 * MINUTE) == ["20 incident.update_due"]
    assert night.case.newest("incident.update_due").text == "we roll back\nnext update: 2026-03-01 12:32:00 UTC"


def test_of_two_who_send_at_once_one_is_told_that_the_other_did(night: Any) -> None:
    go_on(night, 16 * MINUTE)
    commit = sent(night.case, night.book.rules, "Ada", "", night.now, night.now)
    assert [e.name for e in commit.events] == ["incident.update_due"]
    assert [e.outlet for e in commit.effects] == ["folder"]

    with pytest.raises(IllegalTransition, match=r"the last was sent at .* by Ada: write the text"):
        sent(night.case, night.book.rules, "Lin", "", night.now, night.now)
    assert go_on(night, 30 * MINUTE) == ["30 incident.update_drafted"], "the slot of 15 was answered"


def test_an_update_before_its_slot_does_not_answer_it(night: Any) -> None:
    go_on(night, 14 * MINUTE)
    commit = sent(night.case, night.book.rules, "Ada", "the queue drains", night.now, night.now)
    assert commit.events[0].text == "the queue drains\nnext update: 2026-03-01 12:17:00 UTC"
    assert go_on(night, 15 * MINUTE) == ["15 incident.update_drafted"]


def test_what_is_over_or_not_drafted_cannot_be_written(night: Any) -> None:
    with pytest.raises(IllegalTransition, match=r"^no update is drafted: write the text of one$"):
        edited(night.case, night.book.rules, "Ada", "x", night.now, night.now)
    night.play(payments="." * 8)
    assert not night.case.incident.is_live
    with pytest.raises(IllegalTransition, match="payments: no update while resolved"):
        sent(night.case, night.book.rules, "Ada", "late", night.now, night.now)


def test_a_restart_knows_the_draft_and_whose_words_it_has(night: Any) -> None:
    go_on(night, 16 * MINUTE)
    edited(night.case, night.book.rules, "Ada", "we roll back", night.now, night.now)
    events, draft, updated_at = list(night.case.events), night.case.draft, night.case.updated_at

    night.case.draft = night.case.updated_at = None
    for event in events:
        restore(night.case, event)
    assert (night.case.draft, night.case.updated_at) == (draft, updated_at)

    sent(night.case, night.book.rules, "Ada", "", night.now, night.now)
    restore(night.case, night.case.events[-1])
    assert (night.case.draft, night.case.updated_at) == (None, night.now)


def test_a_draft_of_before_says_nothing_of_what_is_reopened(night: Any) -> None:
    go_on(night, 16 * MINUTE)
    edited(night.case, night.book.rules, "Ada", "we roll back", night.now, night.now)
    night.play(payments="." * 8)
    assert (night.case.incident.is_live, night.case.draft) == (False, None)
    night.play(payments="FFFF")
    assert night.case.incident.is_live
    assert go_on(night, 31 * MINUTE)[-1] == "30 incident.update_drafted"
    assert "we roll back" not in night.case.newest("incident.update_due").text


def test_slots_that_went_by_are_one_update_that_says_so(night: Any) -> None:
    night.now += 50 * MINUTE
    assert go_on(night, 52 * MINUTE) == ["50.5 incident.update_drafted"]
    assert go_on(night, 56 * MINUTE) == ["55.5 incident.update_due"]
    told = night.case.newest("incident.update_due")
    assert told.text.startswith("Late: 2 updates missed, the first was due at 12:17:00 UTC.\nwho: ")
    assert told.attributes["missed"] == 2


def test_a_symptom_is_one_line_and_cannot_say_what_the_status_is(begin):
    night = begin()
    night.play(payments="FFFF")
    [case] = night.book.live()
    case.symptoms = ("slow\nstatus: all is well\x1b[31m" + "x" * 1_000_000,)

    _, what, status, *_ = update_text(case, (), night.now, "12:30").splitlines()

    assert what.startswith("what: slow status: all is well\N{REPLACEMENT CHARACTER}[31mxxx")
    assert len(what) == len("what: ") + 2_000
    assert status.startswith("status: open, SEV2")
