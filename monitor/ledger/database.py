"""One SQLite file of ours: how it is made, opened and brought to the schema that this version knows."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote


class LedgerError(Exception):
    """Says in one line which file, what was found, and what would be right."""


class SchemaTooNew(LedgerError):
    pass


class LedgerAbsent(LedgerError):
    pass


class LedgerUnusable(LedgerError):
    pass


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Whatever keeps *path* from being opened, in one line with what to do about it."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        why = getattr(error, "strerror", None) or error
        raise LedgerUnusable(f"{path} cannot be opened for writing: {why}; {_remedy(error, path)}") from error


def _remedy(error: Exception, path: Path) -> str:
    if is_corrupt(error):
        return "restore it from a backup, or move it away to begin anew without what it knows"
    return f"is there room on its disk, and may uid {os.geteuid()} write in {path.parent}?"


def is_corrupt(error: Exception) -> bool:
    # Extended codes keep the primary one in their low byte.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def make_folder(folder: Path) -> None:
    """Only a folder that we make is closed to others; one that was there before keeps what its owner decided."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)


def open_for_writing(
    path: Path, migrations: Sequence[str], *, synchronous: str, busy_seconds: float
) -> sqlite3.Connection:
    """
    Open *path*, making it (mode 0600) when it is absent, and bring it to the newest of *migrations*.

    Transactions are begun and ended by the caller. The connection may be handed from one thread to another.

    Raises:
        SchemaTooNew: A newer version wrote it. We would misread it, so we do not touch it.
        sqlite3.Error: It cannot be opened, or is no database.
    """
    make_folder(path.parent)
    # SQLite would make it readable to all; its -wal and -shm files take their mode from this one. Only a new file is
    # opened here: closing a second descriptor of one that SQLite has open in this process would drop its locks.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        migrate(connection, path, migrations)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Each step in one transaction together with its number: a crash leaves the old schema or the new one."""
    found = schema_version(connection)
    refuse_newer(found, path, len(migrations))
    for number, script in enumerate(migrations[found:], found + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def refuse_newer(found: int, path: Path, known: int) -> None:
    if found > known:
        raise SchemaTooNew(
            f"{path} has schema {found}, this version knows {known}: start the newer version that wrote it, "
            "or restore the copy made before the upgrade"
        )


def schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def open_for_reading(path: Path) -> sqlite3.Connection:
    """
    Open *path* and make no file: not the database, and not the -wal and -shm beside it.

    With no -wal the last writer closed it well and everything is in the one file; SQLite would still make a -wal to
    read it, owned by whoever asks, and a daemon of another user could then not start. Hence `immutable`.

    Raises:
        LedgerAbsent: There is no such file, or we may not read it.
    """
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        raise LedgerAbsent(f"{path} does not exist: no daemon has kept a ledger there yet") from None
    except PermissionError:
        raise LedgerAbsent(f"{path.parent} may not be entered by uid {os.geteuid()}: ask as its owner") from None
    if not os.access(path, os.R_OK):
        raise LedgerAbsent(f"{path} may not be read by uid {os.geteuid()}: ask as its owner, uid {owner}")
    wal = path.with_name(path.name + "-wal")
    if not wal.exists() or wal.stat().st_size == 0:
        return _connect_uri(path, "mode=ro&immutable=1")
    connection = _connect_uri(path, "mode=ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except sqlite3.OperationalError:
        # A read-only folder without -shm: the -wal cannot be read, but what was checkpointed can.
        connection.close()
        return _connect_uri(path, "mode=ro&immutable=1")
    return connection


def open_beside_writer(path: Path) -> sqlite3.Connection:
    """For reading in the process that has it open for writing: the -wal and -shm are there."""
    return _connect_uri(path, "mode=ro")


def _connect_uri(path: Path, options: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.resolve()))}?{options}"
    return sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
