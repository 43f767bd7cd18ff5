"""The ledger itself: commit what became true, read it back. Writing never waits, reading sees what was committed."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from loguru import logger

from monitor.ledger import rows
from monitor.ledger.database import (
    STOP_FIRST,
    LedgerError,
    LedgerUnsound,
    is_corrupt,
    open_beside_writer,
    open_for_reading,
    refuse_newer,
    schema_version,
)
from monitor.ledger.health import Health
from monitor.ledger.reader import LedgerReader
from monitor.ledger.records import BudgetCheckpoint, BudgetPast, Commit, Effect, TicketLink
from monitor.ledger.restore import finish_restore
from monitor.ledger.schema import LEDGER_FILE, LEDGER_STEPS
from monitor.ledger.soundness import refuse_unsound, unreadable
from monitor.ledger.upgrade import open_for_writing
from monitor.ledger.writer import Job, Writer

T = TypeVar("T")

SLOW_AFTER = 5.0  # seconds; the same patience for a lock of another process and for a disk that hangs


def _wall() -> datetime:
    return datetime.now(UTC)


class Ledger(LedgerReader):
    """Opened by the daemon, which holds the state lock. Any thread may call any method; none waits to write."""

    def __init__(self, path: Path, writer: Writer, health: Health) -> None:
        super().__init__(path, partial(open_beside_writer, path), keep=True)
        self._writer = writer
        self._health = health
        self._numbering = threading.Lock()
        self._damage = ""
        self._number = max(self.highest_number(), int(self.meta(rows.NUMBERS_FROM) or 0))

    @classmethod
    def open(cls, folder: Path, *, slow_after: float = SLOW_AFTER, wall: Callable[[], datetime] = _wall) -> Ledger:
        """
        Looks through it first: what is not sound, or of a newer version, is refused and not touched.

        Raises:
            LedgerError: It cannot be used; what was found and what would be right, in one line.
        """
        path = folder / LEDGER_FILE
        if finish_restore(folder):
            logger.warning("{}: a restore had been cut off; the backup is in its place now", folder)
        refuse_unsound(path, len(LEDGER_STEPS))
        try:
            connection = open_for_writing(
                path, LEDGER_STEPS, synchronous="FULL", busy_seconds=slow_after, keeps_copy=True
            )
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"{path} cannot be opened for writing ({error}): "
                f"see that its disk has room and that uid {os.geteuid()} may write in {folder}"
            ) from error
        health = Health(slow_after, wall)
        return cls(path, Writer(connection, health), health)

    @classmethod
    def open_read_only(cls, folder: Path) -> LedgerReader:
        """
        For commands that only look, beside a running daemon or without one. Makes no file.

        Raises:
            LedgerAbsent: There is none, or we may not read it.
            SchemaTooNew: A newer version wrote it.
            LedgerUnsound: It is no ledger.
        """
        path = folder / LEDGER_FILE
        with closing(open_for_reading(path)) as connection:
            try:
                found = schema_version(connection)
            except sqlite3.DatabaseError as error:
                raise unreadable(path, error) from error
        known = len(LEDGER_STEPS)
        refuse_newer(found, path, known)
        if 0 < found < known:
            raise LedgerError(f"{path} has schema {found}, this version reads {known}: monitor run upgrades it")
        if found == 0:
            raise LedgerUnsound(f"{path} is a database of another program and no ledger: move it away")
        return LedgerReader(path, partial(open_for_reading, path), keep=False)

    def commit(self, commit: Commit) -> Future[None]:
        """
        Whole or not at all, and in the order of the calls. Once the future is done, every read sees it.

        A disk that refuses only delays the future. It fails with what SQLite said when the rows themselves are wrong,
        and with LedgerClosed when the ledger was closed first.

        Raises:
            TypeError, ValueError: The commit holds what cannot be kept, such as a naive instant.
        """
        job = Job(rows.commit_statements(commit), commit.effects)
        with self._numbering:
            self._number = max(self._number, *(incident.number for incident in commit.incidents), 0)
        return self._writer.submit(job)

    def record(self, effect: Effect, ticket: TicketLink | None = None) -> Future[None]:
        """What became of an effect that was committed before: its state, attempts, next_at, external id and detail."""
        return self._writer.submit(Job(rows.effect_statements(effect, ticket)))

    def set_meta(self, key: str, value: str) -> Future[None]:
        return self._writer.submit(Job(rows.meta_statements(key, value)))

    def write_checkpoints(self, checkpoints: Sequence[BudgetCheckpoint]) -> Future[None]:
        """Written again, an hour is replaced."""
        return self._writer.submit(Job(rows.checkpoint_statements(checkpoints)))

    def forget_checkpoints(self, before: datetime) -> Future[None]:
        return self._writer.submit(Job(rows.forget_checkpoints_statements(before)))

    def write_pasts(self, pasts: Sequence[BudgetPast]) -> Future[None]:
        """Written again, a check's past is replaced. Checkpoints before its `until` then say nothing more."""
        return self._writer.submit(Job(rows.past_statements(pasts)))

    def forget_pasts(self, before: datetime) -> Future[None]:
        """Of checks that were not watched since."""
        return self._writer.submit(Job(rows.forget_pasts_statements(before)))

    def forget_alerts(self, before: datetime) -> Future[None]:
        """Those that belong to no incident and were not told since."""
        return self._writer.submit(Job(rows.forget_alerts_statements(before)))

    def next_number(self) -> int:
        """The next short incident number. One that is never committed leaves a gap until the next restart."""
        with self._numbering:
            self._number += 1
            return self._number

    @property
    def healthy(self) -> bool:
        return self.held_since is None

    @property
    def held_since(self) -> datetime | None:
        """Since when commits fail or hang (wall clock, UTC)."""
        return self._health.look(self._writer.waiting())[0]

    @property
    def trouble(self) -> str:
        """Why commits are held, in SQLite's words; empty when well."""
        return self._health.look(self._writer.waiting())[1]

    @property
    def waiting(self) -> int:
        """Commits handed over and not written yet."""
        return self._writer.waiting()

    @property
    def damage(self) -> str:
        """What was found broken in the file while reading it, and what to do; empty when nothing was."""
        return self._damage

    def held_effects(self) -> tuple[Effect, ...]:
        """Effects of commits that are not written yet: no read finds them, but urgent ones may go out."""
        return self._writer.held_effects()

    def _all(self, make: Callable[[rows.Row], T], sql: str, arguments: Sequence[object] = ()) -> tuple[T, ...]:
        try:
            return super()._all(make, sql, arguments)
        except sqlite3.DatabaseError as error:
            if is_corrupt(error) and not self._damage:
                self._damage = f"{error}; {STOP_FIRST}"
                logger.error("ledger: {} is damaged: {}", self.path, self._damage)
            raise

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits, then close. Futures of what cannot be written fail with LedgerClosed."""
        super().close()
        self._writer.close(timeout)
