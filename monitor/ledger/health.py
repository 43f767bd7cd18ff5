"""Can the ledger take a commit? Told by the writer, asked by everyone; speaks once when it turns, either way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from loguru import logger

from monitor.ledger.database import STOP_FIRST


class Health:
    """
    Attributes:
        slow_after: Seconds that one transaction may take before the ledger counts as not taking commits.
    """

    def __init__(self, slow_after: float, wall: Callable[[], datetime]) -> None:
        self.slow_after = slow_after
        self._wall = wall
        self._lock = threading.Lock()
        self._begun: float | None = None  # of the transaction under way, time.monotonic()
        self._held_since: datetime | None = None
        self._trouble = ""

    def begin(self) -> None:
        with self._lock:
            self._begun = time.monotonic()

    def failed(self, trouble: str, waiting: int) -> None:
        with self._lock:
            self._begun = None
            self._hold(trouble, waiting)

    def well(self, waiting: int) -> None:
        """The transaction was committed, *waiting* commits are still in the queue."""
        with self._lock:
            self._begun = None
            if self._held_since is None:
                return
            logger.info("ledger: takes commits again, held since {}, {} still to write", self._held_since, waiting)
            self._held_since = None
            self._trouble = ""

    def look(self, waiting: int) -> tuple[datetime | None, str]:
        """
        Held since when (wall clock), and why; None when well.

        A transaction that hangs in the disk cannot report itself: asking is what notices it. The daemon asks on every
        tick, and the effects worker at least once a second.
        """
        with self._lock:
            is_slow = self._begun is not None and time.monotonic() - self._begun > self.slow_after
            if is_slow and self._held_since is None:  # a retry that is slow too says less than why the first one failed
                self._hold(f"a commit takes more than {self.slow_after:g} s", waiting)
            return self._held_since, self._trouble

    def _hold(self, trouble: str, waiting: int) -> None:
        if self._held_since is None:
            self._held_since = self._wall()
            # Of a damaged file the trouble itself says what to do: room on the disk would not help.
            remedy = "" if STOP_FIRST in trouble else ": see that its disk has room and can be written"
            logger.error(
                "ledger: cannot take commits ({}); {} held in order and retried, "
                "SEV1 and SEV2 notices go out at once{}",
                trouble,
                waiting,
                remedy,
            )
        self._trouble = trouble
