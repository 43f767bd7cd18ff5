"""Opening for writing: a file that is absent is made whole, one of an older version is brought to the newest schema."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from loguru import logger

from monitor.ledger.crashpoints import reach
from monitor.ledger.database import (
    LedgerError,
    copy_name,
    make_folder,
    refuse_newer,
    schema_version,
    sync_folder,
    write_copy,
)


class UpgradeFailed(LedgerError):
    """The file is what it was before."""


def open_for_writing(
    path: Path, migrations: Sequence[str], *, synchronous: str, busy_seconds: float, keeps_copy: bool = False
) -> sqlite3.Connection:
    """
    Open *path*, making it (mode 0600) when it is absent, and bring it to the newest of *migrations*.

    Transactions are begun and ended by the caller. The connection may be handed from one thread to another.

    Args:
        keeps_copy: Before an existing file is upgraded, `<name>.before-schema-<newest>` is made of it.

    Raises:
        SchemaTooNew: A newer version wrote it. We would misread it, so we do not touch it.
        UpgradeFailed: It is of an older version, and could not be brought further.
        OSError, sqlite3.Error: It cannot be opened, or is no database.
    """
    make_folder(path.parent)
    if not path.exists():
        _make(path, migrations)
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        found = schema_version(connection)
        refuse_newer(found, path, len(migrations))
        if found < len(migrations):
            _upgrade(connection, path, migrations, found, keeps_copy=keeps_copy and found > 0)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path, migrations: Sequence[str]) -> None:
    """
    Under another name, renamed when it is whole: an empty file under its own name was not left by us, and is refused.

    SQLite would also make it readable to all; its -wal and -shm files take their mode from it.
    """
    aside = path.with_name(f".{path.name}.new")
    for left_over in (aside, aside.with_name(aside.name + "-journal")):
        left_over.unlink(missing_ok=True)
    os.close(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(aside, isolation_level=None)) as connection:
        migrate(connection, migrations, 0)
    aside.rename(path)
    sync_folder(path.parent)


def _upgrade(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[str], found: int, *, keeps_copy: bool
) -> None:
    newest = len(migrations)
    try:
        if keeps_copy:
            copy = copy_name(path, newest)
            _keep(connection, copy)
            logger.info("{}: upgrading from schema {} to {}; as it was it stays in {}", path, found, newest, copy.name)
        migrate(connection, migrations, found)
    except (OSError, sqlite3.Error) as error:
        raise UpgradeFailed(
            f"{path} could not be upgraded from schema {found} to {newest} ({error}) and is as it was: "
            "see to it and start again, or start the version that wrote it"
        ) from error


def _keep(connection: sqlite3.Connection, copy: Path) -> None:
    """Whole or not at all: a copy that is cut short would be found out when it is needed."""
    aside = copy.with_name(f".{copy.name}.partial")
    aside.unlink(missing_ok=True)
    try:
        write_copy(connection, aside)
        aside.replace(copy)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    sync_folder(copy.parent)


def migrate(connection: sqlite3.Connection, migrations: Sequence[str], found: int) -> None:
    """All steps in one transaction together with their number: a crash leaves the old schema or the newest."""
    reach("before-migration")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in migrations[found:]:
            for statement in _statements(script):
                connection.execute(statement)
                reach("inside-migration")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """One by one: `executescript` would commit what was begun before it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement  # a comment at the end, or what SQLite will refuse
