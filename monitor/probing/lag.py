"""How late probes begin, over the last minute or so: what tells an overloaded prober from a slow target."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

_GENERATION = 30.0  # seconds; two of them are kept, so a reading covers the last 30 to 60 s
_FLOOR = 1e-4  # seconds: below a tenth of a millisecond nobody asks how late
_PER_OCTAVE = 4  # buckets per doubling: a quantile is at most 19 % too high, never too low
_BUCKETS = 96  # up to 0.1 ms x 2^24, about half an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """Seconds from a slot to the beginning of its probe; quantiles rounded up to a bucket, `max` exact."""

    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    count: int = 0


class LagMeter:
    """A histogram in two generations: nothing is sorted and nothing grows, whatever the number of probes."""

    def __init__(self) -> None:
        self._since = float("-inf")
        self._now = _Generation()
        self._before = _Generation()

    def record(self, lag: float, now: float) -> None:
        self._turn(now)
        self._now.record(lag)

    def read(self, now: float) -> Lag:
        self._turn(now)
        counts = [a + b for a, b in zip(self._now.counts, self._before.counts, strict=True)]
        highest = max(self._now.highest, self._before.highest)
        total = sum(counts)
        return Lag(
            p50=min(_quantile(counts, total, 0.5), highest),
            p99=min(_quantile(counts, total, 0.99), highest),
            max=highest,
            count=total,
        )

    def _turn(self, now: float) -> None:
        if now - self._since < _GENERATION:
            return
        # After a pause longer than a generation the elder one is too old to speak for the present as well.
        self._before = self._now if now - self._since < 2 * _GENERATION else _Generation()
        self._now = _Generation()
        self._since = now


class _Generation:
    __slots__ = ("counts", "highest")

    def __init__(self) -> None:
        self.counts = [0] * _BUCKETS
        self.highest = 0.0

    def record(self, lag: float) -> None:
        self.highest = max(self.highest, lag)
        bucket = 0 if lag <= _FLOOR else int(log2(lag / _FLOOR) * _PER_OCTAVE) + 1
        self.counts[min(bucket, _BUCKETS - 1)] += 1


def _quantile(counts: list[int], total: int, q: float) -> float:
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if count and seen >= q * total:
            return float(_FLOOR * 2 ** (bucket / _PER_OCTAVE))
    return 0.0
