"""What is known of the series of a service that are looked at for anomalies, as JSON values."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from monitor.sources.series_thread import SeriesReading


class SeriesDocument(TypedDict):
    """
    `score` is that of the latest row, at `at`. Of an anomaly that goes on, `unusual_since` is when it was told,
    `unusual_score` its highest score, `unusual_value` and `expected` what that row was and should have been; all null
    while there is none. `learning`: nothing is told of it yet. `trouble`: why nothing new is known, else empty.
    """

    name: str
    at: str | None
    value: float | None
    score: float
    unusual_since: str | None
    unusual_score: float | None
    unusual_value: float | None
    expected: float | None
    known_since: str | None
    learning: bool
    trouble: str


def series_document(reading: SeriesReading) -> SeriesDocument:
    unusual = reading.unusual
    return {
        "name": reading.series.name,
        "at": _minute(reading.at),
        "value": reading.value,
        "score": round(reading.score, 4),
        "unusual_since": _minute(unusual.since) if unusual is not None else None,
        "unusual_score": round(unusual.score, 4) if unusual is not None else None,
        "unusual_value": unusual.value if unusual is not None else None,
        "expected": unusual.expected if unusual is not None else None,
        "known_since": _minute(reading.known_since),
        "learning": reading.learning,
        "trouble": reading.trouble,
    }


def _minute(at: datetime | None) -> str | None:
    """Rows stand at whole minutes of UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at is not None else None
