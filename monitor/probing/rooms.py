"""
How many requests may be under way in each lane, so that a kind of which nothing comes back leaves room for the others.

All together have a bound, for the sake of descriptors and memory. Each lane has a share of it that is its own: as many
as it has checks, or an equal part. What is over is for whoever comes first, so a lane that is alone may use everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from checks.check import Check


def lane_of(check: Check) -> str:
    """What hangs together: a kind, and over TLS another one, as it is the handshake that hangs."""
    question = check.question
    return f"{question.kind} over tls" if question.url.startswith(("https:", "wss:")) else question.kind


MOST: Final = 2000
"""Requests at the same time. A handshake or an answer that is waited for costs about 60 KB."""


class Rooms:
    """
    Attributes:
        most: Requests in all lanes at the same time.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._shares: dict[str, int] = {}
        self._taken: Counter[str] = Counter()
        # Of `most`: what is taken, and what is kept for those that have less than their share.
        self._kept = 0

    def replace(self, lanes: Iterable[str]) -> None:
        """*lanes*: that of each check."""
        checks = Counter(lanes)
        part = self.most // (len(checks) + 1)
        self._shares = {lane: min(number, part) for lane, number in checks.items()}
        self._kept = sum(map(self._kept_for, self._shares.keys() | self._taken.keys()))

    def take(self, lane: str, requests: int) -> None:
        """With a negative number they are given back."""
        share, before = self._shares.get(lane, 0), self._taken[lane]
        after = self._taken[lane] = before + requests
        if after > share or before > share:
            self._kept += max(after, share) - max(before, share)

    def left(self, lane: str) -> int:
        """How many more requests may begin in *lane* now."""
        own = self._shares.get(lane, 0) - self._taken[lane]
        return max(0, own) + max(0, self.most - self._kept)

    def _kept_for(self, lane: str) -> int:
        return max(self._taken[lane], self._shares.get(lane, 0))


class Crowd:
    """What to tell of probes that have no room: while slots are missed for it, and once when that is over."""

    def __init__(self) -> None:
        self._missed = 0
        self._since: int | None = None

    def look(self, missed: int, crowded: Sequence[str], rooms: Rooms, under_way: int) -> str:
        """
        Args:
            missed: Slots, for whatever reason, since the process began.
            crowded: Lanes in which something is overdue that has no room.
        """
        before, self._missed = self._missed, missed
        if not crowded:
            since, self._since = self._since, None
            return "" if since is None else f"there is room for every probe again; {missed - since} slots were missed"
        if missed == before:
            return ""
        self._since = before if self._since is None else self._since
        few = "more descriptors would help: raise LimitNOFILE= in the unit, or ulimit -n" if rooms.most < MOST else ""
        remedy = few or "give those that do not answer a shorter timeout or a longer interval"
        return (
            f"no room to begin what is due of {', '.join(crowded)}: {under_way} requests are under way, "
            f"and {missed - self._since} slots are missed; {remedy}"
        )
