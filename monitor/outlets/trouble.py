"""What a lane says of an error that it goes on after: of the machine's a line with the remedy, of ours a traceback."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from monitor.probing.shortage import KNOWN, remedy, shortage

if TYPE_CHECKING:
    from loguru import Logger


def say(log: Logger, error: Exception, what: str) -> None:
    """*what* was being done. Nobody finds a mistake of ours without its traceback; a full table of files needs none."""
    if not isinstance(error, OSError | sqlite3.OperationalError):
        log.opt(exception=error).error("{}", what)
        return
    # SQLite tells only that a file could not be opened, so it is asked what a new one would meet.
    number = error.errno if isinstance(error, OSError) else shortage()
    words = remedy(number) if number in KNOWN else f"{type(error).__name__}: {error}"
    log.error("{}: {}", what, words)
