"""Slices of time that Prometheus counts, through quiet nights, outages of Prometheus and restarts of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from monitor.config import Slo
from monitor.core.budget import BudgetState
from monitor.core.counting import Slices
from monitor.core.indicator import HOUR, MINUTE, Increment, Indicator, Span, slices_of
from monitor.core.period import Rolling
from monitor.core.sli import Tally
from monitor.response.measured_slices import MeasuredSlices, measured_of
from monitor.response.objectives import ObjectiveReading, ObjectiveWatch
from monitor.response.service_watch import ServiceWatch

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)
FIVE = Slices(5 * MINUTE, 0.95)
A_MONTH_OF_FIVE = MONTH // (5 * MINUTE)

Counted = Callable[[datetime], tuple[float, float]]
"""Good and bad requests of the slice that ends then."""


def indicator(slices: Slices = FIVE) -> Indicator:
    return Indicator(service="shop", total="t", bad="b", window=slices.length, slices=slices)


def usual(_: datetime) -> tuple[float, float]:
    return 99.5, 0.5


class Source:
    """A Prometheus that has *counted* since *begin*."""

    def __init__(self, begin: datetime, counted: Counted = usual) -> None:
        self.begin, self.counted = begin, counted
        self.away = False
        self.silent: set[datetime] = set()

    def serve(self, measured: MeasuredSlices, now: datetime) -> None:
        while (span := measured.next(now)) is not None:
            if self.away:
                measured.lack(span, "connection refused", False, now)
            else:
                measured.take(span, self.of(measured, span), now)

    def of(self, measured: MeasuredSlices, span: Span) -> list[Increment]:
        inside = slices_of(span, measured.slices)
        if inside is None:
            return []
        ends = [inside.first + n * inside.step for n in range((inside.last - inside.first) // inside.step + 1)]
        return [
            Increment(at, *self.counted(at)) for at in ends if at - inside.step >= self.begin and at not in self.silent
        ]


def measured_by(slices: Slices = FIVE) -> MeasuredSlices:
    made = measured_of(indicator(slices), MONTH)
    assert isinstance(made, MeasuredSlices)
    return made


def reading_of(measured: MeasuredSlices, now: datetime, objective: float = 0.99) -> ObjectiveReading:
    slo = Slo(name="r", sli="ratio", objective=objective, slices=measured.slices, indicator=measured.indicator)
    return ObjectiveWatch("shop", slo, Rolling(MONTH), ServiceWatch("shop", 0.999, {}), measured).read(now)


def half_past(minute: int) -> datetime:
    return NOON + minute * MINUTE + timedelta(seconds=30)


def test_the_first_look_has_the_slices_of_the_whole_month() -> None:
    measured = measured_by()

    Source(NOON - 2 * MONTH, lambda at: (90, 10) if at.minute == 0 else (99, 1)).serve(measured, half_past(0))
    seen = reading_of(measured, half_past(0))

    assert (seen.tally.good, seen.tally.bad) == (11 * 720, 720), "the slice before each whole hour is bad"
    assert seen.budget.allowed == pytest.approx(0.01 * A_MONTH_OF_FIVE)
    assert seen.budget.spent == pytest.approx(1 / 12 / 0.01)
    assert (seen.since, seen.trouble, seen.tally.missing) == (None, "", 0)


@pytest.mark.parametrize(
    ("good", "bad", "tally"),
    [
        (95.0, 5.0, Tally(good=1)),
        (94.999, 5.001, Tally(bad=1)),
        (0.95, 0.05, Tally(good=1)),
        (0.0, 0.001, Tally(bad=1)),
        (0.0, 0.0, Tally()),
    ],
    ids=["as much as the target", "a little less", "less than one request", "nothing but an error", "no requests"],
)
def test_a_slice_is_good_from_its_target_on_however_few_its_requests(good: float, bad: float, tally: Tally) -> None:
    measured = measured_by()

    Source(NOON - 5 * MINUTE, lambda _: (good, bad)).serve(measured, half_past(0))

    assert measured.window.tally(half_past(0), HOUR) == tally


def test_one_minute_of_outage_spoils_the_slice_that_it_lies_in_and_no_other() -> None:
    measured = measured_by()

    Source(NOON - HOUR, lambda at: (80, 20) if at == NOON - 20 * MINUTE else (100, 0)).serve(measured, half_past(0))

    assert measured.window.tally(half_past(0), HOUR) == Tally(good=11, bad=1)


def test_a_slice_is_counted_once_it_is_over_and_its_samples_are_there() -> None:
    measured, source = measured_by(), Source(NOON - HOUR)
    source.serve(measured, half_past(0))

    source.serve(measured, NOON + 5 * MINUTE + timedelta(seconds=29))
    assert measured.window.tally(half_past(5), 2 * HOUR).total == 12
    source.serve(measured, half_past(5))
    assert measured.window.tally(half_past(5), 2 * HOUR).total == 13


def test_a_quiet_night_is_neither_good_nor_bad_nor_missing() -> None:
    measured = measured_by()
    asleep = Source(NOON - 2 * MONTH, lambda at: (0, 0) if at.hour < 8 else (100, 0))

    asleep.serve(measured, half_past(0))
    seen = reading_of(measured, half_past(0))

    assert seen.tally.total == pytest.approx(A_MONTH_OF_FIVE * 2 / 3, abs=12)
    assert (seen.tally.missing, seen.trouble) == (0, "")
    assert seen.budget.allowed == pytest.approx(0.01 * A_MONTH_OF_FIVE), "of the nights too: it is a share of the time"
    assert seen.budget.state is BudgetState.WITHIN


def test_slices_that_were_not_read_are_missing_and_read_later() -> None:
    measured, source = measured_by(), Source(NOON - 2 * MONTH)
    source.serve(measured, half_past(0))

    source.away = True
    for minute in range(1, 61):
        source.serve(measured, half_past(minute))
    seen = reading_of(measured, half_past(60))
    assert seen.tally.missing == 11, "the twelfth has just ended"
    assert seen.trouble == "no data since 2026-03-01 12:00 UTC: connection refused"

    source.away = False
    source.serve(measured, half_past(62))
    assert (reading_of(measured, half_past(62)).tally.missing, measured.problem) == (0, "")
    assert measured.window.tally(half_past(62), HOUR).total == 12


def test_slices_without_any_series_are_missing() -> None:
    measured, source = measured_by(), Source(NOON - HOUR)
    source.silent = {NOON - 10 * MINUTE, NOON - 30 * MINUTE}

    source.serve(measured, half_past(0))

    seen = reading_of(measured, half_past(2))
    assert (seen.tally.good, seen.tally.bad, seen.tally.missing) == (10, 0, 2)


def test_an_hour_long_slice_is_no_silence_while_it_lasts() -> None:
    hourly = Slices(HOUR, 0.95)
    measured, source = measured_by(hourly), Source(NOON - 2 * MONTH)
    source.serve(measured, half_past(0))

    for minute in range(1, 60):
        source.serve(measured, half_past(minute))
    assert reading_of(measured, half_past(59)).trouble == ""

    source.silent = {NOON + HOUR}
    for minute in range(60, 72):
        source.serve(measured, half_past(minute))
    assert reading_of(measured, half_past(69)).trouble == ""
    assert reading_of(measured, half_past(71)).trouble.startswith("no data since 2026-03-01 12:00 UTC: ")


@pytest.mark.parametrize("length", [1, 5, 60])
@pytest.mark.parametrize("lost", [0, 1, 4], ids=lambda lost: f"{lost} minutes lost")
@pytest.mark.parametrize("died_at", [58, 60, 61, 63])
def test_a_restart_counts_no_slice_twice_and_forgets_none(length: int, lost: int, died_at: int) -> None:
    slices = Slices(length * MINUTE, 0.95)
    measured, source = measured_by(slices), Source(NOON - 2 * MONTH)
    for minute in range(died_at + 1):
        source.serve(measured, half_past(minute))
    kept = NOON + (died_at - lost) * MINUTE
    again = measured_by(slices)
    for before, after in ((measured.window, again.window), (measured.read.window, again.read.window)):
        after.restore_hours(before.hours_before(NOON))
        after.restore_minutes(before.minutes_before(kept))
        after.count_hours(NOON - 5 * HOUR, kept)
    again.restore(json.loads(json.dumps(measured.state())))

    source.serve(again, half_past(120))

    assert again.window.tally(half_past(120), 2 * HOUR).good == 120 // length
    assert again.window.tally(half_past(120), 24 * HOUR).good == 24 * 60 // length
    assert reading_of(again, half_past(120)).tally.missing == 0


def test_only_the_ends_of_slices_are_asked_for() -> None:
    hours = Span(NOON - 3 * HOUR, NOON, HOUR)

    assert slices_of(hours, FIVE) == Span(NOON - 4 * HOUR + 5 * MINUTE, NOON, 5 * MINUTE)
    assert slices_of(hours, Slices(HOUR)) == hours
    assert slices_of(Span(NOON, NOON, MINUTE), FIVE) == Span(NOON, NOON, 5 * MINUTE)
    assert slices_of(Span(NOON + MINUTE, NOON + 4 * MINUTE, MINUTE), FIVE) is None
    assert slices_of(Span(NOON + MINUTE, NOON + 11 * MINUTE, MINUTE), FIVE) == Span(
        NOON + 5 * MINUTE, NOON + 10 * MINUTE, 5 * MINUTE
    )


def test_what_is_counted_in_slices_has_a_name_of_its_own() -> None:
    plain = Indicator(service="shop", total="t", bad="b")
    names = {one.id for one in (plain, indicator(), indicator(Slices(5 * MINUTE)), indicator(Slices(MINUTE, 0.95)))}

    assert len(names) == 4
    assert plain.id == "shop:prometheus=e862ce6a82fa6e57", "what earlier versions kept is found again"
