"""
A backup takes the place of the state: the old one or the new one, whole, whenever the machine may stop.

The backup is unpacked beside the state and looked through. Its folder then gets the name that means: this is the state
now, only its parts are not in place yet. From there on it is carried to its end, at the latest by the next start.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from monitor.ledger import rows
from monitor.ledger.backup import BASELINES, BackupError, Contents, count, read_contents, unpack
from monitor.ledger.crashpoints import reach
from monitor.ledger.database import (
    LedgerError,
    open_for_reading,
    refuse_newer,
    schema_version,
    sync_folder,
    write_copy,
)
from monitor.ledger.history_file import HistoryFile
from monitor.ledger.lock import StateLock
from monitor.ledger.schema import HISTORY_FILE, HISTORY_STEPS, LEDGER_FILE, LEDGER_STEPS
from monitor.ledger.soundness import MAGIC, refuse_damaged
from monitor.ledger.upgrade import open_for_writing

_PARTS: Final = (BASELINES, HISTORY_FILE, LEDGER_FILE)
_BESIDE: Final = ("", "-wal", "-shm", "-journal")
_STAGED: Final = "restoring-"
_REPLACED: Final = "replaced-"
_UNKNOWN_NUMBERS: Final = 100
"""Incidents that may have come after the backup, when the state of then cannot be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """
    Attributes:
        aside: Where the state is that was there before; None when there was none.
        earlier: Where those are that other restores have set aside, oldest first. They are never removed by us: of two
            restores in a row the first one's holds what nobody has a second copy of.
    """

    contents: Contents
    aside: Path | None
    earlier: tuple[Path, ...] = ()


def restore(state: Path, file: Path, at: datetime) -> Restored:
    """
    Args:
        file: What `write_backup` made, or a ledger alone, such as the copy that an upgrade leaves behind.

    Raises:
        LedgerError: The state is as it was, and why.
    """
    is_ledger = _is_ledger(file)
    if not is_ledger:
        refuse_newer(read_contents(file).schema, file, len(LEDGER_STEPS))
    lock = StateLock.acquire(state)
    try:
        finish_restore(state)
        stamp = _unused_stamp(state, at)
        staging = state / f".{_STAGED}{stamp}"
        try:
            staging.mkdir(mode=0o700)
            contents = _unpack_ledger(file, staging, at) if is_ledger else _unpack(file, staging)
            _prepare(staging / LEDGER_FILE, state / LEDGER_FILE, contents, at)
            _tell_history(staging / HISTORY_FILE, at)
            _give_to_owner(state, staging)
            _set_newer_history_aside(state, stamp)
            sync_folder(staging)
            staging.rename(state / f"{_STAGED}{stamp}")
        except (OSError, sqlite3.Error) as error:
            raise BackupError(f"{file} could not be restored ({error}); {state} is as it was") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        sync_folder(state)
        reach("before-restore")
        finish_restore(state)
    finally:
        lock.release()
    aside = state / f"{_REPLACED}{stamp}"
    earlier = tuple(sorted(set(state.glob(f"{_REPLACED}*")) - {aside}))
    return Restored(contents=contents, aside=aside if aside.exists() else None, earlier=earlier)


def finish_restore(state: Path) -> bool:
    """
    Carry a restore that was cut off to its end, if there is one. The state lock is held.

    Raises:
        LedgerError: The disk refuses; it can be called again.
    """
    try:
        for staging in state.glob(f".{_STAGED}*"):
            shutil.rmtree(staging, ignore_errors=True)  # never got its name: nothing was moved
        cut_off = sorted(state.glob(f"{_STAGED}*"))
        for staged in cut_off:
            _put_in_place(state, staged)
    except OSError as error:
        raise LedgerError(f"the restore in {state} cannot be finished ({error}): see to it and try again") from error
    return bool(cut_off)


def _put_in_place(state: Path, staged: Path) -> None:
    aside = state / (_REPLACED + staged.name.removeprefix(_STAGED))
    for name in _PARTS:
        if not (staged / name).exists():
            continue  # not in the backup, or in its place already
        for suffix in _BESIDE:
            old = state / (name + suffix)
            if old.exists():
                _make_aside(aside)
                old.rename(aside / old.name)
                reach("inside-restore")
        sync_folder(aside)  # what was there before is safe before anything takes its name
        (staged / name).rename(state / name)
        reach("inside-restore")
    sync_folder(state)
    shutil.rmtree(staged)
    sync_folder(state)


def _is_ledger(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise BackupError(f"{file} cannot be read ({error.strerror}): name a file that monitor backup made") from None


def _unpack(file: Path, staging: Path) -> Contents:
    contents = unpack(file, staging)
    _refuse_damaged(staging / LEDGER_FILE, file)
    return contents


def _unpack_ledger(file: Path, staging: Path, at: datetime) -> Contents:
    with closing(open_for_reading(file)) as connection:
        write_copy(connection, staging / LEDGER_FILE)
    _refuse_damaged(staging / LEDGER_FILE, file)
    made_at = datetime.fromtimestamp(file.stat().st_mtime, at.tzinfo).isoformat(timespec="seconds")
    schema, counts = count(staging / LEDGER_FILE)
    return Contents(made_at=made_at, version="", schema=schema, counts=counts, history=False, baselines=0)


def _refuse_damaged(ledger: Path, file: Path) -> None:
    refuse_damaged(ledger, len(LEDGER_STEPS), "integrity_check", named=file, remedy="use another backup")


def _prepare(ledger: Path, present: Path, contents: Contents, at: datetime) -> None:
    """Brought to the newest schema, and told that it was restored: one file, without a -wal."""
    notice = {
        "made_at": contents.made_at,
        "restored_at": at.isoformat(timespec="seconds"),
        "unsent": contents.counts["unsent"],
    }
    last = _last_number(present)
    with closing(open_for_writing(ledger, LEDGER_STEPS, synchronous="FULL", busy_seconds=1.0)) as connection:
        own = _number_of(connection)
        numbers_from = own + _UNKNOWN_NUMBERS if last is None else max(own, last)
        connection.execute("BEGIN IMMEDIATE")
        rows.mark_restored(connection, at, json.dumps(notice), numbers_from)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = DELETE")


def _tell_history(history: Path, at: datetime) -> None:
    """What was written after the backup is lost: budgets then say so."""
    if not history.exists():
        return
    file = HistoryFile(history, lambda: at)
    file.lose(at)
    file.attempt(lambda _: None)
    file.close()


def _last_number(present: Path) -> int | None:
    """Of the incidents in the state that is being replaced, so that none is given twice; None if it cannot tell."""
    try:
        with closing(open_for_reading(present)) as connection:
            return _number_of(connection)
    except (LedgerError, sqlite3.Error, OSError):
        return None


def _number_of(connection: sqlite3.Connection) -> int:
    (highest,) = connection.execute(rows.HIGHEST_NUMBER).fetchone()
    floor = connection.execute("SELECT value FROM meta WHERE key = ?", (rows.NUMBERS_FROM,)).fetchone()
    return max(int(highest), int(floor[0]) if floor else 0)


def _give_to_owner(state: Path, staging: Path) -> None:
    """Restored by root, it must still be the daemon's own."""
    if os.geteuid() != 0:
        return
    owner = state.stat()
    for path in (state / "lock", staging, *staging.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


def _make_aside(aside: Path) -> None:
    aside.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        owner = aside.parent.stat()
        os.chown(aside, owner.st_uid, owner.st_gid)


def _set_newer_history_aside(state: Path, stamp: str) -> None:
    """Beside an older ledger it would keep this version from starting; it may be lost."""
    history = state / HISTORY_FILE
    with suppress(LedgerError, sqlite3.Error):
        with closing(open_for_reading(history)) as connection:
            found = schema_version(connection)
        if found > len(HISTORY_STEPS):
            aside = state / f"{_REPLACED}{stamp}"
            _make_aside(aside)
            for suffix in _BESIDE:
                with suppress(FileNotFoundError):
                    (state / (HISTORY_FILE + suffix)).rename(aside / (HISTORY_FILE + suffix))


def _unused_stamp(state: Path, at: datetime) -> str:
    while (state / f"{_REPLACED}{at:%Y%m%dT%H%M%SZ}").exists():
        at += timedelta(seconds=1)
    return f"{at:%Y%m%dT%H%M%SZ}"
