"""What the bench of the judgement leaves out of a month would have changed nothing; peers and intervals are right."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bench_judgement import instant, played, stretches
from intervals import poisson_interval, wilson_interval
from textbook import apart, burn_pages
from worlds import MONTH, World, fitted, invent

DAYS = 86_400.0
WORLDS = {
    "flakes of minutes": World(interval=60, bursts=90, seconds=6 * DAYS),
    "and many single ones": World(interval=60, bursts=90, flake=0.004, seconds=6 * DAYS),
    "three a minute": World(interval=20, bursts=30, seconds=4 * DAYS),
    "three a minute, open_after 3m": World(interval=20, bursts=150, seconds=3 * DAYS, open_after=180.0),
    "references too": World(interval=60, bursts=60, excused=True, seconds=6 * DAYS),
    "99 %": World(interval=60, bursts=120, objective=0.99, flake=0.01, seconds=4 * DAYS),
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_a_month_played_in_stretches_opens_what_it_opens_as_a_whole(world: World) -> None:
    rng = np.random.default_rng(5)
    baselines, past = fitted(world, rng), invent(world, rng)
    parts = stretches(world, past)

    found = [one for first, last in parts for one in played(world, past, baselines, first, last)]

    assert found == played(world, past, baselines, 0, len(past.since) - 1)
    assert found, "or this shows nothing"
    assert sum(last - first for first, last in parts) < len(past.since) - 1


def test_a_month_in_which_the_detector_never_stands_at_its_threshold_is_not_played() -> None:
    world = World(flake=0.002)
    past = invent(world, np.random.default_rng(5))

    assert past.failed.sum() > 50
    assert stretches(world, past) == []
    assert played(world, past, fitted(world, np.random.default_rng(5)), 0, 20_000) == []


@pytest.mark.parametrize("interval", [60.0, 20.0])
def test_the_textbook_pages_when_both_windows_of_a_pair_burn(interval: float) -> None:
    """Counted here one probe after the other, as its rules are read."""
    world = World(interval=interval, bursts=40, flake=0.001, seconds=10 * DAYS)
    past = invent(world, np.random.default_rng(8))
    a_minute = int(60 / interval)
    windows = {minutes: deque([0] * (minutes * a_minute), minutes * a_minute) for minutes in (5, 30, 60, 360)}
    expected = []
    for since, failed in zip(past.since, past.failed, strict=True):
        for window in windows.values():
            window.append(int(failed))
        burn = {minutes: sum(window) / len(window) / 0.001 for minutes, window in windows.items() if failed}
        if failed and ((burn[60] > 14.4 and burn[5] > 14.4) or (burn[360] > 6 and burn[30] > 6)):
            expected.append(since)

    assert burn_pages(world, past).tolist() == expected
    assert len(expected) > 20


def test_alarms_within_half_an_hour_of_each_other_are_one() -> None:
    assert apart(np.array([0.0, 1800.0, 3600.0, 5401.0])).tolist() == [0.0, 5401.0]


def test_a_break_lies_anywhere_between_two_probes_and_nothing_fails_before_it() -> None:
    world = World(flake=0, failing=1.0, breaks_at=7 * 3600, seconds=8 * 3600)
    pasts = [invent(world, np.random.default_rng(seed)) for seed in range(50)]

    for past in pasts:
        assert (past.since[past.failed] >= past.breaks_at).all()
        assert past.failed[past.since >= past.breaks_at].all()
    offsets = [past.breaks_at - world.breaks_at for past in pasts]
    assert 0 <= min(offsets) < 10
    assert 50 < max(offsets) < 60


def test_flakes_come_as_often_and_last_as_long_as_said() -> None:
    world = replace(World(bursts=20), flake=0.0)
    lengths = [length for seed in range(60) for _, length in invent(world, np.random.default_rng(seed)).bursts]

    assert len(lengths) / 60 == pytest.approx(20, abs=2)
    assert 60 <= min(lengths) < 65
    assert 175 < max(lengths) <= 180
    assert world.seconds == MONTH
    assert instant(None) == 0


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Garwood, "Fiducial limits for the Poisson distribution", 1936.
    [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.390), (100, 81.364, 121.627)],
)
def test_the_interval_of_a_count_is_garwood_s(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == pytest.approx((low, high), abs=0.001)


def test_the_interval_of_many_goes_on_where_the_exact_one_ends() -> None:
    before, after = poisson_interval(400), poisson_interval(401)

    # About n -+ 1.96 sqrt(n), of which this is the slope.
    assert after[0] - before[0] == pytest.approx(1 - 0.049, abs=0.01)
    assert after[1] - before[1] == pytest.approx(1 + 0.049, abs=0.01)


@pytest.mark.parametrize(
    ("found", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I.
    [(81, 0.2553, 0.3662)],
)
def test_the_interval_of_a_share_is_wilson_s(found: int, low: float, high: float) -> None:
    assert wilson_interval(found, 263) == pytest.approx((low, high), abs=0.0001)


def test_a_share_of_all_and_of_none_stays_a_share() -> None:
    assert wilson_interval(200, 200) == pytest.approx((0.98116, 1.0), abs=0.0001)
    assert wilson_interval(0, 200) == pytest.approx((0.0, 0.01884), abs=0.0001)
