"""Counting results per window: edges, order, memory, and agreement with counting them all again."""

from __future__ import annotations

import random
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.result import Outcome
from monitor.core.sli import SliWindow, Tally, minute_of, window_start
from monitor.core.slots import slots_between

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OUTCOMES = st.sampled_from(list(Outcome))
WINDOWS = [timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=30)]


def filled(results: list[tuple[datetime, Outcome]]) -> SliWindow:
    window = SliWindow()
    for at, outcome in results:
        window.add(at, outcome)
    return window


def rescan(results: list[tuple[datetime, Outcome]], now: datetime, window: timedelta) -> Tally:
    inside = [outcome for at, outcome in results if window_start(now, window) < at <= now]
    return Tally(good=inside.count(Outcome.OK), bad=inside.count(Outcome.FAILED), unknown=inside.count(Outcome.UNKNOWN))


def test_a_tally_of_nothing_has_no_ratio_and_what_was_expected_is_missing() -> None:
    assert Tally().error_ratio is None
    assert Tally(expected=3, unknown=3).error_ratio is None
    assert Tally(expected=10, good=6, bad=2, unknown=1).missing == 1
    assert Tally(expected=10, good=6, bad=2, unknown=1).error_ratio == 0.25
    assert Tally(expected=1, good=2).missing == 0


def test_tallies_add_up() -> None:
    assert Tally(10, 6, 2, 1) + Tally(5, 5, 0, 0) == Tally(15, 11, 2, 1)


@pytest.mark.parametrize(
    ("at", "counted"),
    [
        (NOON, 1),  # now belongs to the window
        (NOON - timedelta(minutes=5) + timedelta(microseconds=1), 1),
        (NOON - timedelta(minutes=5), 0),  # its start does not
        (NOON - timedelta(minutes=5, seconds=59), 0),
        (NOON - timedelta(minutes=4, seconds=59), 1),
    ],
)
def test_on_a_whole_minute_a_window_is_exactly_half_open(at: datetime, counted: int) -> None:
    assert filled([(at, Outcome.OK)]).tally(NOON, timedelta(minutes=5)).good == counted


@pytest.mark.parametrize(
    ("now", "window", "start"),
    [
        (NOON, timedelta(minutes=5), NOON - timedelta(minutes=5)),
        (NOON + timedelta(seconds=59), timedelta(minutes=5), NOON - timedelta(minutes=5)),
        (NOON + timedelta(minutes=1), timedelta(minutes=5), NOON - timedelta(minutes=4)),
        (NOON + timedelta(minutes=30), timedelta(hours=6), NOON - timedelta(hours=5, minutes=30)),
        (NOON + timedelta(minutes=30), timedelta(hours=6, seconds=1), NOON - timedelta(hours=6)),
        (NOON + timedelta(minutes=30), timedelta(days=1), NOON - timedelta(days=1)),
    ],
)
def test_between_whole_minutes_a_window_begins_a_little_earlier_and_never_later(
    now: datetime, window: timedelta, start: datetime
) -> None:
    assert window_start(now, window) == start


@given(
    st.lists(st.tuples(st.integers(0, 3 * 86400), OUTCOMES), max_size=60),
    st.integers(0, 3600),
    st.sampled_from(WINDOWS),
)
def test_it_counts_what_a_rescan_of_all_results_counts(
    offsets: list[tuple[int, Outcome]], later: int, window: timedelta
) -> None:
    # Unsorted, over three days; asked up to an hour after the newest.
    results = [(NOON + timedelta(seconds=seconds), outcome) for seconds, outcome in offsets]
    now = max((at for at, _ in results), default=NOON) + timedelta(seconds=later)
    assert filled(results).tally(now, window) == rescan(results, now, window)


def test_after_weeks_of_results_it_still_counts_what_a_rescan_counts() -> None:
    rng = random.Random(7)
    span = 40 * 86400
    results = [
        (NOON + timedelta(seconds=seconds), rng.choices(list(Outcome), (98, 1, 1))[0])
        for seconds in range(0, span, 211)
    ]
    window, asked = SliWindow(), 0
    for index, (at, outcome) in enumerate(results):
        window.add(at, outcome)
        if index % 997 == 0:
            asked += 1
            for width in WINDOWS:
                assert window.tally(at, width) == rescan(results[: index + 1], at, width)
    assert asked > 10


def test_results_that_come_late_or_twice_as_late_are_counted_where_they_belong() -> None:
    window = filled([(NOON, Outcome.OK), (NOON - timedelta(minutes=40), Outcome.FAILED)])
    assert window.tally(NOON, timedelta(minutes=30)) == Tally(good=1)
    assert window.tally(NOON, timedelta(hours=1)) == Tally(good=1, bad=1)


@pytest.mark.parametrize("minutes", [1, 2, 59, 60, 61, 359, 360])
def test_a_late_result_just_before_the_first_one_is_not_taken_for_a_new_one(minutes: int) -> None:
    now = NOON + timedelta(seconds=30)
    late = now - timedelta(minutes=minutes)
    window = filled([(now, Outcome.OK), (late, Outcome.FAILED)])
    assert window.tally(now, timedelta(minutes=minutes)) == Tally(good=1, bad=1)  # the oldest minute counts whole
    assert window.tally(now, timedelta(minutes=minutes - 1)) == Tally(good=1)
    assert window.tally(now, timedelta(days=90)) == Tally(good=1, bad=1)


def test_a_result_older_than_any_window_is_forgotten_and_disturbs_nothing() -> None:
    window = filled([(NOON, Outcome.OK), (NOON - timedelta(days=91), Outcome.FAILED)])
    assert window.tally(NOON, timedelta(days=90)) == Tally(good=1)


def test_after_a_long_silence_old_results_have_left_every_window() -> None:
    window = filled([(NOON, Outcome.FAILED), (NOON + timedelta(days=400), Outcome.OK)])
    assert window.tally(NOON + timedelta(days=400), timedelta(days=90)) == Tally(good=1)
    assert window.tally(NOON + timedelta(days=401), timedelta(hours=1)) == Tally()


def test_what_the_timetable_expected_of_the_same_span_is_missing_when_it_is_not_there() -> None:
    check, interval, hour = "orders/live", 30.0, timedelta(hours=1)
    now = NOON + timedelta(seconds=17)
    expected = slots_between(check, interval, window_start(now, hour), now)
    assert expected in (120, 121)
    tally = filled([(NOON, Outcome.OK)]).tally(now, hour, expected)
    assert (tally.expected, tally.missing) == (expected, expected - 1)


def test_a_count_too_large_for_its_cell_stays_at_the_top() -> None:
    window = SliWindow()
    for _ in range(65_540):
        window.add(NOON, Outcome.OK)
    window.add(NOON, Outcome.FAILED)
    assert window.tally(NOON, timedelta(hours=1)) == Tally(good=65_535, bad=1)


def test_it_continues_from_what_was_kept_as_if_nothing_had_happened() -> None:
    results = [(NOON + timedelta(seconds=30 * i), Outcome.FAILED if i % 7 == 0 else Outcome.OK) for i in range(500)]
    whole, half = filled(results), filled(results[:240])
    later = NOON + timedelta(hours=2)
    resumed = SliWindow()
    resumed.restore_minutes(half.minutes_before(later))
    resumed.restore_hours(half.hours_before(later))
    for at, outcome in results[240:]:
        resumed.add(at, outcome)
    now = results[-1][0]
    assert [resumed.tally(now, width) for width in WINDOWS] == [whole.tally(now, width) for width in WINDOWS]


def test_what_was_kept_ends_at_the_very_instant_it_was_kept_for() -> None:
    window = filled([(NOON - timedelta(seconds=1), Outcome.OK), (NOON, Outcome.OK), (NOON + MINUTE, Outcome.FAILED)])
    again = SliWindow()
    again.restore_minutes(window.minutes_before(NOON))
    assert again.tally(NOON + MINUTE, timedelta(minutes=5)) == Tally(good=2)
    again.restore_minutes(window.minutes_before(NOON - MINUTE))
    assert again.tally(NOON + MINUTE, timedelta(minutes=5)) == Tally()
    again.restore_minutes(window.minutes_before(NOON + MINUTE))
    assert again.tally(NOON + MINUTE, timedelta(minutes=5)) == Tally(good=2, bad=1)


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"WKS1",
        b"WKS0" + bytes(4),
        b"WKS1" + bytes(4) + bytes(7),  # half a run
        b"WKS1" + bytes(4) + bytes(8),  # a run of nothing
        b"WKS1" + bytes(4) + b"\xff\xff" + bytes(6),  # longer than any window
    ],
)
def test_what_was_not_kept_by_us_is_refused_and_changes_nothing(kept: bytes) -> None:
    window = filled([(NOON, Outcome.OK)])
    with pytest.raises(ValueError, match="not the counts of a check's past"):
        window.restore_hours(kept)
    with pytest.raises(ValueError, match="not the counts of a check's past"):
        window.restore_minutes(kept)
    assert window.tally(NOON, timedelta(hours=1)) == window.tally(NOON, timedelta(days=1)) == Tally(good=1)


def test_hours_learn_from_minutes_what_they_have_not_counted_and_keep_what_they_have_more_of() -> None:
    window = SliWindow()
    window.put_hour(NOON, (100, 0, 2))
    window.put_minute(NOON, (60, 1, 0))
    window.put_minute(NOON + timedelta(minutes=59), (30, 0, 0))
    window.put_minute(NOON + timedelta(minutes=60), (6, 0, 0))
    window.count_hours(NOON, NOON + timedelta(hours=1, minutes=5))
    later = NOON + timedelta(hours=1, minutes=5)
    assert window.tally(later, timedelta(days=1)) == Tally(good=106, bad=1, unknown=2)
    window.count_hours(NOON, later)  # a second time it is known
    assert window.tally(later, timedelta(days=1)) == Tally(good=106, bad=1, unknown=2)


def test_a_thousand_checks_cost_less_than_three_kilobytes_each_in_their_first_hour() -> None:
    checks = 1000
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    windows = [SliWindow() for _ in range(checks)]
    for window in windows:
        for slot in range(120):
            window.add(NOON + timedelta(seconds=30 * slot), Outcome.OK)
    each = (tracemalloc.get_traced_memory()[0] - before) / checks
    tracemalloc.stop()
    assert each < 3 * 1024, f"{each:.0f} bytes each"


def test_ninety_days_of_a_check_that_is_well_cost_less_than_two_kilobytes() -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    window = SliWindow()
    for hour in range(90 * 24):
        window.put_hour(NOON + timedelta(hours=hour), (120, 0, 0))
    for minute in range(89 * 24 * 60, 90 * 24 * 60):
        window.put_minute(NOON + timedelta(minutes=minute), (2, 0, 0))
    each = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert each < 2 * 1024, f"{each:.0f} bytes each"


def test_ninety_days_of_a_check_that_is_never_twice_the_same_do_not_grow_without_end() -> None:
    window = SliWindow()
    for hour in range(200 * 24):
        window.put_hour(NOON + timedelta(hours=hour), (hour % 7, hour % 5, hour % 3))
    now = NOON + timedelta(hours=200 * 24)
    assert len(window.hours_before(now)) <= 8 + 8 * (90 * 24 + 1)
    span = range(110 * 24, 200 * 24)
    assert window.tally(now, timedelta(days=90)) == Tally(
        good=sum(h % 7 for h in span), bad=sum(h % 5 for h in span), unknown=sum(h % 3 for h in span)
    )


def test_an_old_error_leaves_the_window_in_the_very_hour_in_which_it_must() -> None:
    window = filled([(NOON + timedelta(hours=hour), Outcome.OK) for hour in range(30 * 24)])
    window.add(NOON + timedelta(minutes=30), Outcome.FAILED)  # late by a month, into the middle of a packed run
    # It failed in the hour after noon: in the window as long as that hour is, which is until the start passes its end.
    assert window.tally(NOON + timedelta(days=30, minutes=59), timedelta(days=30)).bad == 1
    assert window.tally(NOON + timedelta(days=30, minutes=60), timedelta(days=30)).bad == 0


def test_a_wide_window_counts_millions_and_a_narrow_one_takes_no_past_of_it() -> None:
    wide, narrow = SliWindow(wide=True), SliWindow()
    wide.put_hour(NOON, (2**31, 70_000, 0))
    assert wide.hour(NOON) == (2**31, 70_000, 0)

    kept = wide.hours_before(NOON + timedelta(hours=1))
    again = SliWindow(wide=True)
    again.restore_hours(kept)

    assert again.hour(NOON) == (2**31, 70_000, 0)
    with pytest.raises(ValueError, match="not the counts"):
        narrow.restore_hours(kept)
    with pytest.raises(ValueError, match="not the counts"):
        again.restore_hours(narrow.hours_before(NOON))


@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(1, 3), OUTCOMES), max_size=120),
    st.integers(0, 120),
    st.integers(1, 200),
    st.sampled_from([1, 400]),
)
def test_many_minutes_at_once_are_counted_as_their_results_one_by_one(
    before: list[tuple[int, int, Outcome]], gap: int, length: int, apart: int
) -> None:
    one, many, at = SliWindow(), SliWindow(), NOON
    for minutes, count, outcome in before:
        at += minutes * MINUTE
        for window in (one, many):
            window.add_many(at, outcome, count)
    at += gap * MINUTE
    counts = {minute_of(at + minute * apart * MINUTE): minute % 3 + 1 for minute in range(length) if minute % 7}

    for minute in range(length):
        for _ in range(minute % 3 + 1 if minute % 7 else 0):
            one.add(at + minute * apart * MINUTE, Outcome.OK)
    many.add_minutes(counts, Outcome.OK)

    now = at + length * apart * MINUTE
    assert [many.tally(now, width) for width in WINDOWS] == [one.tally(now, width) for width in WINDOWS]
    assert many.hours_before(now) == one.hours_before(now)


@pytest.mark.parametrize("window", [timedelta(minutes=5), timedelta(hours=6), timedelta(hours=7), timedelta(days=30)])
def test_many_windows_are_tallied_together_as_one_by_one(window: timedelta) -> None:
    chance, now = random.Random(3), datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
    several = [SliWindow() for _ in range(5)]
    for _ in range(500):
        ago = timedelta(seconds=chance.randrange(40 * 86_400) * chance.random() ** 4)
        chance.choice(several).add(now - ago, chance.choice(list(Outcome)))

    wanted = Tally(0, 0, 0, 0)
    for one in several:
        wanted += one.tally(now, window)
    assert SliWindow.tally_of_all(several, now, window) == wanted
    assert SliWindow.tally_of_all([], now, window) == Tally(0, 0, 0, 0)
