"""Has it moved? Ranks, the Mann-Whitney test, the Hodges-Lehmann shift, and the verdict that needs all three."""

from __future__ import annotations

from math import inf, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.baseline import Level, Sample
from monitor.core.sequential import RankCusum
from monitor.core.shift import (
    FEWEST,
    RECENT,
    Effect,
    hodges_lehmann,
    latency_shift,
    latency_shifted,
    lies_above,
    mann_whitney,
    rank_normal,
)

SECONDS = st.floats(0, 100, allow_nan=False)
USUAL = Sample(tuple(0.100 + 0.0004 * i for i in range(101)))  # 100 to 140 ms, median 120 ms


def test_the_median_scores_zero_and_the_ends_score_alike():
    sample = tuple(float(i) for i in range(1, 100))

    assert rank_normal(50.0, sample) == pytest.approx(0.0, abs=1e-9)
    assert rank_normal(1000.0, sample) == pytest.approx(-rank_normal(-1.0, sample))
    assert rank_normal(1000.0, sample) == pytest.approx(2.5758, abs=1e-4)


def test_ties_count_half():
    assert rank_normal(5.0, (5.0,) * 40) == pytest.approx(0.0, abs=1e-9)


def test_nothing_to_compare_scores_nothing():
    assert rank_normal(1.0, ()) == 0.0
    assert rank_normal(nan, (1.0, 2.0)) == 0.0
    assert rank_normal(inf, (1.0, 2.0)) == rank_normal(3.0, (1.0, 2.0)) > 0


@given(SECONDS, SECONDS, st.lists(SECONDS, max_size=60).map(sorted))
def test_a_larger_value_never_scores_less(x, y, sample):
    low, high = sorted((x, y))

    assert rank_normal(low, sample) <= rank_normal(high, sample)


@given(SECONDS, st.lists(SECONDS, max_size=60).map(sorted))
def test_a_score_depends_on_ranks_alone(x, sample):
    def stretched(v: float) -> float:
        return v**3 * 8  # monotone, and exact enough to keep ties

    mapped = [stretched(v) for v in sample]
    if len(set(mapped)) == len(set(sample)) and (stretched(x) in mapped) == (x in sample):
        assert rank_normal(stretched(x), mapped) == rank_normal(x, sample)


def test_mann_whitney_without_ties_as_in_a_textbook():
    # U = 24 of 25; mean 12.5, variance 25 * 11 / 12.
    assert mann_whitney([9, 8, 7, 6, 4.5], [5, 4, 3, 2, 1]) == pytest.approx((24 - 12.5) / (275 / 12) ** 0.5)


def test_mann_whitney_corrects_for_ties():
    # Wins, ties as halves: 1 against 1 1 2 is 1, each 2 against them 2.5. Tied groups of 3 and 3 among 6:
    # variance 3 * 3 / 12 * (7 - (24 + 24) / 30)
    assert mann_whitney([1, 2, 2], [1, 1, 2]) == pytest.approx((6 - 4.5) / (0.75 * (7 - 48 / 30)) ** 0.5)
    assert mann_whitney([3, 3, 3], [3, 3, 3, 3]) == 0.0


def test_mann_whitney_of_nothing_is_nothing():
    assert mann_whitney([], [1.0]) == mann_whitney([1.0], []) == mann_whitney([nan, -1.0], [1.0]) == 0.0


@given(st.lists(SECONDS, min_size=1, max_size=30), st.lists(SECONDS, min_size=1, max_size=30))
def test_swapping_the_sides_turns_the_sign(ours, theirs):
    assert mann_whitney(ours, theirs) == pytest.approx(-mann_whitney(theirs, ours))


@given(st.lists(SECONDS, min_size=1, max_size=30), st.lists(SECONDS, min_size=1, max_size=30), st.randoms())
def test_order_and_rubbish_change_nothing(ours, theirs, random):
    mixed = [*ours, nan, -1.0, inf]
    random.shuffle(mixed)

    assert mann_whitney(mixed, theirs) == mann_whitney(ours, theirs)
    assert hodges_lehmann(mixed, theirs) == hodges_lehmann(ours, theirs)


def test_hodges_lehmann_is_the_median_of_the_differences():
    # differences 4 3 1, 7 6 4, 2 1 -1
    assert hodges_lehmann([5, 8, 3], [1, 2, 4]) == 3
    assert hodges_lehmann([1.0], []) == 0.0


def test_one_wild_value_moves_neither_the_shift_nor_the_verdict():
    wild = [0.120] * 9 + [30.0]

    assert hodges_lehmann(wild, USUAL.values) == pytest.approx(0.0, abs=0.005)
    assert not latency_shift(wild, USUAL, onset=True).confirmed


def test_a_doubling_is_told_in_numbers():
    shift = latency_shift([0.240] * RECENT, USUAL, onset=True)

    assert shift.confirmed
    assert shift.text == "latency 240 ms against 120 ms at this hour: +120 ms, +100 %"


def test_a_coarser_slot_says_so():
    shift = latency_shift([0.240] * RECENT, Sample(USUAL.values, Level.GLOBAL), onset=True)

    assert shift.text == "latency 240 ms against 120 ms usually: +120 ms, +100 %"


def test_without_an_onset_nothing_is_confirmed():
    assert not latency_shift([0.240] * RECENT, USUAL, onset=False).confirmed


@pytest.mark.parametrize(
    ("usual", "now", "confirmed"),
    [
        (0.120, 0.1441, True),  # 24 ms and 20 %
        (0.120, 0.1439, False),  # 23.9 ms are 19.9 %
        (0.010, 0.0301, True),  # 20.1 ms
        (0.010, 0.0299, False),  # three times as slow, and nobody would notice 19.9 ms
        (0.000, 0.0300, True),
    ],
)
def test_the_effect_must_be_large_in_percent_and_in_milliseconds(usual, now, confirmed):
    sample = Sample(tuple(usual + 1e-9 * i for i in range(40)))

    assert latency_shift([now] * RECENT, sample, onset=True).confirmed is confirmed


def test_the_effect_size_can_be_chosen():
    usual, small = Sample((0.120,) * 40), Effect(ratio=0.04, seconds=0.005)

    assert latency_shift([0.1251] * RECENT, usual, True, small).confirmed
    assert not latency_shift([0.1249] * RECENT, usual, True, small).confirmed


def test_slower_is_not_enough_it_must_be_slower_by_more_than_the_effect_size():
    """The usual ones moved by 24 ms begin at 124: seven of ten scores past them all are clearly more, six are not."""
    six, seven = (latency_shift([0.1239] * (10 - n) + [0.200] * n, USUAL, onset=True) for n in (6, 7))

    assert (six.z > 3.0, six.confirmed, seven.confirmed) == (True, False, True)
    usual = Sample((0.120,) * 40)
    assert not latency_shift([0.130] * RECENT, usual, onset=True).confirmed, "all are slower, by 8 %"


def test_a_young_shift_is_judged_by_its_own_scores():
    assert latency_shift([0.240] * FEWEST, USUAL, onset=True).confirmed
    assert not latency_shift([0.240] * (FEWEST - 1), USUAL, onset=True).confirmed, "never by fewer than six"
    assert not latency_shift([0.120] * 4 + [0.240] * FEWEST, USUAL, onset=True).confirmed, "older ones dilute it"


def test_what_is_just_confirmed_is_not_over_on_the_same_scores():
    recent = [0.120] * 4 + [0.240] * FEWEST

    assert latency_shifted(recent, USUAL, run=FEWEST) is True
    assert latency_shifted([0.240] * RECENT, USUAL, run=0) is True


@pytest.mark.parametrize(("seconds", "above"), [(0.1441, True), (0.1439, False)])
def test_a_single_score_lies_above_by_the_effect_size(seconds, above):
    assert lies_above(seconds, USUAL) is above
    assert not lies_above(seconds, Sample(()))


def test_too_few_values_confirm_nothing_and_prove_nothing():
    slow = [0.5] * FEWEST

    assert latency_shift(slow, USUAL, onset=True).confirmed
    assert latency_shifted(slow, USUAL) is True
    few = latency_shift(slow[1:], USUAL, onset=True)
    assert (few.confirmed, few.text) == (False, "latency not judged: too few values to compare")
    assert latency_shifted(slow[1:], USUAL) is None
    assert latency_shifted(slow, Sample(())) is None


def test_recovery_is_the_same_test_reversed():
    assert latency_shifted([0.240] * RECENT, USUAL) is True
    assert latency_shifted([0.121] * RECENT, USUAL) is False
    assert latency_shifted([0.060] * RECENT, USUAL) is False, "faster than usual is no reason to stay open"


def test_it_takes_less_to_stay_shifted_than_to_become_so():
    some = [0.180] * 5 + [0.110, 0.120, 0.121, 0.130, 0.139]  # five slow minutes among ten
    wide = Sample(tuple(0.090 + 0.0006 * i for i in range(101)))

    assert 2.0 < mann_whitney(some, wide.values) < 3.0
    assert not latency_shift(some, wide, onset=True).confirmed
    assert latency_shifted(some, wide) is True


def test_only_the_newest_scores_are_looked_at():
    assert not latency_shift([0.240] * 50 + [0.120] * RECENT, USUAL, onset=True).confirmed


def test_a_service_without_a_shift_never_confirms_one_within_a_day_and_a_doubling_is_found_in_minutes():
    """One seeded day each; how often over many is measured by `tests/bench/bench_latency_rule.py`, not asserted."""
    random, cusum = Random(7), RankCusum()
    sample = Sample(tuple(sorted(random.lognormvariate(-2.1, 0.35) for _ in range(240))))

    def first_confirmed(factor: float) -> int | None:
        s, recent = 0.0, []
        for minute in range(1440):
            recent.append(random.lognormvariate(-2.1, 0.35) * factor)
            s = cusum.step(s, rank_normal(recent[-1], sample.values), sample.known_from)
            recent = recent if s > 0.0 else []
            if latency_shift(recent, sample, cusum.alarmed(s)).confirmed:
                return minute
        return None

    assert first_confirmed(1.0) is None
    found = first_confirmed(2.0)
    assert found is not None
    assert found < 15
