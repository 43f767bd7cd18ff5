"""Notion takes three requests a second, and some more for a moment. What keeps to that is seldom told to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from monitor.outlets.http import Answer, Connection

EVERY: Final = 1 / 3
"""Seconds between two requests, on average."""
AT_ONCE: Final = 12
"""Requests that may come together after a pause: as many as an effect needs, and its answer lost once."""


class Pace:
    """
    Args:
        now: Seconds of a clock that is never set.
        sleep: Waits as many seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._now = now
        self._sleep = sleep
        self._spent_until = now()
        self._one_at_a_time = threading.Lock()

    def wait(self) -> None:
        """Until one more request may be sent."""
        with self._one_at_a_time:
            now = self._now()
            self._spent_until = max(self._spent_until, now) + EVERY
            early = self._spent_until - now - EVERY * AT_ONCE
        if early > 0:
            self._sleep(early)


class PacedConnection:
    def __init__(self, inner: Connection, pace: Pace) -> None:
        self._inner = inner
        self._pace = pace

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        self._pace.wait()
        return self._inner.exchange(method, url, headers, body)

    def close(self) -> None:
        self._inner.close()
