"""
What waits for the daemon to read it. Never blocks, never grows without bound: who does not read loses the oldest.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from checks.result import CheckResult
from monitor.probing.lag import Lag
from monitor.probing.wire import Asked, Batch, Heartbeat, Remark, WireError, encode

BATCH_EVERY = 0.1  # seconds: what a result may wait for others to share its frame
BATCH_SIZE = 200
KEPT_FOR = 10.0  # seconds of results; what is older is missing
KEPT_MOST = 20_000  # results, about 30 MB: the bound that holds whatever the rate
_REMARKS = 100


class Outbox:
    """Times are seconds of the steady timeline."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._results: deque[tuple[float, CheckResult]] = deque()
        self._remarks: deque[Remark] = deque(maxlen=_REMARKS)
        self._asked: deque[Asked] = deque()
        self._heartbeat: Heartbeat | None = None
        self._dropped = 0
        self._writing = memoryview(b"")

    @property
    def blocked(self) -> bool:
        """Whether the daemon has to read before more can be sent."""
        return bool(self._writing)

    @property
    def empty(self) -> bool:
        return not (self._writing or self._results or self._remarks or self._asked or self._heartbeat or self._dropped)

    def add(self, result: CheckResult, now: float) -> None:
        self._results.append((now, result))
        if len(self._results) > KEPT_MOST:
            self._drop_oldest()

    def remark(self, level: str, text: str) -> None:
        self._remarks.append(Remark(level, text))

    def answer(self, asked: Asked) -> None:
        """Somebody waits for it, and for as long as a probe may take; so there are never more than may be asked."""
        self._asked.append(asked)

    def beat(self, heartbeat: Heartbeat) -> None:
        """Only the newest is kept: an old one would claim life at a time nobody asks about."""
        self._heartbeat = heartbeat

    def next_flush(self) -> float | None:
        """When `flush` has something to send of its own accord."""
        if self.blocked or not self._results:
            return None
        return self._results[0][0] + BATCH_EVERY

    def flush(self, now: float, lag: Callable[[float], Lag], *, all_of_it: bool = False) -> None:
        """Send what is due and what the socket takes. Raises OSError when the daemon is gone."""
        while True:
            if not self._writing:
                frame = self._next_frame(now, lag, all_of_it)
                if frame is None:
                    return
                self._writing = memoryview(frame)
            try:
                sent = self._channel.send(self._writing)
            except BlockingIOError:
                while self._results and now - self._results[0][0] > KEPT_FOR:
                    self._drop_oldest()
                return
            self._writing = self._writing[sent:]

    def _next_frame(self, now: float, lag: Callable[[float], Lag], all_of_it: bool) -> bytes | None:
        if self._heartbeat is not None:
            heartbeat, self._heartbeat = self._heartbeat, None
            return encode(heartbeat)
        if self._remarks:
            return encode(self._remarks.popleft())
        if self._asked:
            return _asked(self._asked.popleft())
        due = self._results and (
            all_of_it or len(self._results) >= BATCH_SIZE or now >= self._results[0][0] + BATCH_EVERY
        )
        if not due and not self._dropped:
            return None
        results = [self._results.popleft()[1] for _ in range(min(BATCH_SIZE, len(self._results)))]
        dropped, self._dropped = self._dropped, 0
        return _batch(results, dropped, lag(now))

    def _drop_oldest(self) -> None:
        self._results.popleft()
        self._dropped += 1


def _batch(results: Sequence[CheckResult], dropped: int, lag: Lag) -> bytes:
    try:
        return encode(Batch(tuple(results), dropped, lag))
    except (UnicodeError, TypeError, ValueError, OverflowError, WireError):
        sendable = tuple(result if _is_sendable(result, lag) else _reduced(result) for result in results)
        return encode(Batch(sendable, dropped, lag))


def _asked(asked: Asked) -> bytes:
    try:
        return encode(asked)
    except (UnicodeError, TypeError, ValueError, OverflowError, WireError):
        error = "what the target sent cannot be told"
        return encode(Asked(asked.number, asked.success, asked.took, (), (), error))


def _is_sendable(result: CheckResult, lag: Lag) -> bool:
    try:
        return len(encode(Batch((result,), 0, lag))) < 65_536  # 200 of them fit a frame
    except (UnicodeError, TypeError, ValueError, OverflowError, WireError):
        return False


def _reduced(result: CheckResult) -> CheckResult:
    """What the target sent holds something that cannot cross: the verdicts and numbers do, its words stay behind."""
    attempts = tuple(
        replace(attempt, detail="the details could not be sent to the daemon", address=None, body_excerpt="")
        for attempt in result.attempts
    )
    return replace(result, attempts=attempts, facts={}, warnings=(), notes=())
