"""How often a check is asked, and how long it may take, when the file does not say."""

from __future__ import annotations

from datetime import timedelta

DEFAULT_INTERVAL = timedelta(seconds=30)
LONGEST_DEFAULT_TIMEOUT = timedelta(seconds=10)


def default_timeout(interval: timedelta) -> timedelta:
    """80 % of the interval, so that a probe ends before the next is due, and 10 s at most."""
    return min(interval * 0.8, LONGEST_DEFAULT_TIMEOUT)
