"""--against-baseline: what is slow, and what only looks so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.cli.usual import against_usual
from monitor.core.baseline import Baseline, Quality, Signal

MONDAY_3AM = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)


def probes(*milliseconds: float | None) -> list[CheckResult]:
    """None is a probe that failed."""
    return [
        CheckResult(
            service="s",
            check="c",
            scheduled_at=MONDAY_3AM,
            attempts=(
                Attempt(started_at=MONDAY_3AM, outcome=Outcome.FAILED, reason=Reason.TIMEOUT)
                if ms is None
                else Attempt(started_at=MONDAY_3AM, outcome=Outcome.OK, latency=ms / 1000),
            ),
        )
        for ms in milliseconds
    ]


def baseline(*milliseconds: float, quality: Quality = Quality.FITTED) -> Baseline:
    """The same values, in seconds, for Monday between three and four."""
    return Baseline(
        service="s",
        check="c",
        signal=Signal.PROBE_LATENCY,
        time_zone="UTC",
        fitted_at=MONDAY_3AM - timedelta(hours=1),
        since=MONDAY_3AM - timedelta(days=30),
        quality=quality,
        slots={3: tuple(ms / 1000 for ms in milliseconds)},
    )


USUAL = baseline(*range(90, 111))  # median 100 ms, 99th percentile 109.8 ms


@pytest.mark.parametrize(
    ("asked", "warns"),
    [
        ((100, 100, 100, 100, 100), False),
        ((500, 100, 100, 100, 500), False),  # two slow ones of five
        ((119, 119, 119, 119, 119), False),  # above the 99th percentile, and less than 20 ms slower
        ((121, 500, 121, 90, 121), True),
    ],
)
def test_it_warns_of_a_median_that_is_unusual_and_worth_telling(asked, warns):
    warning, note = against_usual(probes(*asked), USUAL, MONDAY_3AM)

    assert bool(warning) is warns
    assert bool(note) is not warns
    assert "usually 100 ms and 99 % below 110 ms (hour of week)" in warning + note


def test_a_fast_check_that_takes_twice_as_long_is_not_slow_by_20_milliseconds():
    warning, note = against_usual(probes(9, 9, 9, 9, 9), baseline(*[4.0] * 30), MONDAY_3AM)

    assert (warning, note[:21]) == ("", "median of 5 9.0 ms, u")


def test_what_cannot_be_compared_is_a_note_and_never_a_warning():
    slow = probes(900, 900, 900, 900, 900)

    assert against_usual(slow, None, MONDAY_3AM) == ("", "no baseline yet; the daemon fits one from its own history")
    assert (
        against_usual(slow, baseline(*range(90, 109)), MONDAY_3AM)[1] == "no usable baseline: 19 values, 20 are needed"
    )
    assert against_usual(slow, baseline(), MONDAY_3AM)[1] == "no usable baseline: 0 values, 20 are needed"


def test_a_check_that_failed_is_judged_by_that_alone():
    assert against_usual(probes(900, None, 900, 900, 900), USUAL, MONDAY_3AM) == ("", "")


def test_an_old_baseline_still_compares_and_says_its_age():
    warning, _ = against_usual(probes(*[900] * 5), USUAL, MONDAY_3AM + timedelta(days=9))

    assert "fitted 9 days ago" in warning
