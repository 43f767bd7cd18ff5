"""An objective that Prometheus counts, through outages of Prometheus and restarts of ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from monitor.config import Slo
from monitor.core.budget import BudgetState
from monitor.core.indicator import HOUR, MINUTE, Increment, Indicator, Span
from monitor.core.period import Rolling
from monitor.core.sli import Tally
from monitor.response.measured import Measured
from monitor.response.objectives import ObjectiveReading, ObjectiveWatch
from monitor.response.service_watch import ServiceWatch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)
RATIO = Indicator(service="shop", total="t", bad="b")


class Source:
    """A Prometheus that has *rate* requests a minute since *begin*, of which *bad* are bad."""

    def __init__(self, begin: datetime, rate: float = 1000.0, bad: float = 1.0) -> None:
        self.begin, self.rate, self.bad = begin, rate, bad
        self.away = ""
        self.refused = False

    def serve(self, measured: Measured, now: datetime) -> None:
        while (span := measured.next(now)) is not None:
            if self.away:
                measured.lack(span, self.away, self.refused, now)
            else:
                measured.take(span, self.of(span), now)

    def of(self, span: Span) -> list[Increment]:
        instants = [span.first + n * span.step for n in range((span.last - span.first) // span.step + 1)]
        share = span.step / MINUTE
        return [
            Increment(at, (self.rate - self.bad) * share, self.bad * share)
            for at in instants
            if at - span.step >= self.begin
        ]


def reading_of(measured: Measured, now: datetime, objective: float = 0.998) -> ObjectiveReading:
    slo = Slo(name="ratio", sli="ratio", objective=objective, indicator=measured.indicator)
    watch = ObjectiveWatch("shop", slo, Rolling(MONTH), ServiceWatch("shop", 0.999, {}), measured)
    return watch.read(now)


def half_past(minute: int) -> datetime:
    return NOON + minute * MINUTE + timedelta(seconds=30)


def test_the_first_look_has_the_budget_of_the_whole_month() -> None:
    measured = Measured(RATIO, MONTH)

    Source(NOON - 2 * MONTH).serve(measured, half_past(0))
    seen = reading_of(measured, half_past(0))

    assert (seen.tally.good, seen.tally.bad) == (MONTH // MINUTE * 999, MONTH // MINUTE)
    assert seen.budget.allowed == pytest.approx(0.002 * 1000 * MONTH / MINUTE)
    assert seen.budget.spent == pytest.approx(0.5)
    assert seen.burns == pytest.approx(dict.fromkeys(("5m", "30m", "1h", "2h", "6h", "1d", "3d"), 0.5))
    assert (seen.since, seen.trouble, seen.tally.missing) == (None, "", 0)


def test_a_prometheus_that_is_two_days_old_says_since_when_and_its_budget_is_that_of_a_month() -> None:
    measured = Measured(RATIO, MONTH)

    Source(NOON - timedelta(days=2)).serve(measured, half_past(0))
    seen = reading_of(measured, half_past(0))

    assert seen.since == NOON - timedelta(days=2)
    assert seen.tally.bad == 2 * 1440
    assert seen.budget.allowed == pytest.approx(0.002 * 1000 * 30 * 1440)
    assert seen.tally.missing == 0, "what was before it began is not missing"


def test_away_it_is_missing_and_back_again_it_is_caught_up_with() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 2 * MONTH)
    source.serve(measured, half_past(0))
    before = reading_of(measured, half_past(0)).tally

    source.away = "connection refused"
    for minute in range(1, 61):
        source.serve(measured, half_past(minute))
    seen = reading_of(measured, half_past(60))
    assert seen.trouble == "no data since 2026-03-01 12:00 UTC: connection refused"
    assert seen.burns["5m"] is None
    assert seen.burns["2h"] == pytest.approx(0.5)
    assert (seen.tally.good, seen.tally.bad) == (before.good - 999 * 60, before.bad - 60), "an hour left the window"
    # Of a minute that ended within the last two it cannot be said.
    assert seen.tally.missing == pytest.approx(58 * 1000, abs=1000)

    source.away = ""
    source.serve(measured, half_past(62))
    seen = reading_of(measured, half_past(62))
    assert seen.trouble == ""
    assert seen.tally.missing == 0
    assert seen.tally.bad == before.bad - 60 + 62


def test_what_is_missing_is_neither_good_nor_bad_and_may_leave_the_budget_unproven() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 2 * MONTH, bad=1.9)
    source.serve(measured, half_past(0))
    assert reading_of(measured, half_past(0)).budget.state is BudgetState.WITHIN

    source.away = "connection refused"
    source.serve(measured, half_past(10))

    assert reading_of(measured, half_past(10)).budget.state is BudgetState.UNPROVEN


def test_a_query_that_is_refused_is_told_and_its_past_does_not_hide_it() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 2 * MONTH)
    source.away, source.refused = "0.25 s is no boundary", True

    source.serve(measured, half_past(0))

    seen = reading_of(measured, half_past(0))
    assert seen.trouble == "no data yet: 0.25 s is no boundary"
    assert seen.budget.state is BudgetState.NO_DATA
    assert measured.next(half_past(0)) is None, "asking again brings no other answer"
    assert measured.next(half_past(1)) is not None


def test_answers_without_a_series_are_told_too() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON + MONTH)

    source.serve(measured, half_past(0))

    seen = reading_of(measured, half_past(0))
    assert seen.trouble == "no data yet: Prometheus has no series, or too few samples, for its queries"
    assert seen.budget.state is BudgetState.NO_DATA


def test_a_minute_without_requests_is_read_and_nothing_is_missing() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - HOUR, rate=0, bad=0)

    source.serve(measured, half_past(0))

    seen = reading_of(measured, half_past(0))
    assert (seen.tally, seen.trouble) == (Tally(), "")


def test_one_error_an_hour_of_a_rare_service_is_not_rounded_away() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 3 * timedelta(days=1), rate=0.2, bad=1 / 60)

    source.serve(measured, half_past(0))

    tally = reading_of(measured, half_past(0)).tally
    assert (tally.bad, tally.total) == (72, 864)


def test_a_million_requests_a_minute_are_counted() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 2 * MONTH, rate=1e6, bad=900.0)

    source.serve(measured, half_past(0))

    assert reading_of(measured, half_past(0)).tally.total == MONTH // MINUTE * 10**6
    assert reading_of(measured, half_past(0)).leak is None, "within its budget, however much is proven"
    assert reading_of(measured, half_past(0), objective=0.9996).leak is not None, "2.25 times too fast, and proven"


def restarted(measured: Measured, minutes_until: datetime) -> Measured:
    """As ledger and history give it back after a crash, with minutes up to then."""
    again = Measured(measured.indicator, measured.reach)
    for before, after in ((measured.window, again.window), (measured.read.window, again.read.window)):
        after.restore_hours(before.hours_before(NOON))
        after.restore_minutes(before.minutes_before(minutes_until))
        after.count_hours(NOON - 5 * HOUR, minutes_until)
    again.restore(json.loads(json.dumps(measured.state())))
    return again


@pytest.mark.parametrize("lost", [0, 1, 4])
def test_a_restart_counts_nothing_twice_and_forgets_no_minute(lost: int) -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 2 * MONTH)
    source.serve(measured, half_past(20))
    again = restarted(measured, NOON + (20 - lost) * MINUTE)

    source.serve(again, half_past(40))

    assert again.window.tally(half_past(40), HOUR).bad == 60
    assert again.window.tally(half_past(40), 6 * HOUR).bad == 5 * 60 + 40, "the minutes begin at seven"
    assert again.window.tally(half_past(40), 24 * HOUR).bad == 24 * 60 + 40


def test_an_answer_that_was_meant_for_another_count_is_not_taken() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 2 * MONTH)
    asked = measured.next(half_past(0))
    assert asked is not None
    other = Span(NOON, NOON, MINUTE)

    measured.take(other, source.of(other), half_past(0))
    measured.lack(other, "connection refused", False, half_past(0))

    assert (measured.asked, measured.last, measured.problem) == (asked, None, "")


def test_back_after_two_days_the_time_between_is_read() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 2 * MONTH)
    source.serve(measured, half_past(0))
    later = NOON + timedelta(days=2)
    again = Measured(RATIO, MONTH)
    again.window.restore_hours(measured.window.hours_before(NOON + HOUR))
    again.read.window.restore_hours(measured.read.window.hours_before(NOON + HOUR))
    again.restore(measured.state() or {})

    source.serve(again, later + timedelta(seconds=30))

    assert again.window.tally(later, 3 * timedelta(days=1)).bad == 3 * 1440


def test_counts_whose_state_was_lost_are_not_counted_again() -> None:
    measured, source = Measured(RATIO, MONTH), Source(NOON - 2 * MONTH)
    source.serve(measured, NOON + HOUR + timedelta(seconds=30))
    again = Measured(RATIO, MONTH)
    again.window.restore_hours(measured.window.hours_before(NOON + HOUR))
    again.read.window.restore_hours(measured.read.window.hours_before(NOON + HOUR))

    source.serve(again, NOON + 2 * HOUR + timedelta(seconds=30))

    assert again.window.tally(NOON + 2 * HOUR, timedelta(days=2)).bad == 2 * 1440


def test_minutes_of_maintenance_are_read_and_not_counted_and_the_budget_is_of_what_is_left() -> None:
    """From 12:10 to 12:20; the minutes up to 12:25 are means of five, and hold some of it."""
    source, measured, other = Source(NOON - 10 * HOUR), Measured(RATIO, HOUR), Measured(RATIO, HOUR)
    source.serve(measured, half_past(0))
    source.serve(other, half_past(0))
    source.bad = 400.0

    def is_left_out(at: datetime) -> bool:
        return NOON + 10 * MINUTE <= at < NOON + 20 * MINUTE

    for minute in range(10, 40):
        span = measured.next(half_past(minute))
        assert span is not None
        measured.take(span, source.of(span), half_past(minute), is_left_out)
        source.bad = 400.0 if 10 <= minute < 20 else 1.0

    half_hour = timedelta(minutes=30)
    tally = measured.tally(half_past(39), half_hour)
    assert measured.read.window.tally(half_past(39), half_hour).good == 30
    assert (tally.good, tally.bad) == (14_985, 15)  # of 30 minutes, without those that end from 12:10 to 12:24
    assert tally.missing == 0
