"""Regular expressions of a config against what a target says: each compiled once, no search of them without end."""

from __future__ import annotations

import re
import signal
import threading
from functools import lru_cache
from time import thread_time
from types import FrameType
from typing import Final

SEARCH_SECONDS: Final = 0.05
"""Of CPU. A pattern with repeats in repeats may take years for a text that the target chose."""


# More checks may have one than `re` keeps by itself.
@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class SearchTooLong(Exception):
    """Raised in the middle of a search, or instead of one. Its text follows what was searched, and a colon."""

    def __init__(self, what: str, seconds: float = SEARCH_SECONDS) -> None:
        super().__init__(f"{what} took more than {seconds * 1000:g} ms of CPU")


class Searches:
    """
    Those in one answer, or in one conversation, which have SEARCH_SECONDS in sum: a target may say thousands of lines
    that take a little less each. Elsewhere than in the main thread there is no limit, see `limited`.
    """

    __slots__ = ("_before", "_left", "_seconds")

    def __init__(self, seconds: float = SEARCH_SECONDS) -> None:
        self._seconds = self._left = seconds
        self._before = 0

    def find(self, pattern: str, text: str) -> re.Match[str] | None:
        """Raises SearchTooLong."""
        expression, began = compiled(pattern), thread_time()
        try:
            # No shorter: what rounds to none would be a search without a limit.
            found = limited(expression, text, max(self._left, 0.001))
        except SearchTooLong:
            self._left = 0.0
        else:
            self._left -= thread_time() - began
        if self._left <= 0:
            before = f"{self._before} searches before and " if self._before else ""
            raise SearchTooLong(f"{before}the search for {pattern}", self._seconds)
        self._before += 1
        return found


def limited(pattern: re.Pattern[str], text: str, seconds: float = SEARCH_SECONDS) -> re.Match[str] | None:
    """
    A search that SearchTooLong ends after *seconds* of CPU, by a signal. Python hands signals to the main thread alone,
    so elsewhere there is no limit; probes are judged in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return pattern.search(text)
    try:
        return _limit.search(pattern, text, seconds)
    except _Rung:
        raise SearchTooLong(f"the search for {pattern.pattern}") from None


class _Rung(Exception):
    """It is a class of its own, because the signal's handler does not know what is searched for."""


class _Limit:
    """`re` looks for a signal at each 4096th step, and a step may pass over the whole text: hence short texts only."""

    def __init__(self) -> None:
        self._installed = False
        self._armed = False

    def search(self, pattern: re.Pattern[str], text: str, seconds: float) -> re.Match[str] | None:
        if not self._installed:
            # And never taken away: the default of this signal is to end the process, and one may still be on its way.
            signal.signal(signal.SIGVTALRM, self._ring)
            self._installed = True
        self._armed = True
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
            return pattern.search(text)
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _ring(self, _signal: int, _frame: FrameType | None) -> None:
        # One that comes when the search is over must raise nowhere else.
        if self._armed:
            raise _Rung


_limit = _Limit()
