"""A check that tells by itself, watched beside one that is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from checks.check import Check, HttpQuestion
from checks.push import Question
from checks.result import Attempt, CheckResult, Confirmation, Outcome, Reason
from monitor.config import Service
from monitor.response.service_watch import watch_of

T0 = datetime(2026, 11, 24, 3, 15, tzinfo=UTC)
BACKUP = Check(service="shop", name="backup", question=Question(every=60, grace=60), timeout=0.0)
LIVE = Check(service="shop", name="live", question=HttpQuestion(url="http://localhost/"))


def told(minutes: float, outcome: Outcome = Outcome.OK, extra: bool = False) -> CheckResult:
    at = T0 + timedelta(minutes=minutes)
    attempt = Attempt(
        started_at=at, outcome=outcome, reason=Reason.TIMEOUT if outcome is Outcome.FAILED else None, detail="silent"
    )
    return CheckResult(service="shop", check="backup", scheduled_at=at, attempts=(attempt,), extra=extra, certain=True)


def test_what_a_job_tells_does_not_hide_that_nothing_can_be_asked_any_more() -> None:
    watch = watch_of(Service(name="shop", checks=(LIVE, BACKUP)), T0)
    watch.checks["backup"].observe(told(3))

    assert watch.gap(T0 + timedelta(minutes=3))
    assert watch.silent_since() == T0


def test_where_nothing_is_asked_what_is_told_is_what_is_heard() -> None:
    watch = watch_of(Service(name="shop", checks=(BACKUP,)), T0)
    watch.checks["backup"].observe(told(3))

    assert not watch.gap(T0 + timedelta(minutes=4))
    assert watch.gap(T0 + timedelta(minutes=6))
    assert watch.silent_since() == T0 + timedelta(minutes=3)


def test_a_deadline_that_passed_is_a_confirmed_failure_by_itself_and_counts_once_a_slot() -> None:
    watch = watch_of(Service(name="shop", checks=(BACKUP,)), T0).checks["backup"]
    missed = told(2, Outcome.FAILED, extra=True)

    watch.observe(missed)

    assert missed.confirmation is Confirmation.CONFIRMED
    assert replace(missed, certain=False).confirmation is Confirmation.UNASKED
    assert (watch.failing, watch.failing_since) == (True, missed.scheduled_at)
    assert watch.window.tally(T0 + timedelta(minutes=3), timedelta(minutes=3)).bad == 0
    watch.observe(told(2.25, Outcome.FAILED))
    assert watch.window.tally(T0 + timedelta(minutes=3), timedelta(minutes=3)).bad == 1
    assert watch.failing_since == missed.scheduled_at
    watch.observe(told(2.5, extra=True))
    assert not watch.failing
