"""What is good: fast enough, and a slice that was good enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.result import Outcome
from monitor.core.counting import Counting, Slices, outcome_within
from monitor.core.sli import Tally

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAST = timedelta(milliseconds=300)


@pytest.mark.parametrize(
    ("outcome", "latency", "counted"),
    [
        (Outcome.OK, 0.2999, Outcome.OK),
        (Outcome.OK, 0.3, Outcome.FAILED),  # under means under
        (Outcome.OK, 2.0, Outcome.FAILED),
        (Outcome.OK, None, Outcome.UNKNOWN),
        (Outcome.FAILED, 0.001, Outcome.FAILED),  # refused at once is not fast
        (Outcome.FAILED, None, Outcome.FAILED),
        (Outcome.UNKNOWN, 0.001, Outcome.UNKNOWN),
        (Outcome.UNKNOWN, None, Outcome.UNKNOWN),
    ],
)
def test_good_is_a_probe_that_was_ok_and_faster_than_the_threshold(
    outcome: Outcome, latency: float | None, counted: Outcome
) -> None:
    assert outcome_within(outcome, latency, FAST) is counted
    assert outcome_within(outcome, latency, None) is outcome


@pytest.mark.parametrize(
    ("inside", "outcome"),
    [
        (Tally(good=20), Outcome.OK),
        (Tally(good=19, bad=1), Outcome.OK),  # 95 % exactly
        (Tally(good=18, bad=2), Outcome.FAILED),
        (Tally(good=19, bad=1, unknown=40), Outcome.OK),  # what nobody could ask says nothing
        (Tally(expected=20, good=1), Outcome.OK),  # nor does what is missing
        (Tally(expected=20, bad=1), Outcome.FAILED),
        (Tally(expected=20, unknown=20), Outcome.UNKNOWN),
        (Tally(expected=20), None),
        (Tally(), None),
    ],
)
def test_a_slice_is_good_from_its_target_on_and_missing_when_nothing_came(
    inside: Tally, outcome: Outcome | None
) -> None:
    assert Slices(MINUTE, 0.95).outcome(inside) is outcome


def test_without_a_target_of_its_own_a_slice_must_be_wholly_good() -> None:
    assert Slices(MINUTE).outcome(Tally(good=60)) is Outcome.OK
    assert Slices(MINUTE).outcome(Tally(good=5999, bad=1)) is Outcome.FAILED


def test_slices_lie_on_one_grid_and_are_counted_by_their_ends() -> None:
    five = Slices(5 * MINUTE)
    assert five.between(NOON, NOON + timedelta(hours=1)) == 12
    assert five.between(NOON, NOON + 5 * MINUTE) == 1
    assert five.between(NOON, NOON + 5 * MINUTE - timedelta(microseconds=1)) == 0
    assert five.between(NOON + MINUTE, NOON + 5 * MINUTE) == 1
    assert five.between(NOON, NOON - MINUTE) == 0
    assert five.last_before(NOON + 4 * MINUTE) == NOON
    assert five.last_before(NOON + 5 * MINUTE) == NOON + 5 * MINUTE


def test_a_count_is_known_by_all_that_decides_what_it_means_and_by_nothing_else() -> None:
    plain = Counting("shop")
    others = [
        plain,
        Counting("shop", "live"),
        Counting("shop", under=FAST),
        Counting("shop", "live", under=FAST),
        Counting("shop", under=timedelta(milliseconds=301)),
        Counting("shop", slices=Slices(MINUTE)),
        Counting("shop", slices=Slices(MINUTE, 0.95)),
        Counting("shop", slices=Slices(5 * MINUTE, 0.95)),
        Counting("shop", under=FAST, slices=Slices(MINUTE, 0.95)),
        Counting("shop2"),
    ]
    assert len({counting.id for counting in others}) == len(others)
    assert all("/" not in counting.id for counting in others), "or it could be taken for a check"
    assert Counting("shop", "live", FAST, Slices(MINUTE, 0.95)).id == "shop:live:under=0.3s:slice=60s,0.95"
    assert [counting.is_plain for counting in others[:3]] == [True, True, False]
