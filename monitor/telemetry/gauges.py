"""
The gauges of what there may be any number of: objectives and series.

Encoded by hand as the checks' series are: the SDK takes 200 points of a metric, and no name with a colon, while
Prometheus' recorded ones, which sloth's dashboards and alerts read, have two.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping, Sequence

from monitor.telemetry import names, protobuf
from monitor.telemetry.series import POINTS_PER_REQUEST, request

FORGET_AFTER = 600.0
"""Seconds without a reading after which its gauges end: it left the configuration."""

# NumberDataPoint: time 3, as_double 4, attributes 7.
_POINT = struct.Struct("<sQsd").pack


class Gauges:
    """Read by the exporter's thread while the loop puts; a value is replaced whole."""

    def __init__(self, metrics: Sequence[names.Metric]) -> None:
        self._metrics = metrics
        self._known: dict[tuple[str, ...], tuple[float, bytes, Mapping[str, float]]] = {}

    def put(self, attributes: Mapping[str, str], values: Mapping[str, float]) -> None:
        """
        Args:
            attributes: What tells this one from the others.
            values: By the names of the metrics; what has no data is not in it.
        """
        encoded = protobuf.attributes(attributes, 7)
        self._known[tuple(attributes.values())] = (time.monotonic(), encoded, values)

    def requests(self, now: int, resource: bytes, scope: bytes) -> Iterator[tuple[bytes, int]]:
        """As `series.requests`."""
        edge = time.monotonic() - FORGET_AFTER
        for name, (seen, _, _) in list(self._known.items()):
            if seen < edge:
                self._known.pop(name, None)
        known = list(self._known.values())
        for metric in self._metrics:
            points = [
                protobuf.field(1, _POINT(b"\x19", now, b"\x21", values[metric.name]) + attributes)
                for _, attributes, values in known
                if metric.name in values
            ]
            for begin in range(0, len(points), POINTS_PER_REQUEST):
                part = points[begin : begin + POINTS_PER_REQUEST]
                yield request(metric, part, resource, scope), len(part)
