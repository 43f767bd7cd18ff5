"""What stands beside a value and is more than one text: `pat(*ok*)`, `regex(^1\\.)`, `any(200, 204)`."""

from __future__ import annotations

import re
import signal
import threading
import warnings
from types import FrameType
from typing import Final

from checks.conditions.unresolved import Unresolved

SEARCH_SECONDS: Final = 0.05
"""Of CPU. A pattern with repeats in repeats may take years for a text that the target chose."""
LONGEST_SEARCHED: Final = 65_536
"""Characters. With them the worst search that we could build ended after 0.3 s; it grows with the length."""


def matches_glob(parts: tuple[str, ...], text: str) -> bool:
    """Whether *text* as a whole is *parts* with anything between them; one part is the text itself."""
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def compiled(pattern: str) -> re.Pattern[str]:
    """Raises re.error, OverflowError or RecursionError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Python may read otherwise one day
        return re.compile(pattern)


def searched(pattern: re.Pattern[str], text: str) -> bool | Unresolved:
    """Whether *pattern* is found anywhere in *text*; unresolved where that takes too long."""
    if len(text) > LONGEST_SEARCHED:
        return Unresolved(f"regex() searches {LONGEST_SEARCHED} characters at most, and it has {len(text)}: use pat()")
    try:
        return _limit.search(pattern, text)
    except _TooLong:
        return Unresolved(f"the search took more than {SEARCH_SECONDS * 1000:g} ms")
    except MemoryError:
        return Unresolved("the search took too much memory")


class _TooLong(Exception):
    """Raised in the middle of a search."""


class _Limit:
    """
    Ends a search after SEARCH_SECONDS of CPU by a signal. `re` looks for one at each 4096th step, and a step may pass
    over the whole text: hence LONGEST_SEARCHED. Python hands signals to the main thread alone, so elsewhere there is no
    limit; probes are judged in the main thread.
    """

    def __init__(self) -> None:
        self._installed = False
        self._armed = False

    def search(self, pattern: re.Pattern[str], text: str) -> bool:
        if threading.current_thread() is not threading.main_thread():
            return pattern.search(text) is not None
        if not self._installed:
            # And never taken away: the default of this signal is to end the process, and one may still be on its way.
            signal.signal(signal.SIGVTALRM, self._ring)
            self._installed = True
        self._armed = True
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, SEARCH_SECONDS)
            return pattern.search(text) is not None
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _ring(self, _signal: int, _frame: FrameType | None) -> None:
        # One that comes when the search is over must raise nowhere else.
        if self._armed:
            raise _TooLong


_limit = _Limit()
