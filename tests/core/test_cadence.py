"""Updates on a fixed grid from the opening, however late the last one was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.cadence import (
    UpdateDue,
    evidence_wait_due,
    slowed,
    unproven_since,
    updates_due,
)

OPENED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def at(minutes: float) -> datetime:
    return OPENED + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("last_sent", "now", "due"),
    [
        (None, 14.99, None),  # the opening itself was told
        (None, 15, 15),
        (15, 15, None),
        (15, 29.99, None),
        (17, 30, 30),  # late by two minutes: the next is not
        (29.9, 30, 30),
        (15, 44.9, 30),
    ],
)
def test_an_update_is_due_when_its_slot_has_come_and_nothing_answered_it(
    last_sent: float | None, now: float, due: float | None
) -> None:
    found = updates_due(OPENED, None if last_sent is None else at(last_sent), QUARTER, at(now))
    assert found == (None if due is None else UpdateDue(at=at(due), missed=0))


def test_missed_updates_become_one_late_update_that_says_so() -> None:
    found = updates_due(OPENED, at(15), QUARTER, at(62))
    assert found == UpdateDue(at=at(60), missed=2, first_missed_at=at(30))
    assert found is not None
    assert found.text(timedelta()) == "Late: 2 updates missed, the first was due at 12:30:00 UTC."
    # The wall clock was set back by five hours since the opening: people look at that one.
    assert "was due at 07:30:00 UTC." in found.text(timedelta(hours=-5))
    one = updates_due(OPENED, at(15), QUARTER, at(45))
    assert one is not None
    assert one.text(timedelta()) == "Late: 1 update missed, the first was due at 12:30:00 UTC."
    on_time = updates_due(OPENED, at(15), QUARTER, at(30))
    assert on_time is not None
    assert on_time.text(timedelta()) == ""


def test_on_change_only_means_that_the_clock_sends_nothing() -> None:
    assert updates_due(OPENED, None, None, at(600)) is None


def test_a_spacing_that_changes_keeps_the_grid_s_beginning() -> None:
    assert updates_due(OPENED, at(45), timedelta(hours=1), at(59)) is None
    assert updates_due(OPENED, at(45), timedelta(hours=1), at(60)) == UpdateDue(at=at(60), missed=0)


@given(st.lists(st.integers(1, 4000), max_size=40))
def test_every_slot_is_sent_or_told_as_missed_exactly_once(pauses: list[int]) -> None:
    now, last_sent, told = OPENED, None, 0
    for seconds in pauses:
        now += timedelta(seconds=seconds)
        due = updates_due(OPENED, last_sent, QUARTER, now)
        if due is not None:
            last_sent, told = now, told + 1 + due.missed
    assert told == (now - OPENED) // QUARTER


@pytest.mark.parametrize(
    ("unproven_since", "asked_at", "now", "due"),
    [(None, None, 500, False), (0, None, 119.9, False), (0, None, 120, True), (0, 120, 240, False)],
)
def test_the_incident_commander_is_asked_once_when_proof_was_wanting_for_two_hours(
    unproven_since: float | None, asked_at: float | None, now: float, due: bool
) -> None:
    since = None if unproven_since is None else at(unproven_since)
    asked = None if asked_at is None else at(asked_at)
    assert evidence_wait_due(since, asked, timedelta(hours=2), at(now)) is due


def test_once_asked_updates_drop_to_hourly_and_never_become_more_frequent() -> None:
    assert slowed(QUARTER, None) == QUARTER
    assert slowed(QUARTER, at(120)) == timedelta(hours=1)
    assert slowed(timedelta(hours=4), at(120)) == timedelta(hours=4)
    assert slowed(None, at(120)) is None


@pytest.mark.parametrize(
    ("before", "recovered", "held_for", "since"),
    [
        (None, True, 0, None),
        (None, None, 0, 60),  # it becomes wanting now
        (0, None, 0, 0),  # and is counted from then
        (0, None, 20, 0),
        (0, False, 0, None),  # what is broken is waited for, not its proof
        (0, True, 1.99, 0),  # an answer now and then is no proof
        (0, True, 2, None),
    ],
)
def test_proof_is_wanting_until_a_condition_breaks_or_all_have_held_for_two_minutes(
    before: float | None, recovered: bool | None, held_for: float, since: float | None
) -> None:
    found = unproven_since(None if before is None else at(before), recovered, timedelta(minutes=held_for), at(60))
    assert found == (None if since is None else at(since))
