"""What whoever acts through the desk is told of the ledger: it has it, it has it not yet, or it cannot be read."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final

from monitor.web.desk import DeskRefusal

WRITTEN_WITHIN: Final = 5.0


async def recorded(written: Future[None]) -> None:
    """Returns once the ledger has it, so that what a person was told is done survives what comes next."""
    try:
        await asyncio.wait_for(asyncio.wrap_future(written), WRITTEN_WITHIN)
    except TimeoutError:
        raise DeskRefusal(503, "taken, but the ledger cannot record it now; it is held and retried") from None


@contextmanager
def readable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DeskRefusal(503, f"the ledger cannot be read now: {error}; monitor status says what to do") from None
