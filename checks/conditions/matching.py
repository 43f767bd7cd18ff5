"""What stands beside a value and is more than one text: `pat(*ok*)`, `regex(^1\\.)`, `any(200, 204)`."""

from __future__ import annotations

import re
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from checks.conditions.unresolved import Unresolved

SEARCH_SECONDS: Final = 0.05
"""Of CPU. A pattern with repeats in repeats may take years for a text that the target chose."""


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
    try:
        with _limited():
            return pattern.search(text) is not None
    except (_TooLong, RecursionError, MemoryError):
        return Unresolved(f"the search took more than {SEARCH_SECONDS * 1000:g} ms")


class _TooLong(Exception):
    """Raised in the middle of a search."""


@contextmanager
def _limited() -> Iterator[None]:
    """
    Ends what runs inside after SEARCH_SECONDS of CPU: `re` looks for signals while it searches. Python hands them to
    the main thread alone, so elsewhere there is no limit; probes are judged in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def ring(_signal: int, _frame: FrameType | None) -> None:
        # One that comes late, when the search is over, must raise nowhere else.
        if armed:
            raise _TooLong

    before = signal.signal(signal.SIGVTALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, SEARCH_SECONDS)
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before if before is not None else signal.SIG_DFL)
