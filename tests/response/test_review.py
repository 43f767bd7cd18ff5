"""A review of the playbook is due: one item, once, and it is closed when the playbook was reviewed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from monitor.ledger.records import Commit, LedgerEvent
from monitor.response.review import open_reviews, review, review_message, review_subject, reviewed_of

JANUARY, MAY = date(2026, 1, 1), date(2026, 5, 2)
EVERY = timedelta(days=90)
DUE = datetime(2026, 4, 1, tzinfo=UTC)
OWNER = "01JSTATE"


def at(wall: datetime, log: list[LedgerEvent], reviewed: date | None = JANUARY, every: timedelta = EVERY) -> Commit:
    commit = review(reviewed, every, tuple(log), OWNER, ("folder", "webhook", "jira"), wall, wall)
    log.extend(commit.events)
    return commit


def test_it_is_opened_at_the_instant_when_it_is_due_and_once_however_often_one_looks() -> None:
    log: list[LedgerEvent] = []
    assert at(DUE - timedelta(seconds=1), log) == Commit()

    due = at(DUE, log)

    assert [event.name for event in due.events] == ["playbook.review_due"]
    assert due.events[0].text == "the playbook was last reviewed on 2026-01-01, a review is due since 2026-04-01"
    assert [effect.key for effect in due.effects] == [
        "01JSTATE-playbook-review-2026-01-01/folder/0001/create",
        "01JSTATE-playbook-review-2026-01-01/jira/0001/create",
    ]
    assert at(DUE, log) == Commit()
    assert at(DUE + timedelta(days=400), log) == Commit()
    assert at(DUE, log, every=timedelta(days=10)) == Commit(), "another interval is no other review"


def test_a_later_review_closes_it_and_the_next_one_has_an_item_of_its_own() -> None:
    log: list[LedgerEvent] = []
    at(DUE, log)
    assert at(DUE + timedelta(days=1), log, reviewed=None) == Commit()
    assert at(DUE + timedelta(days=1), log, reviewed=date(2025, 12, 31), every=timedelta(days=999)) == Commit()

    done = at(DUE + timedelta(days=40), log, reviewed=MAY)

    assert [event.text for event in done.events] == ["the playbook was reviewed on 2026-05-02"]
    assert [effect.key for effect in done.effects] == [
        "01JSTATE-playbook-review-2026-01-01/folder/0002/close",
        "01JSTATE-playbook-review-2026-01-01/jira/0002/close",
    ]
    assert open_reviews(log) == []
    assert at(DUE + timedelta(days=40), log, reviewed=MAY) == Commit()
    assert [e.order for e in at(datetime(2026, 7, 31, tzinfo=UTC), log, reviewed=MAY).effects] == [1, 1]
    assert open_reviews(log) == ["2026-05-02"]


def test_the_item_says_what_is_to_be_done_and_when_it_was() -> None:
    log: list[LedgerEvent] = []
    at(DUE, log)
    subject = review_subject(OWNER, "2026-01-01")
    said = review_message(subject, log)

    assert (said.title, said.status) == ("Review the playbook: due since 2026-04-01", "to do")
    assert "| Last reviewed | 2026-01-01 |" in said.markdown
    assert "set `playbook.reviewed`" in said.markdown
    at(DUE, log, reviewed=MAY)
    said = review_message(subject, log)
    assert (said.status, said.update) == ("done", "the playbook was reviewed on 2026-05-02")
    assert reviewed_of(subject) == "2026-01-01"
    assert reviewed_of("01J-action-1") is None
