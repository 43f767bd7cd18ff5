"""A queue above its baseline: half of ten minutes above what 99 of 100 are, and enough more to matter."""

from __future__ import annotations

import pytest

from monitor.core.baseline import Sample
from monitor.core.queues import queue_anomaly

USUAL = Sample(tuple(float(depth) for depth in range(100)))  # median 49.5, 95 % below 94, 99 % below 98


def test_what_waits_is_told_with_how_much_more_it_is():
    text = queue_anomaly([300.0] * 10, USUAL)

    assert text == "queue depth 300 against 49.5 at this hour: +250.5"


@pytest.mark.parametrize(
    ("recent", "above"),
    [
        ([99.0] * 10, True),
        ([98.0] * 10, False),
        ([500.0] * 4 + [50.0] * 6, False),
        ([500.0] * 6 + [50.0] * 4, True),
        ([99.0] * 5, False),
        ([99.0] * 6, True),
        ([], False),
    ],
    ids=["above 99 %", "nearly", "a hump of four minutes", "of six", "too few minutes", "enough", "none"],
)
def test_half_of_the_minutes_must_be_above(recent, above):
    assert bool(queue_anomaly(recent, USUAL)) is above


@pytest.mark.parametrize(
    ("usual", "now", "above"),
    [(2.0, 11.0, False), (2.0, 12.0, True), (100.0, 140.0, False), (100.0, 150.0, True), (0.0, 9.0, False)],
    ids=["nine more", "ten more", "40 %", "half as much again", "nine where nothing waits"],
)
def test_it_must_be_enough_to_matter(usual, now, above):
    assert bool(queue_anomaly([now] * 10, Sample((usual,) * 100))) is above


def test_it_is_harder_to_be_over_than_to_begin():
    assert not queue_anomaly([97.0] * 10, USUAL)
    assert queue_anomaly([97.0] * 10, USUAL, is_above=True)
    assert not queue_anomaly([94.0] * 10, USUAL, is_above=True)


@pytest.mark.parametrize("sample", [Sample(()), Sample((1.0,) * 19)], ids=["empty", "nineteen values"])
def test_without_a_baseline_that_can_tell_nothing_is_unusual(sample):
    assert queue_anomaly([1e6] * 10, sample) == ""
