"""
The one way out for all three signals: bounded lanes of encoded bytes, and one thread that sends them.

Whoever puts something in never waits: a full lane drops its oldest and counts it. Whatever the collector does (away,
slow, busy, refusing, talking nonsense) costs a bounded number of bytes, a counter and at most one log line a minute.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import SystemRandom
from threading import Event, Lock, Thread

from loguru import logger

from monitor.telemetry.post import Poster, Reply, Verdict

TICK = 1.0
"""Seconds for which spans are gathered before they are sent."""
BATCH_BYTES = 512 * 1024
MAX_WAIT = 30.0
"""Seconds: the longest pause before the next try, whatever Retry-After says."""
GIVE_UP_AFTER = 60.0
"""Seconds after which a batch that nobody took is dropped, so that newer ones are not held behind it."""
OVERHEAD = 64
"""Bytes that an item costs beyond its own: the object's header and its place in the deque."""

_jitter = SystemRandom().uniform


@dataclass(slots=True)
class Batch:
    body: bytes
    count: int
    first_try_at: float | None = None


@dataclass(slots=True)
class Lane:
    """
    Encoded items of one signal, waiting.

    Attributes:
        frame: From the joined items to a request's body.
        limit: Bytes, `OVERHEAD` per item included.
    """

    signal: str
    frame: Callable[[bytes], bytes]
    limit: int
    size: int = 0
    sent: int = 0
    dropped: int = 0
    pending: Batch | None = None
    _items: deque[bytes] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    def put(self, item: bytes) -> int:
        """The lane's size afterwards, in bytes."""
        with self._lock:
            self._items.append(item)
            self.size += len(item) + OVERHEAD
            while self.size > self.limit:
                self.size -= len(self._items.popleft()) + OVERHEAD
                self.dropped += 1
            return self.size

    def next(self) -> Batch | None:
        """The batch to send now: the one that is being retried, else the oldest items."""
        if self.pending is None and self._items:
            taken, size = [], 0
            with self._lock:
                while self._items and size < BATCH_BYTES:
                    item = self._items.popleft()
                    self.size -= len(item) + OVERHEAD
                    size += len(item)
                    taken.append(item)
            self.pending = Batch(self.frame(b"".join(taken)), len(taken))
        return self.pending

    def settle(self, taken: int) -> None:
        """The pending batch is done with: *taken* of its items arrived, the others are lost."""
        if self.pending is not None:
            self.sent += taken
            self.dropped += self.pending.count - taken
            self.pending = None

    def give_up(self) -> None:
        """Nothing will be sent any more: what waits is lost, and counted."""
        with self._lock:
            self.dropped += self.waiting
            self._items.clear()
            self.size, self.pending = 0, None

    @property
    def waiting(self) -> int:
        return len(self._items) + (self.pending.count if self.pending else 0)

    @property
    def held(self) -> int:
        """Bytes, the batch that is being retried included."""
        return self.size + (len(self.pending.body) if self.pending else 0)


Collect = Callable[[], Iterable[tuple[bytes, int]]]
"""The metrics of this instant: bodies of requests, each with its number of points."""


class Sent(Enum):
    DONE = "done"  # taken, or refused for good: nothing is left to do for it
    LATER = "later"


class Sender:
    """
    Attributes:
        lanes: By signal, in the order in which they are sent: the few events before the many spans.
        collect: Called only when a request can be made, so metrics wait nowhere.
    """

    def __init__(
        self, poster: Poster, lanes: Iterable[Lane], collect: Collect, *, metrics_every: float = 60.0,
        report_every: float = 60.0,
    ) -> None:  # fmt: skip
        self.lanes: Mapping[str, Lane] = {lane.signal: lane for lane in lanes}
        self.metrics_sent = 0
        self.metrics_dropped = 0
        self.last_error = ""
        self._poster = poster
        self._collect = collect
        self._metrics_every = metrics_every
        self._metrics_at = time.monotonic() + metrics_every
        self._report_every = report_every
        self._report_at = 0.0
        self._reported = (0, 0)
        self._trouble = ""
        self._try_at = 0.0
        self._failures = 0
        self._closing = Event()
        self._wake = Event()
        self._deadline = 0.0
        self._abandoned = False
        self._thread = Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, signal: str, item: bytes, *, now: bool = False) -> None:
        """
        Args:
            now: Send it without waiting for the tick.
        """
        size = self.lanes[signal].put(item)
        if now or size >= BATCH_BYTES:
            self._wake.set()

    def close(self, timeout: float) -> bool:
        """Send what is there, at most *timeout* seconds. False when something was left behind."""
        self._deadline = time.monotonic() + timeout
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        self._abandoned = True
        if self._thread.is_alive():
            self._poster.abort()
        left = sum(lane.waiting for lane in self.lanes.values())
        if left:
            logger.warning(f"telemetry: closed with {left} items unsent; {self.last_error or 'there was no time'}")
            for lane in self.lanes.values():
                lane.give_up()
        return left == 0

    @property
    def sent(self) -> int:
        return self.metrics_sent + sum(lane.sent for lane in self.lanes.values())

    @property
    def dropped(self) -> int:
        return self.metrics_dropped + sum(lane.dropped for lane in self.lanes.values())

    def note(self, problem: str) -> None:
        """Something else went wrong in telemetry: told in the same one line a minute."""
        self._trouble = self.last_error = problem

    def _run(self) -> None:
        while not self._closing.is_set():
            self._pause()
            try:
                self._turn()
            except Exception as error:
                # A bug of ours must cost a line a minute, not the thread and with it every later span.
                self._later(f"internal: {type(error).__name__}: {error}", None)
            self._report()
        self._flush()

    def _pause(self) -> None:
        wait = self._try_at - time.monotonic()
        if wait > 0:
            # While the collector is away nothing but the end wakes us: a storm of events would else spin here.
            self._closing.wait(wait)
        else:
            self._wake.wait(TICK)
            self._wake.clear()

    def _turn(self) -> None:
        for lane in self.lanes.values():
            while not self._closing.is_set() and (batch := lane.next()) is not None:
                if self._send(lane, batch) is Sent.LATER:
                    return
        if time.monotonic() >= self._metrics_at:
            self._metrics_at = time.monotonic() + self._metrics_every
            self._send_metrics()

    def _send(self, lane: Lane, batch: Batch) -> Sent:
        now = time.monotonic()
        if batch.first_try_at is None:
            batch.first_try_at = now
        reply = self._poster.post(lane.signal, batch.body)
        if self._abandoned:
            return Sent.LATER
        if reply.verdict is Verdict.TAKEN:
            self._taken(reply, lane.signal)
            lane.settle(max(0, batch.count - reply.rejected))
            return Sent.DONE
        if reply.verdict is Verdict.REFUSED:
            self.note(f"{lane.signal} {reply.detail}")
            lane.settle(0)
            return Sent.DONE
        self._later(f"{lane.signal} {reply.detail}", reply.retry_after)
        if now - batch.first_try_at >= GIVE_UP_AFTER:
            lane.settle(0)
        return Sent.LATER

    def _send_metrics(self) -> Sent:
        for body, points in self._collect():
            reply = self._poster.post("metrics", body)
            if reply.verdict is Verdict.TAKEN:
                self._taken(reply, "metrics")
                self.metrics_sent += max(0, points - reply.rejected)
                self.metrics_dropped += min(points, reply.rejected)
            elif reply.verdict is Verdict.REFUSED:
                self.note(f"metrics {reply.detail}")
                self.metrics_dropped += points
            else:
                # The next collection carries the same sums: nothing of this one needs to be kept, or counted as lost.
                self._later(f"metrics {reply.detail}", reply.retry_after)
                self._metrics_at = self._try_at
                return Sent.LATER
        return Sent.DONE

    def _taken(self, reply: Reply, signal: str) -> None:
        self._failures = 0
        if reply.rejected or reply.detail:
            self.note(f"{signal} {reply.detail}")

    def _later(self, problem: str, retry_after: float | None) -> None:
        self.note(problem)
        # 0.5 s, 1 s, 2 s, ... with a spread, so that a fleet does not come back to its collector in one instant.
        own = min(MAX_WAIT, 0.5 * 2 ** min(self._failures, 10)) * _jitter(0.5, 1.0)
        self._failures += 1
        self._try_at = time.monotonic() + min(MAX_WAIT, max(own, retry_after or 0.0))

    def _flush(self) -> None:
        """What is left, within the deadline. A collector that is not there is asked once; a busy one a few times."""
        self._poster.deadline = self._deadline
        for send in (self._flush_lanes, self._send_metrics):
            for _ in range(4):
                try:
                    outcome = send()
                except Exception as error:
                    self.note(f"internal: {type(error).__name__}: {error}")
                    break
                if self._abandoned or outcome is Sent.DONE:
                    break
                wait = min(self._try_at, self._deadline) - time.monotonic()
                if not self._poster.reached or wait <= 0 or self._deadline - self._try_at < 0:
                    return
                time.sleep(wait)

    def _flush_lanes(self) -> Sent:
        for lane in self.lanes.values():
            while not self._abandoned and (batch := lane.next()) is not None:
                if self._send(lane, batch) is Sent.LATER:
                    return Sent.LATER
        return Sent.DONE

    def _report(self) -> None:
        """One line when there was trouble since the last one, at most every `report_every`. Quiet otherwise."""
        now = time.monotonic()
        if not self._trouble or now < self._report_at:
            return
        sent, dropped = self.sent, self.dropped
        waiting = sum(lane.waiting for lane in self.lanes.values())
        logger.warning(
            f"telemetry: {sent - self._reported[0]} items sent, {dropped - self._reported[1]} dropped, "
            f"{waiting} waiting; {self._trouble}"
        )
        self._report_at = now + self._report_every
        self._reported = (sent, dropped)
        self._trouble = ""
