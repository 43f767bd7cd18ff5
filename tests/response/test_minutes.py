"""A minute's median latency is told when the last result of that minute is here, and each minute once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.config import Service
from monitor.response.service_watch import watch_of
from monitor.response.watch import CheckWatch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def watched(interval: float) -> CheckWatch:
    live = Check(
        service="shop", name="live", question=HttpQuestion(url="http://shop.test/"), interval=interval, timeout=4.0
    )
    return watch_of(Service(name="shop", checks=(live,)), NOON).checks["live"]


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(watch: CheckWatch, seconds: float, latency: float | None) -> list[tuple[datetime, float]]:
    """What is told with the result of that slot, that many seconds after noon; it failed where *latency* is None."""
    attempt = Attempt(started_at=after(seconds), outcome=Outcome.OK, latency=latency)
    if latency is None:
        attempt = Attempt(started_at=after(seconds), outcome=Outcome.FAILED, reason=Reason.STATUS, detail="503")
    watch.observe(CheckResult(service="shop", check="live", scheduled_at=after(seconds), attempts=(attempt,)))
    return watch.latencies.complete_with(after(seconds), watch.check.interval)


@pytest.mark.parametrize("interval", [60.0, 300.0])
def test_where_a_minute_has_one_probe_its_result_is_the_minutes(interval: float) -> None:
    watch = watched(interval)

    assert told(watch, 7, 0.12) == [(NOON, 0.12)]
    assert told(watch, 7 + interval, 0.14) == [(after(interval), 0.14)]


def test_of_three_probes_the_third_completes_the_minute() -> None:
    watch = watched(20)

    assert [told(watch, *result) for result in [(5, 0.3), (25, 0.1)]] == [[], []]
    assert told(watch, 45, 0.2) == [(NOON, 0.2)]


@pytest.mark.parametrize(("second", "is_last"), [(40.0, True), (39.9995, True), (39.99, False)])
def test_a_slot_that_was_rounded_down_is_the_last_one_still(second: float, is_last: bool) -> None:
    """Slots are floats: a grid that begins on the minute may say 39.999999."""
    assert bool(told(watched(20), second, 0.1)) is is_last


def test_a_failure_completes_a_minute_and_has_no_part_in_its_median() -> None:
    watch = watched(30)
    told(watch, 5, 0.1)

    assert told(watch, 35, None) == [(NOON, 0.1)]


def test_a_minute_whose_last_result_did_not_come_is_told_with_the_next_one() -> None:
    watch = watched(20)
    told(watch, 5, 0.1)
    told(watch, 25, 0.3)

    assert told(watch, 65, 0.5) == [(NOON, 0.2)]


def test_a_minute_after_which_nothing_came_is_told_when_it_must_be_over() -> None:
    watch = watched(20)
    told(watch, 5, 0.1)

    assert watch.latencies.complete_until(NOON + MINUTE) == [(NOON, 0.1)]
    assert watch.latencies.complete_until(NOON + MINUTE) == []


def test_what_comes_after_a_minute_was_told_is_in_its_row_and_not_told_again() -> None:
    watch = watched(60)
    told(watch, 7, 0.1)

    assert told(watch, 8, 0.3) == []
    assert watch.latencies.complete_until(NOON + MINUTE) == []
    assert watch.latencies.take(NOON) == pytest.approx(0.2)
