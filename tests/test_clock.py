"""The steady timeline across restarts and reboots."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.clock import SteadyClock, read_boot_id, same_boot


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


def test_a_restart_within_a_boot_goes_on_with_the_timeline() -> None:
    before = SteadyClock.begin()

    after = SteadyClock.resume(before.origin - 3600, read_boot_id(), before.now())

    assert after.origin == before.origin - 3600


def test_after_a_reboot_the_timeline_begins_anew_and_never_before_its_last_instant() -> None:
    before = SteadyClock.begin()
    ahead = before.now() + timedelta(hours=1)

    after = SteadyClock.resume(before.origin - 3600, "another boot", ahead)

    assert after.boot_id == read_boot_id()
    assert after.now() >= ahead
