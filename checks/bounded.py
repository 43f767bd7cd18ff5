"""A bound for code that is not ours: what does not come back would hold up everything else in its process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Overrun(BaseException):
    """It did not come back. No Exception, or the very code that is ended by it would catch it."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """
    Raises Overrun where the block takes longer. Only in the main thread, where alone a signal can interrupt; in any
    other the block has no bound.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def ring(_number: int, _frame: FrameType | None) -> None:
        nonlocal armed
        # It may ring when the block has just ended: then nobody is to be interrupted any more.
        if armed:
            armed = False
            raise Overrun

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
