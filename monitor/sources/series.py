"""
The rows of one series, a value at each whole minute, read from Prometheus from where they were last read to now.

A start, a restart and a Prometheus that was away are all the same question: what came since? So a detector that is fed
from here misses nothing that Prometheus knows, and is fed the same rows however often we were killed in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.sources.prometheus import Prometheus, SourceAway, series_of

MINUTE: Final = timedelta(minutes=1)
SETTLED: Final = timedelta(seconds=30)
"""How old a minute must be: its samples may still be on their way to Prometheus."""
LEARN_FROM: Final = timedelta(days=15)
"""Two weeks and a day: each half hour of the week twice. It is what Prometheus keeps if nobody told it otherwise."""
PIECE: Final = 1440
"""Rows of one question: a day. Prometheus' own limit is 11,000 points; others behind the same interface have less."""
LEAST: Final = 60


@dataclass(frozen=True, slots=True)
class Series:
    """
    Attributes:
        name: What it is of its service: `requests`, `queue_depth`.
    """

    service: str
    name: str
    query: str

    @property
    def key(self) -> str:
        return f"{self.service}/{self.name}"


class RowReader:
    """
    Reads one series. Blocks while Prometheus thinks, so it belongs on a thread.

    Attributes:
        read_until: The last minute that Prometheus was asked about; None before the first question.
    """

    def __init__(self, query: str, prometheus: Prometheus, read_until: datetime | None = None) -> None:
        self.read_until = read_until
        self._query = query
        self._prometheus = prometheus
        self._piece = PIECE

    def is_behind(self, wall: datetime) -> bool:
        """Whether a whole minute that has settled was not asked about."""
        return self._next(wall) <= _settled(wall)

    def read(self, wall: datetime) -> list[tuple[datetime, float]]:
        """
        The rows of the next piece, oldest first; those that Prometheus does not know are not among them.

        Raises SourceAway, and QueryRefused where the query is no question for one number. The piece is then halved: it
        may have been too much at a time.
        """
        first = self._next(wall)
        last = min(_settled(wall), first + MINUTE * (self._piece - 1))
        if last < first:
            return []
        try:
            found = series_of(self._prometheus.ask_range(self._query, first, last, MINUTE.total_seconds()))
        except SourceAway:
            self._piece = max(LEAST, self._piece // 2)
            raise
        self._piece = min(PIECE, self._piece * 2)
        self.read_until = last
        return [(datetime.fromtimestamp(at, UTC), value) for at, value in sorted(found.items())]

    def _next(self, wall: datetime) -> datetime:
        oldest = _settled(wall) - LEARN_FROM
        return oldest if self.read_until is None else max(oldest, self.read_until + MINUTE)


def _settled(wall: datetime) -> datetime:
    """The newest whole minute whose samples are all there."""
    return (wall - SETTLED).astimezone(UTC).replace(second=0, microsecond=0)
