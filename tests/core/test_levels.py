"""When a shift has settled: it neither grows nor goes for two hours."""

from __future__ import annotations

from random import Random

import pytest

from monitor.core.levels import FEWEST, is_flat
from monitor.core.shift import Effect


def noisy(level: float, count: int, seed: int = 7) -> list[float]:
    random = Random(seed)
    return [level * random.lognormvariate(0.0, 0.2) for _ in range(count)]


def test_a_level_with_its_usual_noise_is_flat():
    assert is_flat(noisy(0.3, 120))


@pytest.mark.parametrize("later", [0.2, 0.4])
def test_a_shift_that_still_grows_or_goes_is_not(later):
    assert not is_flat(noisy(0.3, 60) + noisy(later, 60))


@pytest.mark.parametrize(
    ("before", "after", "flat"),
    [(0.100, 0.119, True), (0.100, 0.121, False), (0.200, 0.239, True), (0.200, 0.241, False), (0.010, 0.029, True)],
    ids=["19 ms", "21 ms and 21 %", "39 ms are 19.5 %", "41 ms are 20.5 %", "three times, and yet 19 ms"],
)
def test_what_would_be_no_shift_is_no_movement(before, after, flat):
    assert is_flat([before] * 12 + [after] * 12) is flat


def test_the_smallest_movement_that_counts_can_be_chosen():
    assert not is_flat([0.100] * 12 + [0.110] * 12, Effect(ratio=0.05, seconds=0.005))


def test_too_few_scores_are_not_called_flat():
    assert not is_flat([0.3] * (FEWEST - 1))
    assert is_flat([0.3] * FEWEST)
