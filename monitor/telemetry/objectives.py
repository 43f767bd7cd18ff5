"""
The gauges of objectives, under the names that sloth records in Prometheus, so that its dashboards and alerts read them.

Encoded by hand as the checks' series are: the SDK takes no name with a colon, and Prometheus' recorded ones have two.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping

from monitor.telemetry import names, protobuf
from monitor.telemetry.series import POINTS_PER_REQUEST, request

FORGET_AFTER = 600.0
"""Seconds without a reading after which an objective's gauges end: it left the configuration."""

# NumberDataPoint: time 3, as_double 4, attributes 7.
_POINT = struct.Struct("<sQsd").pack


class ObjectiveGauges:
    """Read by the exporter's thread while the loop puts; a value is replaced whole."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, bytes, Mapping[str, float]]] = {}

    def put(self, attributes: Mapping[str, str], values: Mapping[str, float]) -> None:
        """
        Args:
            values: By the names of `names.OF_OBJECTIVES`; what has no data is not in it.
        """
        encoded = protobuf.attributes(attributes, 7)
        self._known[attributes[names.SLOTH_ID]] = (time.monotonic(), encoded, values)

    def requests(self, now: int, resource: bytes, scope: bytes) -> Iterator[tuple[bytes, int]]:
        """As `series.requests`."""
        edge = time.monotonic() - FORGET_AFTER
        for name, (seen, _, _) in list(self._known.items()):
            if seen < edge:
                self._known.pop(name, None)
        known = list(self._known.values())
        for metric in names.OF_OBJECTIVES:
            points = [
                protobuf.field(1, _POINT(b"\x19", now, b"\x21", values[metric.name]) + attributes)
                for _, attributes, values in known
                if metric.name in values
            ]
            for begin in range(0, len(points), POINTS_PER_REQUEST):
                part = points[begin : begin + POINTS_PER_REQUEST]
                yield request(metric, part, resource, scope), len(part)
