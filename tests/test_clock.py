"""The steady timeline over a restart and a reboot: it never runs backwards, and an absence counts in full."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock import UNKNOWN_BOOT, SteadyClock, after_reboot, read_boot_id, same_boot

LAST = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("stepped", "away", "expected"),
    [
        # Never stepped: the wall clock is right, and tells how long it was.
        (timedelta(), timedelta(), LAST),
        (timedelta(), 2 * MINUTE, LAST + 2 * MINUTE),
        # Stepped forwards meanwhile: at the wall clock again. Too long an absence only asks for more proof.
        (2 * HOUR, 2 * MINUTE, LAST + 2 * HOUR + 2 * MINUTE),
        # Stepped back meanwhile: the absence counts all the same, and the timeline waits for nobody.
        (-3 * HOUR, 2 * MINUTE, LAST + 2 * MINUTE),
        (-3 * HOUR, 4 * HOUR, LAST + 4 * HOUR),
        # A clock without a battery is behind itself: nothing is known of the absence, and nothing runs backwards.
        (timedelta(), -24 * 365 * HOUR, LAST),
    ],
)
def test_after_a_reboot_the_timeline_goes_on_by_what_the_wall_clock_says(
    stepped: timedelta, away: timedelta, expected: datetime
) -> None:
    last_wall = LAST + stepped
    assert after_reboot(last_wall + away, LAST, last_wall) == expected


def boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def test_within_one_boot_the_origin_is_kept_whatever_the_wall_clock_says() -> None:
    origin = LAST.timestamp() - boottime()
    for last_wall in (LAST - 3 * HOUR, LAST + 3 * HOUR):
        clock = SteadyClock.resume(origin, read_boot_id(), LAST, last_wall)
        assert clock == SteadyClock(origin, read_boot_id())


@pytest.mark.parametrize("boot_id", ["00000000-0000-0000-0000-000000000000", UNKNOWN_BOOT])
def test_another_boot_begins_at_the_wall_clock(boot_id: str) -> None:
    before = time.time() - boottime()
    clock = SteadyClock.resume(12.0, boot_id, LAST - 24 * 365 * 20 * HOUR, LAST)
    assert before - 1.0 <= clock.origin <= time.time() - boottime() + 1.0
    assert clock.boot_id == read_boot_id()


def test_another_boot_never_begins_before_what_was_persisted() -> None:
    future = datetime.now(UTC) + 24 * HOUR
    clock = SteadyClock.resume(12.0, "another boot", future, datetime.now(UTC))
    assert future <= clock.now() < future + MINUTE


def test_the_same_boot_over_a_clock_that_is_behind_is_another_one() -> None:
    # As in a container that was moved: the origin is right, and CLOCK_BOOTTIME reads less than it did.
    last = datetime.now(UTC) + HOUR
    origin = last.timestamp() - boottime() - 1800.0
    clock = SteadyClock.resume(origin, read_boot_id(), last, datetime.now(UTC))
    assert last <= clock.now() < last + MINUTE


def test_the_timeline_is_the_kernels_boottime_moved_by_its_origin() -> None:
    before = boottime()
    now = SteadyClock(LAST.timestamp(), read_boot_id()).now()
    assert LAST + timedelta(seconds=before) - timedelta(milliseconds=1) <= now
    assert now <= LAST + timedelta(seconds=boottime()) + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("4465eba6", "4465eba6", True),
        ("4465eba6", "985dd850", False),
        ("4465eba6", "unknown", False),
        ("unknown", "4465eba6", False),
        ("unknown", "unknown", False),
    ],
)
def test_two_boots_are_the_same_only_when_both_are_known(one: str, other: str, same: bool) -> None:
    assert same_boot(one, other) is same
