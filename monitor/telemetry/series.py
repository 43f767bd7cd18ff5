"""
The metrics of the targets, counted per check and encoded by hand: the SDK's record() costs as much as the whole span.

Read by the exporter's thread while the loop counts. There is no lock that a probe could wait for: a copy of one flat
list is atomic under the interpreter's lock, and a histogram whose sum is one result behind its buckets is right again
at the next export. Sums are cumulative, so an export that fails loses nothing but its own instant.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from checks.check import Check
from checks.result import Attempt, CheckResult, Outcome
from monitor.telemetry import names, protobuf
from monitor.telemetry.asked import duration_of, error_type, request_attributes, speaks_http
from monitor.telemetry.sampling import Limits

BOUNDS: Final = names.REQUEST_DURATION.bounds
MAX_SERIES_PER_CHECK: Final = 16
"""Combinations of status code and error type. Further ones are counted together under error.type=_OTHER."""
POINTS_PER_REQUEST: Final = 2_000

_BUCKETS = len(BOUNDS) + 1
_SUM, _MIN, _MAX = _BUCKETS, _BUCKETS + 1, _BUCKETS + 2
_EMPTY = [*([0] * _BUCKETS), 0.0, float("inf"), 0.0]

# HistogramDataPoint: start 2, time 3, count 4, sum 5, bucket_counts 6 (packed), explicit_bounds 7 (packed), then
# attributes 9, min 11, max 12. All of it but the attributes has a fixed length.
_HISTOGRAM_POINT = struct.Struct(f"<sQsQsQsd2s{_BUCKETS}Q").pack
_EXPLICIT_BOUNDS = protobuf.field(7, struct.pack(f"<{len(BOUNDS)}d", *BOUNDS))
_COUNTS_TAG = b"\x32" + protobuf.varint(8 * _BUCKETS)
_MIN_MAX = struct.Struct("<sdsd").pack
# NumberDataPoint: start 2, time 3, as_int 6 (sfixed64), attributes 7.
_SUM_POINT = struct.Struct("<sQsQsq").pack
_GAUGE_POINT = struct.Struct("<sQsq").pack
_CUMULATIVE: Final = b"\x10\x02"

_OUTCOMES: Final = tuple(Outcome)


class CheckSeries:
    """
    What one check's results add up to since `began`, wall time in nanoseconds.

    Attributes:
        metric: What its durations are counted as.
    """

    def __init__(self, check: Check, began: int, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        self._began = began
        self._timeout = check.timeout
        asked = request_attributes(check)
        self.metric = names.REQUEST_DURATION if speaks_http(check.question) else names.CHECK_DURATION
        wanted = [(key, asked[key]) for key in self.metric.attributes if key in asked]
        whose = [(key, asked[key]) for key in names.CHECK_UP.attributes]
        self._request = b"".join(protobuf.attribute(key, _cut(value, limits), 9) for key, value in wanted)
        self._whose = b"".join(protobuf.attribute(key, _cut(value, limits), 7) for key, value in whose)
        self._durations: dict[tuple[int | None, str], list[float]] = {}
        self._probes = dict.fromkeys(_OUTCOMES, 0)
        self._last = Outcome.UNKNOWN

    def add(self, result: CheckResult) -> None:
        outcome = result.outcome
        self._probes[outcome] += 1
        self._last = outcome
        for attempt in result.attempts:
            if attempt.outcome is not Outcome.UNKNOWN:
                self._record(attempt)

    def _record(self, attempt: Attempt) -> None:
        seconds = duration_of(attempt, self._timeout)
        if seconds is None:
            return
        key = (attempt.status, error_type(attempt))
        if (series := self._durations.get(key)) is None:
            series = self._begin(key)
        series[bisect_left(BOUNDS, seconds)] += 1
        series[_SUM] += seconds
        if seconds < series[_MIN]:
            series[_MIN] = seconds
        if seconds > series[_MAX]:
            series[_MAX] = seconds

    def _begin(self, key: tuple[int | None, str]) -> list[float]:
        if len(self._durations) >= MAX_SERIES_PER_CHECK - 1:
            key = (None, names.OTHER)
        return self._durations.setdefault(key, list(_EMPTY))

    def duration_points(self, now: int) -> Iterator[bytes]:
        for (status, error), series in list(self._durations.items()):
            kept = series[:]
            buckets = [int(count) for count in kept[:_BUCKETS]]
            attributes = self._request
            if status is not None:
                attributes += protobuf.attribute(names.HTTP_RESPONSE_STATUS_CODE, status, 9)
            if error:
                attributes += protobuf.attribute(names.ERROR_TYPE, error, 9)
            numbers = _HISTOGRAM_POINT(
                b"\x11", self._began, b"\x19", now, b"\x21", sum(buckets), b"\x29", kept[_SUM], _COUNTS_TAG, *buckets
            )
            extremes = _MIN_MAX(b"\x59", kept[_MIN], b"\x61", kept[_MAX])
            yield protobuf.field(1, numbers + _EXPLICIT_BOUNDS + attributes + extremes)

    def up_points(self, now: int) -> Iterator[bytes]:
        if self._last is not Outcome.UNKNOWN:
            yield protobuf.field(1, _GAUGE_POINT(b"\x19", now, b"\x31", self._last is Outcome.OK) + self._whose)

    def probe_points(self, now: int) -> Iterator[bytes]:
        for outcome, count in self._probes.items():
            if count:
                which = self._whose + protobuf.attribute(names.CHECK_OUTCOME, outcome.value, 7)
                yield protobuf.field(1, _SUM_POINT(b"\x11", self._began, b"\x19", now, b"\x31", count) + which)


def requests(series: Iterable[CheckSeries], now: int, resource: bytes, scope: bytes) -> Iterator[tuple[bytes, int]]:
    """Bodies of ExportMetricsServiceRequest with their number of points, none larger than POINTS_PER_REQUEST points."""
    all_series = list(series)
    by_http = [one for one in all_series if one.metric is names.REQUEST_DURATION]
    otherwise = [one for one in all_series if one.metric is names.CHECK_DURATION]
    for metric, counted, points_of in (
        (names.REQUEST_DURATION, by_http, CheckSeries.duration_points),
        (names.CHECK_DURATION, otherwise, CheckSeries.duration_points),
        (names.CHECK_UP, all_series, CheckSeries.up_points),
        (names.CHECK_PROBES, all_series, CheckSeries.probe_points),
    ):
        points: list[bytes] = []
        for one in counted:
            points += points_of(one, now)
            if len(points) >= POINTS_PER_REQUEST:
                yield request(metric, points, resource, scope), len(points)
                points = []
        if points:
            yield request(metric, points, resource, scope), len(points)


def request(metric: names.Metric, points: list[bytes], resource: bytes, scope: bytes) -> bytes:
    """One ExportMetricsServiceRequest with these points of one metric."""
    joined = b"".join(points)
    if metric.kind == "gauge":
        data = protobuf.field(5, joined)
    elif metric.kind == "counter":
        data = protobuf.field(7, joined + _CUMULATIVE + b"\x18\x01")
    else:
        data = protobuf.field(9, joined + _CUMULATIVE)
    head = b"".join(
        protobuf.field(number, protobuf.text(value))
        for number, value in ((1, metric.name), (2, metric.meaning), (3, metric.unit))
    )
    inner = (
        protobuf.field(1, scope) + protobuf.field(2, head + data) + protobuf.field(3, protobuf.text(names.SCHEMA_URL))
    )
    return protobuf.field(1, protobuf.field(1, resource) + protobuf.field(2, inner))


def _cut(value: protobuf.AttributeValue, limits: Limits) -> protobuf.AttributeValue:
    return limits.cut(value) if isinstance(value, str) else value
