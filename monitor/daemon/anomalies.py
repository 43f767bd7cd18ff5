"""
Which series of each service are looked at for anomalies, and what the loop knows of them: evidence, and no alarm. The
reading and the scoring are `sources/series_thread.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from monitor.clock import Clock
from monitor.config import Config
from monitor.core.baseline import zone_of
from monitor.ledger.history import OF_SERIES, History
from monitor.ledger.records import LedgerEvent
from monitor.response.anomalies import told_of, unusual_text
from monitor.sources.series import Series
from monitor.sources.series_thread import SeriesReading, SeriesThread

FRESH_FOR: Final = timedelta(minutes=5)
"""A row is known a minute and a half after its own at the latest, if Prometheus answers."""
NAMES: Final = ("requests", "queue_depth")
"""As `traffic:` calls them."""
SHOWN: Final = 5
"""Series that are named in `status`."""


def series_of(config: Config) -> list[Series]:
    """The requests and the queue of each service that has them. Errors and latency have baselines of their own."""
    found = []
    for name, service in config.services.items():
        if (traffic := service.traffic) is not None:
            queries = zip(NAMES, (traffic.requests, traffic.queue_depth), strict=True)
            found += [Series(name, series, query) for series, query in queries if query is not None]
    return found


class Anomalies:
    """Only the loop's thread calls it."""

    def __init__(self, config: Config, clock: Clock, history: History) -> None:
        self._config = config
        self._clock = clock
        self._history = history
        self._thread: SeriesThread | None = None
        self._series: list[Series] = []
        self._readings: Mapping[str, SeriesReading] = {}
        self._told: dict[str, datetime] = {}

    def restore(self, events: Iterable[LedgerEvent]) -> None:
        """What was told before the start is not told again."""
        self._told = told_of(events)

    def start(self) -> None:
        self._watch()

    def replace(self, config: Config) -> None:
        """The series of *config* from now on; those that stay go on as if nothing had happened."""
        before, self._config = self._config, config
        address = (before.sources.prometheus, before.monitor.time_zone)
        if address != (config.sources.prometheus, config.monitor.time_zone):
            self.stop(0.0)
        self._watch()

    def stop(self, timeout: float = 1.0) -> None:
        if self._thread is not None:
            self._thread.stop(timeout)
            self._thread = None

    def tick(self) -> list[SeriesReading]:
        """What was read since the last turn."""
        if self._thread is None:
            return []
        before, self._readings = self._readings, self._thread.readings()
        return [reading for key, reading in self._readings.items() if reading is not before.get(key)]

    def is_news(self, reading: SeriesReading) -> bool:
        """Whether it is unusual, and nobody was told. From now on somebody was."""
        unusual, told = reading.unusual, self._told.get(reading.series.key)
        if unusual is None or reading.learning or (told is not None and unusual.since <= told):
            return False
        self._told[reading.series.key] = unusual.since
        return True

    def of(self, service: str) -> list[SeriesReading]:
        return [self._readings[key] for name in NAMES if (key := f"{service}/{name}") in self._readings]

    def fresh(self) -> list[SeriesReading]:
        """Those whose latest row says something of now."""
        wall = self._clock.wall()
        return [one for one in self._readings.values() if one.at is not None and wall - one.at <= FRESH_FOR]

    def evidence(self, service: str) -> tuple[str, ...]:
        """What is unusual of it, in one line each; what was a while ago is no evidence of now."""
        wall = self._clock.wall()
        return tuple(
            unusual_text(reading)
            for reading in self.of(service)
            if reading.unusual and reading.at is not None and wall - reading.at <= FRESH_FOR
        )

    def part(self) -> dict[str, object]:
        """For `status`; empty where there is no series."""
        if not self._readings:
            return {}
        known = sorted(self._readings.values(), key=lambda reading: reading.series.key)
        return {
            "series": len(known),
            "learning": _first(f"{one.series.key} since {_since(one)}" for one in known if one.learning),
            "unusual": sum(one.unusual is not None for one in known),
            "unread": _first(f"{one.series.key} ({one.trouble})" for one in known if one.trouble),
        }

    def _watch(self) -> None:
        url, series = self._config.sources.prometheus, series_of(self._config)
        if url is None or not series:
            self.stop(0.0)
            self._series, self._readings = [], {}
            return
        is_new = self._thread is None
        if self._thread is None:
            zone = zone_of(self._config.monitor.time_zone)
            self._thread = SeriesThread(url, self._clock.wall, zone, self._kept, self._keep)
        if is_new or series != self._series:
            self._series = series
            self._thread.watch(series)

    def _kept(self, key: str) -> object:
        return self._history.detector_state(OF_SERIES + key)

    def _keep(self, states: Mapping[str, object]) -> None:
        self._history.put_detector_states({OF_SERIES + key: state for key, state in states.items()})


def _first(texts: Iterable[str]) -> str:
    found = list(texts)
    return ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if found[SHOWN:] else "")


def _since(reading: SeriesReading) -> str:
    return f"{reading.known_since:%Y-%m-%dT%H:%MZ}" if reading.known_since is not None else "now"
