"""Is it a ledger, whole and ours to write? Asked before it is opened for writing, so that a "no" touches nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

from monitor.ledger.database import (
    REMEDY,
    LedgerUnsound,
    open_for_reading,
    refuse_newer,
    refuse_no_file,
    schema_version,
)

Check = Literal["quick_check", "integrity_check"]
"""The second looks into the indexes too, and takes several times as long."""

MAGIC: Final = b"SQLite format 3\0"


def refuse_unsound(path: Path, known: int) -> None:
    """
    Before a daemon takes *path* over. A file that is not there is no fault.

    Reads all of it: half a second for 130 MB on a busy machine.

    Args:
        known: The newest schema that this version knows.

    Raises:
        LedgerUnsound: With what was found and what would be right.
        SchemaTooNew: A newer version wrote it.
    """
    if not path.exists():
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size > 0:
            # SQLite would remove it as soon as a new ledger is made, and with it the only trace of the old one.
            raise LedgerUnsound(f"{path} is gone and {wal.name} is still there: put the file back, or move both away")
        return
    refuse_no_file(path)
    if not os.access(path, os.R_OK | os.W_OK):
        me, owner = os.geteuid(), path.stat().st_uid
        remedy = "make it writable" if me in (0, owner) else f"run as its owner, uid {owner}, or give it to uid {me}"
        raise LedgerUnsound(f"{path} may not be read and written by uid {me}: {remedy}")
    if lacking := _missing_bytes(path):
        raise LedgerUnsound(f"{path} is cut off, {lacking} bytes are missing: {REMEDY}")
    refuse_damaged(path, known)


def refuse_damaged(
    path: Path, known: int, check: Check = "quick_check", *, named: Path | None = None, remedy: str = REMEDY
) -> None:
    """
    Args:
        named: What *path* is a copy of.
        remedy: What would be right.

    Raises:
        LedgerUnsound, SchemaTooNew: As above.
    """
    named = named or path
    with closing(open_for_reading(path)) as connection:
        try:
            found = schema_version(connection)
            verdict = verdict_of(connection, check)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.DatabaseError as error:
            raise unreadable(named, error, remedy) from error
    refuse_newer(found, named, known)
    if verdict != "ok":
        raise LedgerUnsound(f"{named} is damaged ({verdict}): {remedy}")
    if found == 0 or not {"events", "incidents", "effects"} <= tables:
        raise LedgerUnsound(f"{named} is a database of another program and no ledger: move it away")


def verdict_of(connection: sqlite3.Connection, check: Check) -> str:
    """ "ok", or the first thing that SQLite finds wrong, in one line."""
    said = " ".join(str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0]).split())
    return said.removeprefix("*** in database main *** ")


def unreadable(path: Path, error: sqlite3.DatabaseError, remedy: str = REMEDY) -> LedgerUnsound:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return LedgerUnsound(f"{path} is no SQLite database: {remedy}")
    if code == sqlite3.SQLITE_CORRUPT:
        return LedgerUnsound(f"{path} is damaged ({error}): {remedy}")
    return LedgerUnsound(f"{path} cannot be read ({error}): see to the disk or to who else has it open, and try again")


def _missing_bytes(path: Path) -> int:
    """By the header's own count. With a -wal that says nothing: a checkpoint that was cut off is completed from it."""
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size > 0:
        return 0
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(MAGIC) or header[24:28] != header[92:96]:
        return 0  # no header, or one whose count is not kept: SQLite will say
    size = int.from_bytes(header[16:18], "big")
    wanted = int.from_bytes(header[28:32], "big") * (65536 if size == 1 else size)
    return max(wanted - path.stat().st_size, 0)
