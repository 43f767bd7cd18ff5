"""Watchkeeper's own metrics as they stand, for whoever scrapes them: kept whether or not there is a collector."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from threading import Lock
from typing import Final

from monitor.telemetry import names
from monitor.telemetry.exposition import Dialect, histogram, labels, samples

MAX_SERIES: Final = 200
"""Combinations of attribute values per metric; further ones are counted together, as the SDK does it."""

_Key = tuple[tuple[str, str], ...]
_OVERFLOW: Final[_Key] = (("otel.metric.overflow", "true"),)


class Numbers:
    """Counted by the loop and by the threads of ledger and outlets."""

    def __init__(self) -> None:
        self._metrics = {metric.name: metric for metric in names.OF_DAEMON}
        self._values: dict[str, dict[_Key, float]] = {}
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        self._lock = Lock()
        for name, metric in self._metrics.items():
            if metric.kind == "histogram":
                self._counts[name], self._sums[name] = [0] * (len(metric.bounds) + 1), 0.0
            else:
                # What nobody has counted yet is none: a first one that only appears is no increase to Prometheus.
                is_known = metric.kind == "counter" and not metric.attributes
                self._values[name] = {(): 0} if is_known else {}

    def add(self, name: str, amount: int, attributes: Mapping[str, str]) -> None:
        """
        Raises:
            KeyError: There is no such metric. So do the two below.
        """
        with self._lock:
            key = self._key(name, attributes)
            series = self._values[name]
            series[key] = series.get(key, 0) + amount

    def set(self, name: str, value: float | None, attributes: Mapping[str, str]) -> None:
        """*value*: None where it is not known any more."""
        with self._lock:
            key = self._key(name, attributes)
            if value is None:
                self._values[name].pop(key, None)
            else:
                self._values[name][key] = value

    def record(self, name: str, value: float) -> None:
        with self._lock:
            self._counts[name][bisect_left(self._metrics[name].bounds, value)] += 1
            self._sums[name] += value

    def text(self, dialect: Dialect) -> str:
        found = []
        for name, metric in self._metrics.items():
            with self._lock:
                values = list(self._values.get(name, {}).items())
                counts, total = self._counts.get(name, [])[:], self._sums.get(name, 0.0)
            if metric.kind == "histogram":
                found.append(histogram(metric, counts, total, dialect))
            else:
                found.append(samples(metric, ((_labels(key), value) for key, value in sorted(values)), dialect))
        return "".join(found)

    def _key(self, name: str, attributes: Mapping[str, str]) -> _Key:
        key = tuple((each, attributes[each]) for each in self._metrics[name].attributes if each in attributes)
        series = self._values[name]
        return key if key in series or len(series) < MAX_SERIES else _OVERFLOW


def _labels(key: _Key) -> str:
    return labels((name.replace(".", "_"), value) for name, value in key)
