"""What does not come back is ended, and nothing of its end is left for the next."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from checks.bounded import Overrun, bounded


def spin() -> None:
    while True:
        pass


def spin_and_catch() -> None:
    while True:
        with suppress(Exception):
            spin()


def test_what_it_raises_is_handed_on() -> None:
    with pytest.raises(ZeroDivisionError), bounded(60):
        1 // 0  # noqa: B018 - it is there to raise


@pytest.mark.parametrize("act", [spin, spin_and_catch, lambda: time.sleep(3600)])
def test_one_that_does_not_come_back_is_ended(act) -> None:
    with pytest.raises(Overrun), bounded(0.05):
        act()


def test_what_is_over_is_not_ended_later() -> None:
    with bounded(0.05):
        pass

    time.sleep(0.1)


def test_in_a_thread_there_is_no_limit_and_no_harm() -> None:
    found: list[int] = []

    def act() -> None:
        with bounded(60):
            found.append(7)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()

    assert found == [7]
