"""The one thread that writes the ledger: jobs in order, each whole or not at all, none lost while the disk refuses."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice

from loguru import logger

from monitor.ledger.crashpoints import reach
from monitor.ledger.database import STOP_FIRST, LedgerError, is_corrupt
from monitor.ledger.health import Health
from monitor.ledger.records import Effect
from monitor.ledger.rows import Statement

_BATCH = 256  # commits in one transaction: they share its one fsync
_FIRST_RETRY = 0.1  # seconds, doubling
_LAST_RETRY = 5.0


class LedgerClosed(LedgerError):
    """The ledger was closed before this could be written."""


@dataclass(slots=True, eq=False)
class Job:
    """
    Attributes:
        effects: Those that it would add, so that urgent ones can go out while it is held.
    """

    statements: tuple[Statement, ...]
    effects: tuple[Effect, ...] = ()
    future: Future[None] = field(default_factory=Future)
    refusal: BaseException | None = None


class Writer:
    def __init__(self, connection: sqlite3.Connection, health: Health) -> None:
        self.connection = connection
        self._health = health
        self._jobs: deque[Job] = deque()  # a job leaves only when it is written or refused
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Future[None]:
        job.future.set_running_or_notify_cancel()  # what was handed over cannot be taken back
        with self._changed:
            if self._closing:
                job.future.set_exception(LedgerClosed("the ledger is closed: nothing more is written"))
                return job.future
            self._jobs.append(job)
            self._changed.notify_all()
        return job.future

    def waiting(self) -> int:
        return len(self._jobs)

    def held_effects(self) -> tuple[Effect, ...]:
        with self._changed:
            return tuple(effect for job in self._jobs for effect in job.effects)

    def close(self, timeout: float) -> None:
        """Write what waits, with one last try if the disk refuses; futures of what is left fail with LedgerClosed."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        with self._changed:
            left, self._jobs = self._jobs, deque()
        if left:
            logger.error("ledger: closed with {} commits that could not be written", len(left))
        for job in left:
            job.future.set_exception(LedgerClosed("the ledger was closed while it could not take commits"))
        if not self._thread.is_alive():
            self.connection.close()

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._jobs) or self._closing)
                if pause:
                    self._changed.wait_for(lambda: self._closing, timeout=pause)
                last_try = self._closing
                batch = list(islice(self._jobs, _BATCH))
            if not batch:
                return
            if self._attempt(batch):
                pause = 0.0
            elif last_try:
                return
            else:
                pause = min(max(pause * 2, _FIRST_RETRY), _LAST_RETRY)

    def _attempt(self, batch: list[Job]) -> bool:
        reach("before-commit")
        self._health.begin()
        try:
            self._write(batch)
        except sqlite3.Error as error:
            self._roll_back()
            self._health.failed(_trouble(error), self.waiting())
            return False
        reach("after-commit")
        with self._changed:
            for _ in batch:
                self._jobs.popleft()
        self._health.well(self.waiting())
        for job in batch:
            _tell(job)
        return True

    def _write(self, batch: list[Job]) -> None:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        for job in batch:
            job.refusal = None
            execute("SAVEPOINT job")
            try:
                for sql, rows in job.statements:
                    self.connection.executemany(sql, rows)
                    reach("inside-transaction")
            except Exception as error:
                if is_disk_trouble(error):
                    raise
                execute("ROLLBACK TO job")
                job.refusal = error
            execute("RELEASE job")
        execute("COMMIT")

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors, and then refuses a second time.
        if self.connection.in_transaction:
            try:
                self.connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                logger.debug("ledger: roll-back refused: {}", error)


def _trouble(error: sqlite3.Error) -> str:
    """A full disk is a thing one sees to; of a damaged file one must be told that waiting does not mend it."""
    said = f"{error} ({getattr(error, 'sqlite_errorname', 'no code')})"
    return f"{said}; {STOP_FIRST}" if is_corrupt(error) else said


def is_disk_trouble(error: BaseException) -> bool:
    """
    Will the same commit work later? Full, locked, I/O and corruption: perhaps, and it must not be lost, so it is held.
    A row that breaks a constraint or cannot be bound is the fault of whoever made it: it is refused and told to them.
    """
    refused = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, refused)


def _tell(job: Job) -> None:
    if job.refusal is None:
        job.future.set_result(None)
        return
    logger.error("ledger: refused a commit: {}: {}", type(job.refusal).__name__, job.refusal)
    job.future.set_exception(job.refusal)
