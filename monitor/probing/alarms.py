"""What is to happen later in a loop of one thread: a retry that waits, a deadline that passes."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class Alarms:
    """Times are seconds of the steady timeline. One that is no longer wanted is left to ring: its callback checks."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, callback: Callable[[], None]) -> None:
        heappush(self._heap, (when, next(self._order), callback))

    def ring(self, now: float) -> None:
        """Call what has come due; what is set meanwhile for a time already past waits for the next call."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heappop(self._heap)[2])
        for callback in due:
            callback()

    def next_at(self) -> float | None:
        return self._heap[0][0] if self._heap else None
