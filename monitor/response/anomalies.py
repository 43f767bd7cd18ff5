"""A series that is unlike its past: what is written down of it, and what an incident is told. It raises nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from monitor.ledger.records import LedgerEvent
from monitor.sources.series_thread import SeriesReading

DETECTED: Final = "metric.anomaly.detected"

_WORDS: Final = {"requests": "requests/s", "queue_depth": "queue depth"}


def unusual_text(reading: SeriesReading) -> str:
    """`requests/s 86.2 at 13:05 UTC where 172.9 was expected, 90.1 now`; empty while nothing is unusual."""
    unusual = reading.unusual
    if unusual is None or reading.value is None:
        return ""
    words = _WORDS.get(reading.series.name, reading.series.name)
    text = f"{words} {unusual.value:.4g} at {unusual.since:%H:%M} UTC where {unusual.expected:.4g} was expected"
    return text if reading.at == unusual.since else f"{text}, {reading.value:.4g} now"


def detected(reading: SeriesReading, now: datetime, wall: datetime) -> LedgerEvent:
    """Of a reading that is unusual."""
    unusual = reading.unusual
    assert unusual is not None
    return LedgerEvent(
        name=DETECTED,
        at=now,
        wall=wall,
        text=f"{reading.series.service}: {unusual_text(reading)} (score {unusual.score:.2f})",
        service=reading.series.service,
        attributes={
            "series": reading.series.name,
            "since": unusual.since.isoformat(),
            "value": unusual.value,
            "expected": unusual.expected,
            "score": round(unusual.score, 3),
        },
    )


def told_of(events: Iterable[LedgerEvent]) -> dict[str, datetime]:
    """Service/series -> since when the anomaly was unusual that was told last, by the ledger's events."""
    return {
        f"{event.service}/{event.attributes['series']}": datetime.fromisoformat(str(event.attributes["since"]))
        for event in events
        if event.name == DETECTED
    }
