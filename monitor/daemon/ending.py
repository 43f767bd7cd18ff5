"""
How long the end may take: one deadline that all its steps share, and a last resort for a step that hangs anyway.

Service managers and orchestrators kill after ten seconds or more, so everything is over in less than six.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from loguru import logger

WITHIN = 5.0
"""Seconds for all steps together."""
LAST_RESORT = 5.5
"""Seconds after which the process ends whatever it is waiting for: a disk that hangs gives no step back."""


class Ending:
    """Begins when it is made."""

    def __init__(self, within: float = WITHIN) -> None:
        self._began = time.monotonic()
        self._deadline = self._began + within

    @property
    def so_far(self) -> float:
        return time.monotonic() - self._began

    def left(self, at_most: float, keep: float = 0.0) -> float:
        """
        Seconds for the next step.

        Args:
            keep: What the steps after it need.
        """
        return max(0.0, min(at_most, self._deadline - keep - time.monotonic()))

    def bounded(self, step: Callable[[], object], what: str, at_most: float, keep: float = 0.0) -> None:
        """Waits for a step that knows no bound of its own; left alone after that, it ends with the process."""
        thread = threading.Thread(target=step, name=f"ending-{what}", daemon=True)
        thread.start()
        thread.join(self.left(at_most, keep))
        if thread.is_alive():
            logger.error(f"stopping: {what} hangs and is left behind")


def end_at_last(after: float = LAST_RESORT) -> None:
    """Whatever hangs, the process is gone *after* seconds. What was not written is found undone at the next start."""

    def end() -> None:
        threading.Event().wait(after)
        logger.error(f"stopping took more than {after:g} s; ended without waiting any longer")
        os._exit(0)

    threading.Thread(target=end, name="end-at-last", daemon=True).start()
