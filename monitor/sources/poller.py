"""
Keeps the newest traffic reading of every service, so that the daemon's loop looks and never waits.

A few threads share one heap of due services. When Prometheus hangs, all of them may; the readings then grow old, and
an old reading is not fresh.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from math import floor

from loguru import logger

from monitor.sources.traffic import READ_EVERY, TrafficReader, TrafficSample

WORKERS = 4
"""Questions at a time: what one daemon may ask of a Prometheus that serves others too (its own limit is 20)."""


class TrafficPoller:
    def __init__(self, now: Callable[[], datetime], every: timedelta = READ_EVERY, workers: int = WORKERS) -> None:
        self._now = now
        self._every = every.total_seconds()
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        # The generation outdates a reading that is under way while the readers are replaced.
        self._due: list[tuple[float, str, int]] = []
        self._readers: dict[str, TrafficReader] = {}
        self._generation = 0
        self._samples: dict[str, TrafficSample] = {}
        self._stopping = False

    def watch(self, readers: Iterable[TrafficReader], every: timedelta | None = None) -> None:
        """
        Replaces what is read; the last readings of services that stay are kept. The first reading is spread.

        Args:
            every: Between two readings of a service from now on; as before if left out.
        """
        with self._changed:
            self._every = every.total_seconds() if every is not None else self._every
            self._generation += 1
            self._readers = {reader.service: reader for reader in readers}
            self._samples = {name: sample for name, sample in self._samples.items() if name in self._readers}
            gap = self._every / max(1, len(self._readers))
            begin = time.monotonic()
            self._due = [(begin + i * gap, name, self._generation) for i, name in enumerate(sorted(self._readers))]
            self._changed.notify_all()

    def forget(self, services: Iterable[str]) -> None:
        """The last readings of these: they answered another question."""
        with self._changed:
            for name in services:
                self._samples.pop(name, None)

    def start(self) -> None:
        if self._threads:
            return
        for i in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"traffic-{i}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """Ends the threads that are not waiting for Prometheus; the others end with the process."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def snapshot(self) -> Mapping[str, TrafficSample]:
        """Service -> newest reading; a service that was never read is not in it."""
        with self._changed:
            return dict(self._samples)

    def _work(self) -> None:
        while (turn := self._next()) is not None:
            due, name, generation, reader = turn
            sample = self._read(reader)
            with self._changed:
                if generation == self._generation:
                    self._samples[name] = sample
                    # The next of the grid: what a slow answer cost stays missed and is never caught up with.
                    missed = floor((time.monotonic() - due) / self._every)
                    heapq.heappush(self._due, (due + (missed + 1) * self._every, name, generation))
                    self._changed.notify()

    def _next(self) -> tuple[float, str, int, TrafficReader] | None:
        """The next due service, waited for; None when it is time to end."""
        with self._changed:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    due, name, generation = heapq.heappop(self._due)
                    return due, name, generation, self._readers[name]
                self._changed.wait(wait)
            return None

    def _read(self, reader: TrafficReader) -> TrafficSample:
        now = self._now()
        try:
            return reader.read(now)
        except Exception as problem:
            # Our own bug must neither end the thread nor look like health; said once, then counted.
            before = self.snapshot().get(reader.service, TrafficSample(at=now))
            if not before.away.startswith("internal"):
                logger.bind(service=reader.service).exception(
                    "{}: reading its traffic failed in our own code; it counts as unknown", reader.service
                )
            return TrafficSample(
                at=now,
                away=f"internal: {type(problem).__name__}",
                away_since=before.away_since or now,
                missed=before.missed + 1,
            )
