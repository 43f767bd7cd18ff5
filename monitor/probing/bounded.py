"""
A call that concerns one check alone, ended where it does not come back: everybody else waits for it.

What is called here takes microseconds. A kind with an endless loop, or one that waits for something, would be nobody's
result, and after some seconds the supervisor's reason to kill the prober, again and again.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

T = TypeVar("T")

LONGEST: Final = 1.0
"""Seconds. As long as what is due meanwhile may wait without being missed, see `lateness_limit`."""


class TookTooLong(Exception):
    """It did not come back within LONGEST seconds, and was ended."""


class _Rung(BaseException):
    """Raised in the middle of the call. No Exception: it must pass through whatever the call catches."""


class _Alarm:
    def __init__(self) -> None:
        self._installed = False
        self._armed = False

    def call(self, act: Callable[[], T]) -> T:
        if not self._installed:
            # And never taken away: the default of this signal is to end the process, and one may still be on its way.
            signal.signal(signal.SIGALRM, self._ring)
            self._installed = True
        self._armed = True
        try:
            signal.setitimer(signal.ITIMER_REAL, LONGEST)
            return act()
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, _signal: int, _frame: FrameType | None) -> None:
        # One that comes when the call is over must raise nowhere else.
        if self._armed:
            raise _Rung


_alarm = _Alarm()


def bounded(act: Callable[[], T]) -> T:
    """
    What *act* returns. Raises TookTooLong, and what *act* raises.

    Python hands signals to the main thread alone, and only between two steps of its own, so elsewhere there is no limit
    and neither is there one for a call of C that looks for none; the prober makes its calls in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return act()
    try:
        return _alarm.call(act)
    except _Rung as rung:
        raise TookTooLong from rung
