"""When backups are told, on both sides of each edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.escalation import backups_due
from monitor.core.severity import Severity

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WITHIN = timedelta(minutes=5)


def due(
    severity: Severity = Severity.SEV3,
    after: timedelta = WITHIN,
    *,
    anybody_told: bool = True,
    acknowledged: bool = False,
    escalated: timedelta | None = None,
    ack_within: timedelta = WITHIN,
) -> str:
    return backups_due(
        severity,
        anybody_told=anybody_told,
        acknowledged=acknowledged,
        called_at=T0,
        escalated_at=None if escalated is None else T0 + escalated,
        ack_within=ack_within,
        now=T0 + after,
    )


def test_backups_are_told_once_ack_within_has_passed_and_not_a_second_before() -> None:
    assert due(after=WITHIN - SECOND) == ""
    assert due(after=WITHIN) == "nobody acknowledged it within 5m0s"


@pytest.mark.parametrize("severity", [Severity.SEV1, Severity.SEV2])
def test_of_what_wakes_people_both_are_told_at_once(severity: Severity) -> None:
    assert due(severity, timedelta(0)) == f"{severity}: primary and backup are told at once"


@pytest.mark.parametrize("severity", [Severity.SEV3, Severity.SEV4])
def test_of_the_others_nobody_is_told_at_once_unless_there_is_no_time_to_acknowledge(severity: Severity) -> None:
    assert due(severity, timedelta(0)) == ""
    assert due(severity, timedelta(0), ack_within=timedelta(0)) == "nobody acknowledged it within 0s"


@pytest.mark.parametrize("severity", list(Severity))
def test_an_acknowledgement_ends_it(severity: Severity) -> None:
    assert due(severity, 10 * WITHIN, acknowledged=True) == ""


@pytest.mark.parametrize("severity", list(Severity))
def test_of_what_nobody_was_told_nobodys_backup_is(severity: Severity) -> None:
    assert due(severity, 10 * WITHIN, anybody_told=False) == ""


def test_they_are_told_once_for_each_time_that_it_opens() -> None:
    assert due(after=2 * WITHIN, escalated=timedelta(0)) == ""
    assert due(after=2 * WITHIN, escalated=WITHIN) == ""
    assert due(after=WITHIN, escalated=-SECOND) != "", "that was before it was reopened"
