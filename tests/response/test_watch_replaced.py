"""A check is configured anew while it is watched: what was counted stays, what is expected is right from then on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Confirmation, Outcome, Reason
from monitor.config import Service, Slo
from monitor.core.slots import slots_between
from monitor.response.service_watch import ServiceWatch, watch_of
from monitor.response.watch import MOST_STRETCHES, CheckWatch

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIVE = Check(service="shop", name="live", question=HttpQuestion(url="http://shop.test/live"), timeout=5.0)


def shop(*checks: Check, objective: float = 0.999) -> Service:
    return Service(name="shop", checks=checks, slos=(Slo(sli="success", objective=objective),))


def watched(*checks: Check) -> ServiceWatch:
    return watch_of(shop(*checks), T0)


def failure(at: datetime) -> CheckResult:
    attempt = Attempt(started_at=at, outcome=Outcome.FAILED, reason=Reason.STATUS, detail="503", span_id="ab" * 8)
    return CheckResult(service="shop", check="live", scheduled_at=at, attempts=(attempt, attempt), trace_id="cd" * 16)


def failing(watch: ServiceWatch) -> CheckWatch:
    check = watch.checks["live"]
    for n in range(3):
        check.observe(failure(T0 + n * timedelta(seconds=30)))
    assert check.failing
    assert failure(T0).confirmation is Confirmation.CONFIRMED
    return check


def test_a_check_that_is_not_touched_is_the_same_object_with_all_that_is_known() -> None:
    watch = watched(LIVE)
    check = failing(watch)
    s, before = check.s, check.check

    watch.replace(shop(replace(LIVE), replace(LIVE, name="new"), objective=0.99), T0 + MINUTE)

    assert watch.checks["live"] is check
    assert check.check is before
    assert (check.s, check.failing, check.began_at) == (s, True, T0)
    assert (watch.objective, check.cusum.p0) == (0.99, watch.checks["new"].cusum.p0)
    assert watch.checks["new"].began_at == T0 + MINUTE


def test_another_target_begins_its_evidence_anew_and_keeps_the_budget() -> None:
    watch = watched(LIVE)
    check = failing(watch)
    other = replace(LIVE, question=HttpQuestion(url="http://shop.test/other"))

    watch.replace(shop(other), T0 + MINUTE)

    assert (check.s, check.trouble, check.last_two, check.alarmed) == (0.0, None, (False, False), False)
    assert check.check is other
    assert check.window.tally(T0 + MINUTE, timedelta(hours=1)).bad == 3
    assert check.failing, "whether the new target fails is known once it was asked"


def test_another_interval_counts_each_time_by_the_interval_of_that_time() -> None:
    watch = watched(LIVE)
    check = watch.checks["live"]
    change, end = T0 + 10 * MINUTE, T0 + 20 * MINUTE
    watch.replace(shop(replace(LIVE, interval=10.0)), change)

    assert check.expected(T0, end) == slots_between(LIVE.id, 30.0, T0, change) + slots_between(
        LIVE.id, 10.0, change, end
    )
    assert check.expected(T0, end) == 20 + 60
    assert check.expected(T0 + 5 * MINUTE, T0 + 15 * MINUTE) == 10 + 30
    assert check.expected(change, end) == 60
    assert check.expected(T0 - MINUTE, T0 + MINUTE) == 2, "nothing was expected before it was watched"


def test_a_shorter_interval_does_not_call_the_pause_of_the_longer_one_a_silence() -> None:
    slow = replace(LIVE, interval=3600.0)
    watch = watched(slow)
    watch.checks["live"].heard_at = T0
    change = T0 + 50 * MINUTE
    watch.replace(shop(LIVE), change)

    assert not watch.gap(change + timedelta(seconds=120))
    assert watch.gap(change + timedelta(seconds=121))
    assert watch.silent_since() == change


def test_a_hundred_changes_of_the_interval_are_not_remembered_for_ever() -> None:
    watch = watched(LIVE)
    for n in range(1, 101):
        watch.replace(shop(replace(LIVE, interval=30.0 + n)), T0 + n * MINUTE)

    assert len(watch.checks["live"].before) == MOST_STRETCHES


def test_a_check_that_left_is_forgotten_and_the_others_keep_their_order() -> None:
    first, second, third = (replace(LIVE, name=name) for name in ("a", "b", "c"))
    watch = watched(first, second)

    watch.replace(shop(third, second), T0 + MINUTE)

    assert list(watch.checks) == ["c", "b"]
