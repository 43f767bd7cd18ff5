"""The history's file, which may be lost: corrupt, it is set aside and begun anew; a disk that refuses is waited for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from loguru import logger

from monitor.ledger import rollup
from monitor.ledger.database import LedgerError, SchemaTooNew, is_corrupt
from monitor.ledger.schema import HISTORY_STEPS
from monitor.ledger.upgrade import UpgradeFailed, open_for_writing

T = TypeVar("T")

KEPT: Final = 3
"""Corrupt files that stay for whoever wants to look into them. A bad disk must not fill up with them."""
_BESIDE: Final = ("", "-wal", "-shm")
_OUR_FAULT: Final = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)
_SINCE: Final = "incomplete_since"


class HistoryFile:
    """
    Nothing raises but `SchemaTooNew`, at the beginning. Not for two threads at once.

    Attributes:
        incomplete_since: From when on what is kept is all there is; None while nothing was lost.
    """

    def __init__(self, path: Path, wall: Callable[[], datetime]) -> None:
        self.path = path
        self.incomplete_since: datetime | None = None
        self._wall = wall
        self._is_told = True  # the file knows `incomplete_since`
        self._is_refused = False
        self._connection: sqlite3.Connection | None = None
        self.attempt(lambda _: None)

    def attempt(self, work: Callable[[sqlite3.Connection], T]) -> tuple[bool, T | None]:
        """Whether it worked, and its answer. A file found corrupt is replaced by a new one, once."""
        for _ in range(2):
            try:
                answer = work(self._connected())
            except SchemaTooNew:
                raise
            except (sqlite3.Error, LedgerError, OSError) as error:
                self._roll_back()
                if not _is_hopeless(error) or not self._set_aside(error):
                    self._refused(error)
                    return False, None
            else:
                self._refused(None)
                return True, answer
        return False, None

    def lose(self, since: datetime) -> None:
        """What is older than *since*, or was to be written since, is not here."""
        self.incomplete_since, self._is_told = since.astimezone(UTC), False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = open_for_writing(self.path, HISTORY_STEPS, synchronous="NORMAL", busy_seconds=1.0)
            rollup.prepare(connection)
            self._connection = connection
            found = connection.execute("SELECT value FROM meta WHERE key = ?", (_SINCE,)).fetchone()
            if found and self._is_told:
                self.incomplete_since = datetime.fromisoformat(found[0])
        if not self._is_told and self.incomplete_since is not None:
            since = self.incomplete_since.isoformat()
            self._connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_SINCE, since))
            self._is_told = True
        return self._connection

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.rollback()

    def _set_aside(self, error: Exception) -> bool:
        """False when the folder does not let us."""
        self.close()
        now = self._wall().astimezone(UTC)
        aside = self.path.with_name(f"{self.path.name}.corrupt-{now:%Y%m%dT%H%M%SZ}")
        try:
            for suffix in _BESIDE:
                part = self.path.with_name(self.path.name + suffix)
                if part.exists():
                    part.replace(aside.with_name(aside.name + suffix))
            _forget_oldest(self.path)
        except OSError as refusal:
            logger.debug("history: {} cannot be set aside: {}", self.path, refusal)
            return False
        logger.warning(
            "history: {} is corrupt ({}); set aside as {}, a new one is begun; budgets are incomplete meanwhile",
            self.path,
            error,
            aside.name,
        )
        self.lose(now)
        return True

    def _refused(self, error: Exception | None) -> None:
        if error is not None and not self._is_refused:
            logger.error(
                "history: {} cannot be used ({}); rows are kept in memory meanwhile: see that its "
                "disk has room and can be written",
                self.path,
                error,
            )
        elif error is None and self._is_refused:
            logger.info("history: {} can be used again", self.path)
        self._is_refused = error is not None


def _is_hopeless(error: Exception) -> bool:
    """Waiting does not mend it: it is no database, or one that the step to our schema does not fit."""
    if isinstance(error, UpgradeFailed) and error.__cause__ is not None:
        code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
        return is_corrupt(error.__cause__) or code in _OUR_FAULT
    return is_corrupt(error)


def _forget_oldest(path: Path) -> None:
    corrupt = sorted(path.parent.glob(f"{path.name}.corrupt-*Z"))
    for old in corrupt[:-KEPT]:
        for suffix in _BESIDE:
            old.with_name(old.name + suffix).unlink(missing_ok=True)
