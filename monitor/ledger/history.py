"""
What each check did, minute by minute, and where its detectors stand: a second file, which may be lost without harm.

Minutes are rolled up to five minutes and to hours before they are forgotten.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from monitor.ledger import rollup
from monitor.ledger.history_file import HistoryFile
from monitor.ledger.rollup import FIVE_MINUTES, HOURS, MINUTES, Grain

T = TypeVar("T")

LATE: Final = timedelta(minutes=10)
"""A minute is rolled up this long after its bucket ended; rows that come later stay out of the coarser ones."""
OF_SERIES: Final = "anomaly:"
"""What the names of the states of series begin with. A colon is in no name of a service, so in no check's before it."""
MOST_HELD: Final = 100_000
"""Rows kept in memory while the disk refuses: ten minutes of 10,000 checks."""

_COLUMNS: Final = "at, check_id, expected, good, bad, unknown, latency"


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRow:
    """
    What one check did in a minute, or in the five minutes or the hour that begin at `minute`.

    Attributes:
        check: Its identity, service/check.
        latency: Median of the good probes, seconds; None without one.
    """

    check: str
    minute: datetime
    expected: int
    good: int
    bad: int
    unknown: int
    latency: float | None


class History:
    """Any thread may call any method; each waits for the one before it. A disk that refuses raises nothing."""

    def __init__(self, path: Path, wall: Callable[[], datetime]) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._held: list[MinuteRow] = []
        self._file = HistoryFile(path, wall)

    @classmethod
    def open(cls, path: Path, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> History:
        """
        A corrupt file is set aside as `<name>.corrupt-<time>` and a new one begun; `incomplete_since` then tells. One
        that cannot be opened is tried again with each use.

        Raises:
            SchemaTooNew: A newer version wrote it; nothing was touched.
        """
        return cls(path, wall)

    def write_minutes(self, rows: Sequence[MinuteRow]) -> None:
        """A minute that comes in two parts, before and after a restart, adds up."""
        with self._lock:
            self._held.extend(rows)
            held = self._held
            if self._write(lambda db: _add_minutes(db, held)):
                self._held = []
            elif len(held) > MOST_HELD:
                self._held = held[-MOST_HELD:]
                self._file.lose(self._held[0].minute)

    def minutes(self, check: str, since: datetime, until: datetime) -> tuple[MinuteRow, ...]:
        """Rows that begin in [since, until), oldest first; so for the other two."""
        return self._series(MINUTES, check, since, until)

    def five_minutes(self, check: str, since: datetime, until: datetime) -> tuple[MinuteRow, ...]:
        return self._series(FIVE_MINUTES, check, since, until)

    def hours(self, check: str, since: datetime, until: datetime) -> tuple[MinuteRow, ...]:
        return self._series(HOURS, check, since, until)

    def minutes_of_all(self, since: datetime, until: datetime) -> tuple[MinuteRow, ...]:
        """Of all checks, oldest first: to fill the windows after a restart."""
        sql = """SELECT check_name, at, expected, good, bad, unknown, latency FROM minutes JOIN names ON id = check_id
                 WHERE at >= ? AND at < ? ORDER BY at, check_name"""
        return self._rows(sql, (_seconds(since), _seconds(until)))

    def names_like(self, pattern: str) -> tuple[str, ...]:
        """What rows were ever written of, as far as it fits a pattern of LIKE."""
        sql = "SELECT check_name FROM names WHERE check_name LIKE ?"
        found = self._read(lambda db: db.execute(sql, (pattern,)).fetchall())
        return tuple(str(name) for (name,) in found or ())

    def put_windows(self, until: datetime, windows: Mapping[str, bytes]) -> None:
        """Each check's window of minutes, packed, up to *until*; those of other checks stay."""
        rows = [(check, _seconds(until), minutes) for check, minutes in windows.items()]
        put = "INSERT OR REPLACE INTO windows (check_name, until, minutes) VALUES (?, ?, ?)"
        with self._lock:
            self._write(lambda db: db.executemany(put, rows))

    def windows(self) -> dict[str, tuple[datetime, bytes]]:
        """Check -> up to when its window was kept, and the window."""
        found = self._read(lambda db: db.execute("SELECT check_name, until, minutes FROM windows").fetchall())
        return {check: (_instant(until), minutes) for check, until, minutes in found or ()}

    def detector_state(self, check: str) -> Any:
        """As it was put, JSON values; None when there is none."""
        sql = "SELECT state FROM detectors WHERE check_name = ?"
        found = self._read(lambda db: db.execute(sql, (check,)).fetchone())
        return json.loads(found[0]) if found and _is_json(found[0]) else None

    def detector_states(self) -> dict[str, Any]:
        """All but those `OF_SERIES`, which are large, and are read one by one."""
        sql = "SELECT check_name, state FROM detectors WHERE substr(check_name, 1, ?) <> ?"
        found = self._read(lambda db: db.execute(sql, (len(OF_SERIES), OF_SERIES)).fetchall())
        return {check: json.loads(state) for check, state in found or () if _is_json(state)}

    def put_detector_states(self, states: Mapping[str, object]) -> None:
        """Those of other checks stay. None forgets one."""
        gone = [(check,) for check, state in states.items() if state is None]
        kept = [(check, json.dumps(state)) for check, state in states.items() if state is not None]

        def put(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM detectors WHERE check_name = ?", gone)
            db.executemany("INSERT OR REPLACE INTO detectors (check_name, state) VALUES (?, ?)", kept)

        with self._lock:
            self._write(put)

    @property
    def incomplete_since(self) -> datetime | None:
        """Rows before it are missing, all or some (UTC); what needs older ones must say so. Waits for nobody."""
        return self._file.incomplete_since

    def compact(
        self,
        now: datetime,
        *,
        minutes: timedelta = timedelta(hours=48),
        five_minutes: timedelta = timedelta(days=35),
        hours: timedelta = timedelta(days=400),
    ) -> None:
        """Roll up what is complete, forget what is older than its retention. In short steps: others get in between."""
        settled = _seconds(now - LATE)
        rolled_five = self._roll_up(MINUTES, FIVE_MINUTES, settled)
        rolled_hours = self._roll_up(FIVE_MINUTES, HOURS, rolled_five)
        # Never what is not rolled up yet, however long compacting has not run.
        self._forget(MINUTES, min(_seconds(now - minutes), rolled_five))
        self._forget(FIVE_MINUTES, min(_seconds(now - five_minutes), rolled_hours))
        self._forget(HOURS, _seconds(now - hours))
        with self._lock:  # of checks that are gone: a window of the others is written every few minutes
            self._write(lambda db: db.execute("DELETE FROM windows WHERE until < ?", (_seconds(now - minutes),)))

    def close(self) -> None:
        self.write_minutes(())
        with self._lock:
            self._file.close()

    def _series(self, grain: Grain, check: str, since: datetime, until: datetime) -> tuple[MinuteRow, ...]:
        # One look-up for each instant: the key begins with the instant, and the rows of all other checks are between.
        sql = f"""
            WITH RECURSIVE
              -- Two questions, because SQLite answers min and max of one by reading every row.
              bounds(first, last) AS (SELECT max(?1, (SELECT min(at) FROM {grain.table})),
                                             min(?2, (SELECT max(at) + 1 FROM {grain.table}))),
              instants(at) AS (
                SELECT first + (-first % ?4 + ?4) % ?4 FROM bounds WHERE first IS NOT NULL
                UNION ALL SELECT at + ?4 FROM instants, bounds WHERE at + ?4 < last)
            SELECT ?3, r.at, expected, good, bad, unknown, latency
            FROM bounds CROSS JOIN instants CROSS JOIN {grain.table} r
            WHERE r.at = instants.at AND r.at < last
              AND r.check_id = (SELECT id FROM names WHERE check_name = ?3) ORDER BY r.at"""  # noqa: S608 - the table's name is one of ours
        return self._rows(sql, (_seconds(since), _seconds(until), check, grain.length))

    def _rows(self, sql: str, arguments: Sequence[object]) -> tuple[MinuteRow, ...]:
        found = self._read(lambda db: db.execute(sql, arguments).fetchall())
        return tuple(
            MinuteRow(
                check=check, minute=_instant(at), expected=expected, good=good, bad=bad, unknown=u, latency=latency
            )
            for check, at, expected, good, bad, u, latency in found or ()
        )

    def _roll_up(self, fine: Grain, coarse: Grain, until: int) -> int:
        """Roll up every whole bucket that ended by *until*; returns up to when nothing is left to do."""
        end = until - until % coarse.length
        done = int(self._read(lambda db: _meta(db, rollup.mark_of(coarse))) or 0)
        while done < end:
            bucket = self._read(partial(rollup.next_bucket, fine=fine, coarse=coarse, since=done, end=end))
            if bucket is None:
                return end
            with self._lock:
                if not self._write(partial(rollup.roll_up, fine=fine, coarse=coarse, begin=bucket)):
                    return done
            done = bucket + coarse.length
        return done

    def _forget(self, grain: Grain, before: int) -> None:
        sql = f"DELETE FROM {grain.table} WHERE at < ?"  # noqa: S608 - the table's name is one of ours
        with self._lock:
            self._write(lambda db: db.execute(sql, (before,)))

    def _read(self, question: Callable[[sqlite3.Connection], T]) -> T | None:
        """None when the disk refuses: nothing is known, as in a new file."""
        with self._lock:
            return self._file.attempt(question)[1]

    def _write(self, change: Callable[[sqlite3.Connection], object]) -> bool:
        def whole(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            change(db)
            db.execute("COMMIT")

        return self._file.attempt(whole)[0]


_ADD_MINUTE: Final = f"""
    INSERT INTO minutes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (at, check_id) DO UPDATE SET
      latency = CASE WHEN latency IS NULL THEN excluded.latency WHEN excluded.latency IS NULL THEN latency
                ELSE (latency * max(good, 1) + excluded.latency * max(excluded.good, 1))
                     / (max(good, 1) + max(excluded.good, 1)) END,
      expected = expected + excluded.expected, good = good + excluded.good,
      bad = bad + excluded.bad, unknown = unknown + excluded.unknown"""  # noqa: S608 - the columns are ours


def _add_minutes(db: sqlite3.Connection, rows: Sequence[MinuteRow]) -> None:
    known: dict[str, int] = dict(db.execute("SELECT check_name, id FROM names"))
    new = sorted({row.check for row in rows} - known.keys())
    if new:
        db.executemany("INSERT INTO names (check_name) VALUES (?)", [(check,) for check in new])
        known = dict(db.execute("SELECT check_name, id FROM names"))
    db.executemany(
        _ADD_MINUTE,
        [(_seconds(r.minute), known[r.check], r.expected, r.good, r.bad, r.unknown, r.latency) for r in rows],
    )


def _meta(db: sqlite3.Connection, key: str) -> str | None:
    found = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if found is None else str(found[0])


def _is_json(text: str) -> bool:
    """A page that was overwritten may still be a page."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
