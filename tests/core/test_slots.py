"""The grid of each check: fixed, spread, half-open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.slots import phase, slot_instant, slots_between

NAMES = st.sampled_from([f"service-{i}/check-{j}" for i in range(20) for j in range(3)])
INTERVALS = st.sampled_from([1.0, 5.0, 9.7, 10.0, 30.0, 60.0, 300.0])
SECONDS = st.floats(min_value=1.7e9, max_value=1.9e9)


def test_the_grid_hangs_on_the_name_alone_and_is_the_same_in_every_process() -> None:
    assert phase("orders/live", 30.0) == pytest.approx(0.47243677, abs=1e-6)


def test_a_thousand_checks_are_spread_over_the_interval() -> None:
    tenths = [int(phase(f"service-{i}/live", 30.0) // 3) for i in range(1000)]
    assert all(60 <= tenths.count(tenth) <= 140 for tenth in range(10))


@given(NAMES, INTERVALS)
def test_the_phase_lies_within_the_interval(name: str, interval: float) -> None:
    assert 0 <= phase(name, interval) < interval


@given(NAMES, INTERVALS, SECONDS, st.integers(1, 50))
def test_as_many_slots_are_expected_as_the_timetable_runs(name: str, interval: float, start: float, runs: int) -> None:
    offset = phase(name, interval)
    number = floor((start - offset) / interval)
    between = slot_instant(offset + (number + 0.5) * interval)
    later = slot_instant(offset + (number + runs + 0.5) * interval)
    assert slots_between(name, interval, between, later) == runs
    assert slots_between(name, interval, later, later) == 0


def test_an_hours_only_slot_is_expected_of_the_span_it_lies_in_and_of_no_other() -> None:
    second = timedelta(seconds=1)
    slot = datetime(2026, 3, 1, 12, 0, tzinfo=UTC) + timedelta(seconds=phase("orders/live", 3600.0))
    assert slots_between("orders/live", 3600.0, slot - second, slot + second) == 1
    assert slots_between("orders/live", 3600.0, slot - second, slot - second / 2) == 0


@given(NAMES, INTERVALS, SECONDS, st.floats(0, 1e5), st.floats(0, 1e5))
def test_spans_that_follow_each_other_expect_no_slot_twice(
    name: str, interval: float, start: float, first: float, second: float
) -> None:
    a, b, c = (slot_instant(t) for t in (start, start + first, start + first + second))
    assert slots_between(name, interval, a, b) + slots_between(name, interval, b, c) == slots_between(
        name, interval, a, c
    )


def test_a_span_that_ends_before_it_begins_expects_nothing() -> None:
    noon = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert slots_between("orders/live", 30.0, noon, noon - timedelta(hours=1)) == 0
    assert slots_between("orders/live", 30.0, noon, noon + timedelta(hours=1)) == 120
