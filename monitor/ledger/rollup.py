"""
From fine rows to coarse ones. Counts are sums. A coarser latency is the median of the finer medians, each weighed by
its good probes: near the true median, which cannot be had any more, and deaf to one odd minute.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Grain:
    """A table of rows of one length (seconds)."""

    table: str
    length: int


MINUTES: Final = Grain("minutes", 60)
FIVE_MINUTES: Final = Grain("five_minutes", 300)
HOURS: Final = Grain("hours", 3600)


class WeightedMedian:
    """SQLite's aggregate: the least value at which half of the weight is reached."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    def step(self, value: float | None, weight: int) -> None:
        if value is not None:
            self._seen.append((value, weight))

    def finalize(self) -> float | None:
        half = sum(weight for _, weight in self._seen) / 2
        reached = 0
        for value, weight in sorted(self._seen):
            reached += weight
            if reached >= half:
                return value
        return None


def prepare(connection: sqlite3.Connection) -> None:
    aggregate: Any = WeightedMedian  # typeshed knows only aggregates of one whole number
    connection.create_aggregate("weighted_median", 2, aggregate)


def mark_of(coarse: Grain) -> str:
    """The meta key under which it is kept how far this table is rolled up (seconds since the Unix epoch)."""
    return f"{coarse.table}_until"


def next_bucket(db: sqlite3.Connection, *, fine: Grain, coarse: Grain, since: int, end: int) -> int | None:
    """When the first coarse bucket begins that has rows in [since, end); empty ones are leapt over."""
    sql = f"SELECT min(at) FROM {fine.table} WHERE at >= ? AND at < ?"  # noqa: S608 - the table's name is one of ours
    first = db.execute(sql, (since, end)).fetchone()[0]
    return None if first is None else int(first) - int(first) % coarse.length


def roll_up(db: sqlite3.Connection, *, fine: Grain, coarse: Grain, begin: int) -> None:
    """One coarse bucket, and the mark behind it, in the transaction of the caller."""
    sql = f"""
        INSERT OR REPLACE INTO {coarse.table} (at, check_id, expected, good, bad, unknown, latency)
        SELECT ?, check_id, sum(expected), sum(good), sum(bad), sum(unknown), weighted_median(latency, max(good, 1))
        FROM {fine.table} WHERE at >= ? AND at < ? GROUP BY check_id"""  # noqa: S608 - the tables' names are ours
    end = begin + coarse.length
    db.execute(sql, (begin, begin, end))
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (mark_of(coarse), str(end)))
