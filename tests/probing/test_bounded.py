"""What does not come back is ended, and nothing of its end is left for the next."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from monitor.probing.bounded import TookTooLong, bounded


def spin() -> None:
    while True:
        pass


def spin_and_catch() -> None:
    while True:
        with suppress(Exception):
            spin()


def test_what_comes_back_is_handed_over_and_what_it_raises_too() -> None:
    assert bounded(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        bounded(lambda: 1 // 0)


@pytest.mark.parametrize("act", [spin, spin_and_catch, lambda: time.sleep(3600)])
def test_one_that_does_not_come_back_is_ended(act: object) -> None:
    with pytest.raises(TookTooLong):
        bounded(act)  # type: ignore[arg-type]


def test_the_next_has_its_whole_time_and_what_is_not_bounded_is_not_ended() -> None:
    with pytest.raises(TookTooLong):
        bounded(spin)

    assert bounded(lambda: time.sleep(0.6)) is None
    assert bounded(lambda: time.sleep(0.6)) is None
    time.sleep(1.1)


def test_in_a_thread_there_is_no_limit_and_no_harm() -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(bounded(lambda: 7)))
    thread.start()
    thread.join()

    assert found == [7]
