"""
What the process is told by signals, from its first moment on.

Handlers are set before anything slow begins: the kernel lets PID 1 of a container ignore SIGTERM until it has one, and
a SIGHUP would end a process that has none.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType


class Signals:
    """SIGTERM and SIGINT stop: at once while it starts, in order while it serves. The second one ends it at once."""

    def __init__(self) -> None:
        self._stop: Callable[[], object] | None = None
        self._reload: Callable[[], object] | None = None
        self._told = False

    def install(self) -> None:
        """Call it in the main thread. What comes before `serve` ends the start, by SystemExit with status 0."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    def serve(self, stop: Callable[[], object], reload: Callable[[], object]) -> None:
        """From now on these are called, in the main thread between two of its steps: they may only pass it on."""
        self._stop, self._reload = stop, reload
        if self._told:
            stop()  # the start was told, and whatever it was doing swallowed that

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self._told:
            # Ledger and effects are made for an end at any moment; whoever asks twice does not want to wait.
            os._exit(128 + number)
        self._told = True
        if self._stop is None:
            raise SystemExit(0)
        self._stop()

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        # While it starts, the configuration is being read anyway; what changes after that is seen by its files.
        if self._reload is not None:
            self._reload()
