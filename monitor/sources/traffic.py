"""
What real users see of a service, read from Prometheus: requests and errors every 30 s, latency once per range length.

A reading that brings no answer is a value too: since when, why, and how many in a row. Never silence, never an error
that reaches the loop.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from monitor.core.baseline import Level, Quality, Sample
from monitor.core.errors import ErrorVerdict, judge_errors
from monitor.core.recovery import percent
from monitor.core.severity import TrafficView
from monitor.sources.losses import LossReading, read_losses
from monitor.sources.prometheus import Prometheus, SourceAway

READ_EVERY: Final = timedelta(seconds=30)
FRESH_FOR: Final = timedelta(seconds=90)
"""Three readings: one may be lost without the traffic's rows leaving the severity table."""
LATENCIES_KEPT: Final = 60
DEFAULT_RANGE: Final = timedelta(minutes=5)
_RANGE: Final = re.compile(r"\[\s*((?:\d+(?:ms|[smhdwy]))+)\s*(?::[^\]]*)?\]")
_PART: Final = re.compile(r"(\d+)(ms|[smhdwy])")
_UNIT: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def range_length(query: str) -> timedelta:
    """
    The longest range selector of *query*: `[5m]` is five minutes; five minutes too where there is none.

    Two values taken within one range length share data, and a test that takes them for independent finds shifts in
    nothing.
    """
    lengths = [
        timedelta(seconds=sum(int(number) * _UNIT[unit] for number, unit in _PART.findall(found)))
        for found in _RANGE.findall(_without_strings(query))
    ]
    longest = max(lengths, default=timedelta(0))
    return longest if longest > timedelta(0) else DEFAULT_RANGE


def _without_strings(query: str) -> str:
    """Label values may hold anything, `{path="/[1d]"}` too."""
    return re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`', '""', query)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficQueries:
    """
    PromQL of one service. `requests` and `errors` are rates, not a ratio, so that counts survive. `deploys` has another
    answer after each deploy. `data_loss`, by name, is above 0 when data is lost.
    """

    requests: str | None = None
    errors: str | None = None
    latency: str | None = None
    queue_depth: str | None = None
    deploys: str | None = None
    data_loss: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LatencyReading:
    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSample:
    """
    One reading.

    Attributes:
        requests: Per second; None when there is no traffic: no series, NaN or zero.
        measured: Whether there is a query for requests at all; without one nothing is known of the traffic.
        errors: Per second; None when there is no traffic or no query for them.
        window: The range over which Prometheus took the rates.
        latencies: The newest readings, oldest first, one per range length; each stays here for a while, so that nobody
            misses one and the instant tells which were seen.
        latency_problem: Why the newest latency is missing; errors and requests are there all the same.
        queue_depth: What waits; None when that is not asked for, or not known.
        queue_problem: Why that is not known.
        losses: What the queries said that tell a loss of data.
        versions: What runs, by the query for deploys; empty while that is not known.
        deploys_problem: Why that is not known.
        away: Why there is no answer; empty when there is one.
        away_since: The first reading in a row without an answer.
        missed: How many in a row.
    """

    at: datetime
    requests: float | None = None
    measured: bool = True
    errors: float | None = None
    window: timedelta = DEFAULT_RANGE
    latencies: tuple[LatencyReading, ...] = ()
    latency_problem: str = ""
    queue_depth: float | None = None
    queue_problem: str = ""
    losses: tuple[LossReading, ...] = ()
    versions: frozenset[str] = frozenset()
    deploys_problem: str = ""
    away: str = ""
    away_since: datetime | None = None
    missed: int = 0

    @property
    def latency(self) -> float | None:
        """The newest, in seconds."""
        return self.latencies[-1].seconds if self.latencies else None

    @property
    def problems(self) -> dict[str, str]:
        """What is not known though Prometheus answers, by the key of its query, and why."""
        found = {"latency": self.latency_problem, "queue_depth": self.queue_problem, "deploys": self.deploys_problem}
        found |= {f"queries.{loss.name}": loss.problem for loss in self.losses}
        return {key: why for key, why in found.items() if why}

    @property
    def error_ratio(self) -> float | None:
        if self.requests is None or self.errors is None:
            return None
        # Two queries see two instants: for a moment there may be more errors than requests.
        return min(1.0, self.errors / self.requests)

    @property
    def requests_in_window(self) -> float | None:
        return None if self.requests is None else self.requests * self.window.total_seconds()


class TrafficReader:
    """Reads one service. Blocks while Prometheus thinks, so it belongs on a thread of `TrafficPoller`."""

    def __init__(self, service: str, queries: TrafficQueries, prometheus: Prometheus) -> None:
        self.service = service
        self._queries = queries
        self._prometheus = prometheus
        self._window = range_length(queries.requests or "")
        self._latency_every = range_length(queries.latency or "")
        self._latency_due: datetime | None = None
        self._latencies: deque[LatencyReading] = deque(maxlen=LATENCIES_KEPT)
        self._versions: frozenset[str] = frozenset()
        self._deploys_problem = ""
        self._queue_problem = ""
        self._losses: tuple[LossReading, ...] = ()
        self._away_since: datetime | None = None
        self._missed = 0

    def read(self, now: datetime) -> TrafficSample:
        try:
            requests, errors = self._rates()
        except SourceAway as away:
            return self._away(now, str(away))
        problem = ""
        try:
            self._read_latency(now, busy=requests is not None or self._queries.requests is None)
        except SourceAway as away:
            problem = str(away)
        self._read_deploys()
        self._losses = read_losses(self._prometheus, self._queries.data_loss)
        depth = self._read_queue()
        if why := self._unanswered():
            return self._away(now, why)
        self._away_since, self._missed = None, 0
        return self._sample(now, requests, errors, latency_problem=problem, queue_depth=depth)

    def _away(self, now: datetime, why: str) -> TrafficSample:
        self._away_since = self._away_since or now
        self._missed += 1
        return self._sample(now, away=why)

    def _unanswered(self) -> str:
        """Without requests, whether none of what was asked was answered: why, or empty."""
        asked = [self._queue_problem] if self._queries.queue_depth is not None else []
        asked += [self._deploys_problem] if self._queries.deploys is not None else []
        asked += [loss.problem for loss in self._losses]
        return asked[0] if self._queries.requests is None and asked and all(asked) else ""

    def _read_queue(self) -> float | None:
        if self._queries.queue_depth is None:
            return None
        try:
            depth, self._queue_problem = self._prometheus.instant(self._queries.queue_depth), ""
        except SourceAway as away:
            self._queue_problem = str(away)
            logger.warning("{}: its queue depth cannot be read: {}", self.service, away)
            return None
        return depth if depth is not None and depth >= 0 else None

    def _read_deploys(self) -> None:
        if self._queries.deploys is None:
            return
        try:
            self._versions, self._deploys_problem = self._prometheus.names(self._queries.deploys), ""
        except SourceAway as away:
            self._versions, self._deploys_problem = frozenset(), str(away)

    def _rates(self) -> tuple[float | None, float | None]:
        if self._queries.requests is None:
            return None, None
        requests = self._prometheus.instant(self._queries.requests)
        if requests is None or requests <= 0:
            return None, None
        if self._queries.errors is None:
            return requests, None
        # A counter of errors that never counted does not exist yet: with requests there, nothing is none.
        return requests, max(0.0, self._prometheus.instant(self._queries.errors) or 0.0)

    def _read_latency(self, now: datetime, busy: bool) -> None:
        if self._queries.latency is None or (self._latency_due is not None and now < self._latency_due):
            return
        seconds = self._prometheus.instant(self._queries.latency)
        self._latency_due = now + self._latency_every
        # Without requests a quantile over buckets is NaN at best, and at worst the last value of an idle gauge.
        if busy and seconds is not None and seconds >= 0:
            self._latencies.append(LatencyReading(now, seconds))

    def _sample(
        self,
        now: datetime,
        requests: float | None = None,
        errors: float | None = None,
        *,
        latency_problem: str = "",
        queue_depth: float | None = None,
        away: str = "",
    ) -> TrafficSample:
        return TrafficSample(
            at=now,
            requests=requests,
            measured=self._queries.requests is not None,
            errors=errors,
            window=self._window,
            latencies=tuple(self._latencies),
            latency_problem=latency_problem,
            queue_depth=queue_depth,
            queue_problem=self._queue_problem,
            losses=self._losses,
            versions=self._versions,
            deploys_problem=self._deploys_problem,
            away=away,
            away_since=self._away_since,
            missed=self._missed,
        )


def losses_in(
    sample: TrafficSample | None, queries: Iterable[str], now: datetime
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What says that data is lost, with the number that it gave, and what gives no answer now, with the reason."""
    if sample is None:
        return (), tuple(f"{name}: not read yet" for name in queries)
    if sample.away or now - sample.at > FRESH_FOR:
        since = sample.away_since or sample.at
        return (), tuple(f"{name}: Prometheus unavailable since {since:%H:%M:%S} UTC" for name in queries)
    lost = tuple(f"{loss.name} is {loss.value:.6g}" for loss in sample.losses if loss.is_lost)
    return lost, tuple(f"{loss.name}: {loss.problem}" for loss in sample.losses if loss.problem)


def verdict_of(
    sample: TrafficSample, normal: Sample | None, error_budget: float, crossed_since: datetime | None = None
) -> ErrorVerdict | None:
    """
    Of the errors of one reading; None where there is nothing to judge.

    Args:
        crossed_since: The first of the readings in a row, this one included, that were past the limit.
    """
    ratio, requests = sample.error_ratio, sample.requests_in_window
    if sample.away or ratio is None or requests is None:
        return None
    crossed_for = sample.at - (crossed_since or sample.at)
    return judge_errors(ratio, requests, normal, error_budget, crossed_for=crossed_for, window=sample.window)


def view(
    sample: TrafficSample,
    normal: Sample | None,
    error_budget: float,
    now: datetime,
    quality: Quality | None = None,
    crossed_since: datetime | None = None,
) -> TrafficView:
    """
    What the severity table and the recovery conditions read.

    Args:
        normal: The error ratios that are usual at this hour; None while there is no baseline, then the budget and the
            single request alone decide.
        quality: Of the baseline, named in the text where it is not the best.
        crossed_since: As of `verdict_of`.
    """
    if sample.away:
        since = sample.away_since or sample.at
        return _view(None, None, None, False, f"Prometheus unavailable since {since:%H:%M:%S} UTC: {sample.away}")
    fresh = now - sample.at <= FRESH_FOR
    stale = "" if fresh else f", read {(now - sample.at).total_seconds():.0f} s ago"
    if sample.requests is None:
        missing = "no traffic" if sample.measured else "requests are not measured"
        return _view(None, None, None, fresh, f"{missing}{stale}")
    rate = f"{sample.requests:.3g} requests/s{stale}"
    ratio = sample.error_ratio
    verdict = verdict_of(sample, normal, error_budget, crossed_since)
    if ratio is None or verdict is None:
        return _view(None, sample.requests, None, fresh, f"{rate}; errors are not measured")
    text = f"{ratio * 100:.2f} % errors of {rate}; limit {verdict.limit * 100:.2f} % ({_basis(normal, quality)})"
    if verdict.chance is not None:
        text += f", so many by chance: {percent(verdict.chance)}"
    return _view(ratio, sample.requests, verdict.within, fresh, text)


def _view(ratio: float | None, requests: float | None, within: bool | None, fresh: bool, text: str) -> TrafficView:
    return TrafficView(error_ratio=ratio, requests=requests, within_baseline=within, fresh=fresh, text=text)


def _basis(normal: Sample | None, quality: Quality | None) -> str:
    if normal is None or not normal.n:
        return "no baseline yet"
    slot = "all hours" if normal.level is Level.GLOBAL else f"this {normal.level}"
    return f"baseline of {slot}" + (f", {quality}" if quality not in (None, Quality.FITTED) else "")
