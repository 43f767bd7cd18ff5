"""What is left of a budget, what can be said of it, and when it is gone: by the workbook's numbers and by counting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.result import Outcome
from monitor.core.budget import Budget, BudgetState, Weighted, budget_of, composite, exhausts_in
from monitor.core.sli import SliWindow, Tally
from monitor.core.slo import Objective, time_to_exhaustion

MONTH = timedelta(days=30)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
THREE_NINES = Objective(0.999)
PROBES = 30 * 24 * 60  # one a minute: 43,200, of which 43.2 may be bad


def test_a_month_at_three_nines_has_43_minutes_and_12_seconds() -> None:
    budget = budget_of(Tally(expected=PROBES, good=PROBES), PROBES, THREE_NINES)
    assert budget.allowed * 60 == pytest.approx(43 * 60 + 12)
    assert budget_of(Tally(), 28 * 24 * 60, THREE_NINES).allowed * 60 == pytest.approx(40 * 60 + 19.2)


@pytest.mark.parametrize(
    ("bad", "missing", "spent", "state"),
    [
        (0, 0, 0.0, BudgetState.WITHIN),
        (43, 0, 43 / 43.2, BudgetState.WITHIN),
        (44, 0, 44 / 43.2, BudgetState.SPENT),
        (4, 39, 4 / 43.2, BudgetState.WITHIN),  # even if all of them were bad
        (4, 40, 4 / 43.2, BudgetState.UNPROVEN),
        (44, 40, 44 / 43.2, BudgetState.SPENT),
    ],
)
def test_what_is_missing_is_neither_good_nor_bad_and_may_leave_it_open(
    bad: int, missing: int, spent: float, state: BudgetState
) -> None:
    so_far = Tally(expected=PROBES, good=PROBES - bad - missing, bad=bad)
    budget = budget_of(so_far, PROBES, THREE_NINES)
    assert budget.spent == pytest.approx(spent)
    assert budget.left == pytest.approx(1 - spent)
    assert budget.state is state
    assert budget.allowed == pytest.approx(43.2), "the budget does not shrink with what is missing"
    asked = Tally(expected=PROBES, good=PROBES - bad - missing, bad=bad, unknown=missing)
    assert budget_of(asked, PROBES, THREE_NINES) == budget, "unknown leaves as much open as missing"


def test_without_data_nothing_is_said() -> None:
    for so_far in (Tally(), Tally(expected=100), Tally(expected=100, unknown=100)):
        budget = budget_of(so_far, PROBES, THREE_NINES)
        assert (budget.spent, budget.left, budget.state) == (None, None, BudgetState.NO_DATA)
        assert exhausts_in(budget, 1.0, within=MONTH) is None
    assert budget_of(Tally(good=1), 0, THREE_NINES).state is BudgetState.WITHIN, "more came than was expected"


def test_the_first_bad_minute_of_a_month_spends_a_minute_of_it() -> None:
    assert budget_of(Tally(expected=1, bad=1), PROBES, THREE_NINES).spent == pytest.approx(1 / 43.2)


@pytest.mark.parametrize(
    ("burn", "lasts"), [(1, MONTH), (2, timedelta(days=15)), (10, timedelta(days=3)), (1000, timedelta(minutes=43.2))]
)
def test_a_full_budget_lasts_as_long_as_the_workbook_s_table_5_4_says(burn: float, lasts: timedelta) -> None:
    budget = budget_of(Tally(expected=PROBES, good=PROBES), PROBES, THREE_NINES)
    left = exhausts_in(budget, burn * 0.001 / 60, within=MONTH)
    assert left is not None
    assert left.total_seconds() == pytest.approx(lasts.total_seconds(), rel=1e-9)


def test_below_a_burn_of_one_a_full_rolling_budget_lasts_for_ever() -> None:
    budget = budget_of(Tally(expected=PROBES, good=PROBES), PROBES, THREE_NINES)
    assert exhausts_in(budget, 0.999 * 0.001 / 60, within=MONTH) is None
    assert exhausts_in(budget, 0.0, within=MONTH) is None


def test_old_errors_that_leave_in_time_save_the_budget() -> None:
    """40 of 43.2 are spent, and 4.32 a day come: without the leaving ones it would be gone in 17 h 47 m."""
    budget = Budget(allowed=43.2, bad=40, seen=PROBES)
    pace = 4.32 / 86400
    assert exhausts_in(budget, pace, within=MONTH) == timedelta(seconds=3.2 / pace)
    saved = exhausts_in(budget, pace, within=MONTH, leaving=[(timedelta(hours=17), 40)])
    assert saved == 10 * DAY  # 43.2 of new ones alone
    too_late = exhausts_in(budget, pace, within=MONTH, leaving=[(timedelta(hours=18), 40)])
    assert too_late == timedelta(seconds=3.2 / pace)


def test_what_leaves_in_the_moment_in_which_it_would_be_spent_still_saves_it() -> None:
    budget = Budget(allowed=10, bad=8, seen=100)
    assert exhausts_in(budget, 2 / 3600, within=MONTH, leaving=[(HOUR, 8)]) == 5 * HOUR
    assert exhausts_in(budget, 2 / 3600, within=MONTH, leaving=[(HOUR + timedelta(seconds=1), 8)]) == HOUR


def test_a_calendar_s_budget_is_whole_again_with_the_next_period() -> None:
    budget = Budget(allowed=43.2, bad=40, seen=20000)
    pace = 3.2 / (10 * 86400)
    assert exhausts_in(budget, pace, within=11 * DAY) == 10 * DAY
    assert exhausts_in(budget, pace, within=9 * DAY) is None


def test_a_spent_budget_is_gone_now() -> None:
    assert exhausts_in(Budget(allowed=43.2, bad=44, seen=1000), 0.0, within=MONTH) == timedelta(0)


PACES = st.floats(1e-7, 1.0)
LEAVING = st.lists(st.tuples(st.integers(1, 700), st.integers(1, 30)), max_size=12)


def _leaving(hours: list[tuple[int, int]]) -> list[tuple[timedelta, float]]:
    return [(hour * HOUR, float(bad)) for hour, bad in sorted(dict(hours).items())]


@given(PACES, st.integers(0, 40), LEAVING)
def test_it_is_the_first_instant_at_which_a_second_by_second_count_is_spent(
    pace: float, more: int, hours: list[tuple[int, int]]
) -> None:
    leaving = _leaving(hours)
    bad = sum(count for _, count in leaving)
    budget = Budget(allowed=bad + more + 0.5, bad=bad, seen=1000)
    found = exhausts_in(budget, pace, within=MONTH, leaving=leaving)

    def bad_at(t: float) -> float:
        return bad + pace * t - sum(count for when, count in leaving if when.total_seconds() <= t)

    edges = [0.0, *(when.total_seconds() for when, _ in leaving), MONTH.total_seconds()]
    if found is None:
        assert all(bad_at(edge - 1e-3) < budget.allowed for edge in edges[1:])
        return
    at = found.total_seconds()
    assert bad_at(at + 1e-3) >= budget.allowed - 1e-2
    # Nothing before it: the count is highest right before something leaves.
    assert all(bad_at(edge - 1e-3) < budget.allowed for edge in edges if 1e-3 < edge < at)


@given(PACES, PACES, st.integers(0, 40), LEAVING)
def test_a_faster_burn_never_lasts_longer(one: float, other: float, more: int, hours: list[tuple[int, int]]) -> None:
    leaving = _leaving(hours)
    bad = sum(count for _, count in leaving)
    budget = Budget(allowed=bad + more + 0.5, bad=bad, seen=1000)
    slow, fast = (exhausts_in(budget, pace, within=MONTH, leaving=leaving) for pace in sorted((one, other)))
    assert slow is None or (fast is not None and fast <= slow)


@given(st.floats(0.01, 50), st.floats(0.01, 0.99))
def test_without_old_errors_it_is_the_textbook_s_formula(burn: float, spent: float) -> None:
    budget = Budget(allowed=43.2, bad=43.2 * spent, seen=PROBES)
    textbook = time_to_exhaustion(1 - spent, burn, MONTH)
    found = exhausts_in(budget, burn * 43.2 / MONTH.total_seconds(), within=timedelta(days=100_000))
    assert found is not None
    assert textbook is not None
    assert found.total_seconds() == pytest.approx(textbook.total_seconds(), abs=1e-3)


@given(st.integers(1, 1000), st.floats(1, 50), st.floats(0, 0.9))
def test_twice_the_traffic_with_twice_the_errors_is_the_same_budget(scale: int, burn: float, spent: float) -> None:
    one = Budget(allowed=43.2, bad=43.2 * spent, seen=PROBES)
    many = Budget(allowed=43.2 * scale, bad=43.2 * scale * spent, seen=PROBES * scale)
    assert many.spent == pytest.approx(one.spent)
    pace = burn * 43.2 / MONTH.total_seconds()
    first, second = exhausts_in(one, pace, within=MONTH), exhausts_in(many, pace * scale, within=MONTH)
    assert first is not None
    assert second is not None
    assert second.total_seconds() == pytest.approx(first.total_seconds(), rel=1e-6, abs=1e-3)


@given(st.lists(st.integers(0, 29 * 24 * 60), max_size=40), st.integers(0, 59))
def test_a_window_knows_which_of_its_errors_leave_it_when(minutes: list[int], later: int) -> None:
    window, now = SliWindow(), NOON + timedelta(minutes=later)
    for minute in minutes:
        window.add(now - timedelta(minutes=minute), Outcome.FAILED)
    leaving = window.leaving(now, MONTH)
    assert sum(bad for _, bad in leaving) == window.tally(now, MONTH).bad == len(minutes)
    left = len(minutes)
    for when, bad in leaving:
        before = window.tally(now + when - timedelta(seconds=1), MONTH).bad
        left -= bad
        assert before == left + bad
        assert window.tally(now + when, MONTH).bad == left


def test_errors_leave_a_window_in_the_same_way_after_it_was_packed() -> None:
    window = SliWindow()
    for hour in range(200):
        window.add(NOON - timedelta(hours=200 - hour), Outcome.FAILED if hour % 50 == 7 else Outcome.OK)
    again = SliWindow()
    again.restore_hours(window.hours_before(NOON + HOUR))
    assert again.leaving(NOON, MONTH) == window.leaving(NOON, MONTH)
    assert len(window.leaving(NOON, MONTH)) == 4
    assert again.began() == window.began() == NOON - timedelta(hours=201)
    assert SliWindow().began() is None


def test_a_composite_is_the_weighted_mean_of_burn_rates() -> None:
    assert composite([Weighted(1.0, 2), Weighted(4.0, 1)]) == pytest.approx(2.0)
    assert composite([Weighted(0.0, 1), Weighted(14.4, 1)]) == pytest.approx(7.2)
    assert composite([Weighted(None, 1), Weighted(14.4, 1)]) is None, "what is not known of a part"
    assert composite([]) is None
    assert composite([Weighted(3.0, 0)]) is None


VALUES = st.lists(st.tuples(st.floats(0, 1000), st.floats(0.01, 100)), min_size=1, max_size=6)


@given(VALUES, st.floats(0.01, 100))
def test_a_composite_lies_among_its_members_whatever_the_scale_and_order(
    members: list[tuple[float, float]], scale: float
) -> None:
    found = composite(Weighted(*member) for member in members)
    assert found is not None
    values = [value for value, _ in members]
    assert min(values) - 1e-6 <= found <= max(values) + 1e-6
    scaled = composite(Weighted(value, weight * scale) for value, weight in reversed(members))
    assert scaled == pytest.approx(found)


@given(VALUES, st.floats(0.001, 100))
def test_a_composite_rises_with_each_member(members: list[tuple[float, float]], more: float) -> None:
    before = composite(Weighted(*member) for member in members)
    (value, weight), *others = members
    after = composite(Weighted(*member) for member in [(value + more, weight), *others])
    assert before is not None
    assert after is not None
    assert after >= before - 1e-9
