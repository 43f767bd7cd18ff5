"""
One thread that reads every series minute by minute and scores its rows, so that the daemon's loop takes the outcome and
neither waits nor computes.

The state of each detector is written now and then: what came after it is read again from Prometheus at the next start.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import floor
from typing import Any, Final
from zoneinfo import ZoneInfo

from loguru import logger

from monitor.core.anomaly import StateMismatch
from monitor.core.unusual import SeriesWatch, Unusual
from monitor.sources.prometheus import Prometheus, QueryRefused, SourceAway
from monitor.sources.series import RowReader, Series

EVERY: Final = 60.0
"""Seconds between two questions about a series that is not behind."""
AN_HOUR: Final = 60
"""Rows, after which a state is written. It is 40 kB, and what it lacks Prometheus has."""
REST: Final = 4.0
"""Times as long as it computed the thread rests when it is behind: two weeks of two hundred series are a minute of
computing, which the loop should not have to share the interpreter with at a stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReading:
    """
    What is known of one series.

    Attributes:
        at, value, score: The latest row; None, None and 0 while there is none.
        unusual: The anomaly that goes on.
        known_since: The first row that its detector has seen.
        learning: It has seen less than a day, or is behind: nothing is told of it yet.
        trouble: Why nothing new is known; empty when it is.
    """

    series: Series
    at: datetime | None = None
    value: float | None = None
    score: float = 0.0
    unusual: Unusual | None = None
    known_since: datetime | None = None
    learning: bool = True
    trouble: str = ""

    @property
    def worst(self) -> float:
        """The highest score of the anomaly while it goes on, else that of the latest row."""
        return self.unusual.score if self.unusual is not None else self.score


@dataclass(slots=True)
class _Watched:
    """
    Attributes:
        minute: Of each hour, in which the state is written: not those of all series in one.
        unsaved: Rows since it was.
    """

    series: Series
    reader: RowReader
    watch: SeriesWatch
    minute: int
    unsaved: int = 0
    trouble: str = ""

    def is_to_save(self, was: Unusual | None) -> bool:
        """
        Args:
            was: What was unusual when it was read before.
        """
        at = self.watch.at
        if at is None or not self.unsaved:
            return False
        return at.minute == self.minute or self.unsaved > AN_HOUR or self.watch.unusual is not was


@dataclass(order=True, slots=True)
class _Turn:
    """
    Attributes:
        place: In the minute: one of the instants, `EVERY` apart, at which it is due if it is not behind.
    """

    due: float
    key: str
    place: float = field(compare=False)
    generation: int = field(compare=False)

    def next_of_grid(self, now: float) -> float:
        return self.place + (floor((now - self.place) / EVERY) + 1) * EVERY


class SeriesThread:
    """
    Args:
        wall: The wall clock, which Prometheus goes by.
        zone: Of the people who make the traffic.
        kept: The state that was kept under a key; None when there is none.
        keep: Keeps states by their keys.
    """

    def __init__(
        self,
        url: str,
        wall: Callable[[], datetime],
        zone: ZoneInfo,
        kept: Callable[[str], Any],
        keep: Callable[[Mapping[str, object]], None],
    ) -> None:
        self._prometheus = Prometheus(url)
        self._wall, self._zone = wall, zone
        self._kept, self._keep = kept, keep
        self._changed = threading.Condition()
        self._wanted: dict[str, Series] = {}
        self._generation = 0
        self._turns: list[_Turn] = []
        self._readings: dict[str, SeriesReading] = {}
        self._stopping = False
        self._watched: dict[str, _Watched] = {}  # the thread's own
        self._thread = threading.Thread(target=self._work, name="series", daemon=True)
        self._thread.start()

    def watch(self, series: Iterable[Series]) -> None:
        """What is read from now on, spread over the minute. A series that stays goes on as it was."""
        with self._changed:
            before, self._wanted = self._wanted, {one.key: one for one in series}
            same = {key for key, one in self._wanted.items() if before.get(key) == one}
            self._readings = {key: reading for key, reading in self._readings.items() if key in same}
            self._generation += 1
            begin, gap = time.monotonic(), EVERY / max(1, len(self._wanted))
            # New ones at once: they have a past to learn.
            self._turns = [
                _Turn(begin + (i * gap if key in same else 0.0), key, begin + i * gap, self._generation)
                for i, key in enumerate(sorted(self._wanted))
            ]
            heapq.heapify(self._turns)
            self._changed.notify()

    def readings(self) -> Mapping[str, SeriesReading]:
        """Key -> what is known; a series that was never asked about is not in it."""
        with self._changed:
            return dict(self._readings)

    def stop(self, timeout: float = 1.0) -> None:
        """If it waits for Prometheus it ends with the process."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    def _work(self) -> None:
        while (turn := self._next()) is not None:
            series = turn[1]
            began = time.thread_time()
            try:
                reading, is_behind = self._take_turn(series)
            except Exception as error:
                # Our own bug must neither end the thread nor look like health.
                logger.opt(exception=error).error("{}: scoring {} failed in our own code", series.service, series.name)
                self._watched.pop(series.key, None)
                reading = SeriesReading(series=series, trouble=f"internal: {type(error).__name__}")
                is_behind = False
            self._put(turn[0], reading, is_behind)
            if is_behind:
                self._rest((time.thread_time() - began) * REST)

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, seconds)

    def _next(self) -> tuple[_Turn, Series] | None:
        """The next due series, waited for; None when it is time to end."""
        with self._changed:
            while not self._stopping:
                wait = self._turns[0].due - time.monotonic() if self._turns else None
                if wait is not None and wait <= 0:
                    turn = heapq.heappop(self._turns)
                    return turn, self._wanted[turn.key]
                self._changed.wait(wait)
            return None

    def _put(self, turn: _Turn, reading: SeriesReading, is_behind: bool) -> None:
        with self._changed:
            if turn.generation != self._generation and self._wanted.get(turn.key) != reading.series:
                return  # it was asked about before it was replaced
            self._readings[turn.key] = reading
            if turn.generation == self._generation:
                now = time.monotonic()
                turn.due = now if is_behind else turn.next_of_grid(now)
                heapq.heappush(self._turns, turn)

    def _take_turn(self, series: Series) -> tuple[SeriesReading, bool]:
        """What is known now, and whether there is more to ask at once."""
        for gone in self._watched.keys() - self._wanted.keys():
            del self._watched[gone]
        one = self._watched.get(series.key)
        if one is None or one.series != series:
            one = self._watched[series.key] = self._begin(series)
        known, was = one.watch.rows, one.watch.unusual
        wall = self._wall()
        try:
            for at, value in one.reader.read(wall):
                one.watch.take(at, value)
            one.trouble = ""
        except SourceAway as away:
            # A Prometheus that is away is told once, by the traffic, and not of each series.
            if isinstance(away, QueryRefused) and str(away) != one.trouble:
                logger.warning("{}: {} cannot be read: {}", series.service, series.name, away)
            one.trouble = str(away)
        is_behind = one.reader.is_behind(wall) and not one.trouble
        one.unsaved += one.watch.rows - known
        if not is_behind and one.is_to_save(was) and not self._stopping:
            self._save(one)
        return _reading(one, is_behind), is_behind

    def _begin(self, series: Series) -> _Watched:
        state = self._kept(series.key)
        watch = SeriesWatch(self._zone)
        read_until = None
        # A state of another query is of other values.
        if isinstance(state, dict) and state.get("query") == series.query and state.get("zone") == self._zone.key:
            try:
                watch = SeriesWatch.restore(state.get("watch") or {}, self._zone)
                read_until = watch.at
            except StateMismatch as mismatch:
                logger.warning("{}: {} is learned anew: {}", series.service, series.name, mismatch)
        return _Watched(series, RowReader(series.query, self._prometheus, read_until), watch, len(self._watched) % 60)

    def _save(self, one: _Watched) -> None:
        state = {"query": one.series.query, "zone": self._zone.key, "watch": one.watch.state()}
        self._keep({one.series.key: state})
        one.unsaved = 0


def _reading(one: _Watched, is_behind: bool) -> SeriesReading:
    watch = one.watch
    return SeriesReading(
        series=one.series,
        at=watch.at,
        value=watch.value,
        score=watch.score,
        unusual=replace(watch.unusual) if watch.unusual is not None else None,
        known_since=watch.known_since,
        learning=watch.is_learning or is_behind,
        trouble=one.trouble,
    )
