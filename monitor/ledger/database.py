"""One SQLite file of ours: how it is found, opened and read, and in which words it is refused."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

REMEDY: Final = "put a backup in its place with `monitor restore FILE`, or move it away to begin without its record"
STOP_FIRST: Final = "stop the daemon and put a backup in its place: monitor restore FILE"
_READER_CACHE_KIB: Final = 256
"""Of each connection that the daemon reads with. SQLite's own 2 MB fill up as the ledger grows, in every one of them,
and what is asked here is a handful of pages."""
_CORRUPT: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class LedgerError(Exception):
    """Says in one line which file, what was found, and what would be right."""


class SchemaTooNew(LedgerError):
    pass


class LedgerAbsent(LedgerError):
    pass


class LedgerUnsound(LedgerError):
    """It is there and cannot be used; nothing was touched."""


class FolderUnusable(LedgerError):
    pass


def make_folder(folder: Path) -> None:
    """
    Only a folder that we make is closed to others; one that was there before keeps what its owner decided.

    Raises:
        FolderUnusable: It is not there and cannot be made.
    """
    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise FolderUnusable(
            f"the state folder {folder} cannot be made by uid {os.geteuid()} ({error.strerror}): "
            "make it for this user, or name another one in monitor.state"
        ) from None


def sync_folder(folder: Path) -> None:
    """That a rename survives a power cut; not every filesystem can promise it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_corrupt(error: BaseException) -> bool:
    # Extended codes keep the primary one in their low byte.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT


def refuse_newer(found: int, path: Path, known: int) -> None:
    if found <= known:
        return
    # The one that the upgrade away from what we know has left, if it is still here.
    copies = [copy_name(path, number) for number in range(known + 1, found + 1)]
    copy = next((f", {copy}" for copy in copies if copy.exists()), "")
    raise SchemaTooNew(
        f"{path} has schema {found}, this version knows {known}: start the newer version that wrote it, "
        f"or restore the copy made before the upgrade{copy}"
    )


def copy_name(path: Path, schema: int) -> Path:
    """Of the copy that is made before *path* is brought to *schema*."""
    return path.with_name(f"{path.name}.before-schema-{schema}")


def schema_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_no_file(path: Path, kind: str = "ledger", remedy: str = REMEDY) -> None:
    """What can be told without SQLite, which would remove the -wal beside an empty file."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise LedgerUnsound(f"{path} is a folder and no {kind}: move it away")
    if not stat.S_ISREG(status.st_mode):
        raise LedgerUnsound(f"{path} is no regular file and no {kind}: move it away")
    if status.st_size == 0:
        raise LedgerUnsound(f"{path} is empty, what it held is gone: {remedy}")


def open_for_reading(path: Path, kind: str = "ledger", remedy: str = REMEDY) -> sqlite3.Connection:
    """
    Open *path* and make no file: not the database, and not the -wal and -shm beside it.

    With no -wal the last writer closed it well and everything is in the one file; SQLite would still make a -wal to
    read it, owned by whoever asks, and a daemon of another user could then not start. Hence `immutable`.

    Args:
        kind, remedy: What it should be, and what helps if it is not: for the words of a refusal.

    Raises:
        LedgerAbsent: There is no such file, or we may not read it.
        LedgerUnsound: It is empty, or no file.
    """
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        raise LedgerAbsent(f"{path} does not exist: no daemon has kept a {kind} there yet") from None
    except PermissionError:
        raise LedgerAbsent(f"{path.parent} may not be entered by uid {os.geteuid()}: ask as its owner") from None
    refuse_no_file(path, kind, remedy)
    if not os.access(path, os.R_OK):
        raise LedgerAbsent(f"{path} may not be read by uid {os.geteuid()}: ask as its owner, uid {owner}")
    wal = path.with_name(path.name + "-wal")
    if not wal.exists() or wal.stat().st_size == 0:
        return _connect_uri(path, "mode=ro&immutable=1")
    if not path.with_name(path.name + "-shm").exists():
        return _open_copy(path, wal)
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
    connection = _connect_uri(path, "mode=ro")
    connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
    return connection


def write_copy(source: sqlite3.Connection, path: Path) -> None:
    """
    All of *source* as it is at one instant, also while others write, as the one file *path* (mode 0600), durable.

    Raises:
        FileExistsError: *path* is there.
        OSError, sqlite3.Error: It could not be written whole; what there is of it must be removed.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    target = sqlite3.connect(path, isolation_level=None)
    try:
        source.backup(target)
        # The copy says of itself that it has a -wal, as its source has: it shall be one file wherever it is opened.
        target.execute("PRAGMA journal_mode = DELETE")
    finally:
        target.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _open_copy(path: Path, wal: Path) -> sqlite3.Connection:
    """No daemon is there, or there would be a -shm. SQLite would make one to read the -wal, so it reads a copy."""
    with tempfile.TemporaryDirectory(prefix="watchkeeper-") as folder:
        copy = Path(folder, path.name)
        shutil.copyfile(path, copy)
        shutil.copyfile(wal, copy.with_name(wal.name))
        connection = sqlite3.connect(copy, isolation_level=None, check_same_thread=False)
        with suppress(sqlite3.DatabaseError):  # whoever asks it is told
            # Now its files are open, and may lose their names.
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
        return connection


def _connect_uri(path: Path, options: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.resolve()))}?{options}"
    return sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
