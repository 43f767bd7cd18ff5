"""The history for a command that only looks: beside a running daemon or without one, and no file is made."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from monitor.ledger.database import LedgerUnsound, open_for_reading, refuse_newer, schema_version
from monitor.ledger.history import MinuteRow
from monitor.ledger.rollup import FIVE_MINUTES, HOURS, MINUTES, Grain
from monitor.ledger.schema import HISTORY_FILE, HISTORY_STEPS
from monitor.ledger.soundness import unreadable

_REMEDY: Final = "the daemon sets it aside and begins a new one when it starts; or put a backup in its place"


@dataclass(slots=True)
class Kept:
    """
    What the history has of some checks, all as it was at one instant.

    Attributes:
        rows: By check, then by grain, oldest first.
        incomplete_since: Rows before it are missing, all or some; None while nothing was lost.
    """

    rows: dict[str, dict[Grain, list[MinuteRow]]] = field(default_factory=dict)
    incomplete_since: datetime | None = None


def read_history(folder: Path, checks: Collection[str], since: datetime, until: datetime) -> Kept:
    """
    The rows of *checks* that begin in [since, until).

    Raises:
        LedgerAbsent: There is no history, or we may not read it.
        SchemaTooNew: A newer version wrote it.
        LedgerUnsound: It is damaged, or no history.
    """
    path = folder / HISTORY_FILE
    with closing(open_for_reading(path, "history", _REMEDY)) as db:
        try:
            found = schema_version(db)
            refuse_newer(found, path, len(HISTORY_STEPS))
            if found == 0:
                raise LedgerUnsound(f"{path} is a database of another program and no history: move it away")
            return _read(db, checks, since, until)
        except sqlite3.DatabaseError as error:
            raise unreadable(path, error, _REMEDY) from error


def _read(db: sqlite3.Connection, checks: Collection[str], since: datetime, until: datetime) -> Kept:
    # One transaction, for a daemon may roll rows up and forget them between two questions.
    db.execute("BEGIN")
    lost = db.execute("SELECT value FROM meta WHERE key = 'incomplete_since'").fetchone()
    kept = Kept(incomplete_since=datetime.fromisoformat(lost[0]) if lost else None)
    span = (int(since.timestamp()), int(until.timestamp()), json.dumps(sorted(checks)))
    for grain in (MINUTES, FIVE_MINUTES, HOURS):
        sql = f"""SELECT check_name, at, expected, good, bad, unknown, latency FROM {grain.table}
                  JOIN names ON id = check_id
                  WHERE at >= ? AND at < ? AND check_name IN (SELECT value FROM json_each(?)) ORDER BY at"""  # noqa: S608 - the table's name is one of ours
        for check, at, expected, good, bad, unknown, latency in db.execute(sql, span):
            row = MinuteRow(
                check=check,
                minute=datetime.fromtimestamp(at, UTC),
                expected=expected,
                good=good,
                bad=bad,
                unknown=unknown,
                latency=latency,
            )
            kept.rows.setdefault(check, {}).setdefault(grain, []).append(row)
    return kept
