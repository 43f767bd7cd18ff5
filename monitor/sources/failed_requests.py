"""
How many requests failed while an incident lasted, by Prometheus, asked for when its postmortem is drafted.

A sum over rates, so an estimate. What fails at an instant is in the rate for as long as the range of the query: so
errors are summed for that much longer than the incident lasted, or its last minutes would be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.config import Traffic
from monitor.core.recovery import percent
from monitor.sources.prometheus import Prometheus, SourceAway, series_of
from monitor.sources.traffic import range_length

FINEST: Final = timedelta(seconds=5)
MOST_POINTS: Final = 1000
"""Of one query: an hour takes a value every five seconds, twelve days one every eighteen minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """
    Of one service.

    Attributes:
        total: None where only errors are asked for.
        worst: The highest ratio of errors, and when; None where there is no ratio.
        problem: Why nothing is known; empty when it is.
        until: From when on its rates hold all of it.
    """

    service: str
    failed: float = 0.0
    total: float | None = None
    worst: tuple[datetime, float] | None = None
    problem: str = ""
    until: datetime | None = None

    def is_final(self, wall: datetime) -> bool:
        """Whether asking again brings nothing more."""
        return not self.problem and self.until is not None and wall >= self.until

    def __str__(self) -> str:
        if self.problem:
            return f"{self.service}: failed requests are not known: {self.problem}"
        if self.failed < 0.5:
            return f"{self.service}: no request failed"
        of = f" of {self.total:,.0f} ({percent(min(1.0, self.failed / self.total))})" if self.total else ""
        worst = "" if self.worst is None else f"; at worst {percent(self.worst[1])} at {self.worst[0]:%H:%M} UTC"
        return f"{self.service}: about {self.failed:,.0f} requests failed{of}{worst}"


def failed_requests(
    prometheus: Prometheus, service: str, traffic: Traffic, began: datetime, ended: datetime
) -> Requests | None:
    """
    Args:
        began, ended: On the wall clock, which Prometheus has.

    Returns:
        None where nothing is asked for.
    """
    if traffic.errors is None:
        return None
    until = ended + range_length(traffic.errors)
    step = max(FINEST, (until - began) / MOST_POINTS)
    seconds = step.total_seconds()
    try:
        errors = series_of(prometheus.ask_range(traffic.errors, began, until, seconds))
        requests = None
        if traffic.requests is not None:
            requests = series_of(prometheus.ask_range(traffic.requests, began, until, seconds))
    except SourceAway as problem:
        return Requests(service=service, problem=str(problem))
    if not errors and not requests:
        return Requests(service=service, problem="Prometheus has no data of that time")
    return replace(counted(service, errors, requests, ended, step), until=until)


def counted(
    service: str,
    errors: Mapping[float, float],
    requests: Mapping[float, float] | None,
    ended: datetime,
    step: timedelta,
) -> Requests:
    """
    Args:
        errors, requests: Per second, by seconds since the Unix epoch, one value every *step*.
        ended: Requests of later are not counted.
    """
    seconds = step.total_seconds()
    failed = sum(max(0.0, rate) for rate in errors.values()) * seconds
    if requests is None:
        return Requests(service=service, failed=failed)
    ratios = (
        (datetime.fromtimestamp(at, UTC), min(1.0, max(0.0, errors.get(at, 0.0)) / rate))
        for at, rate in sorted(requests.items())
        if rate > 0
    )
    total = sum(max(0.0, rate) for at, rate in requests.items() if at < ended.timestamp()) * seconds
    worst = max(ratios, key=lambda pair: pair[1], default=None)
    return Requests(service=service, failed=failed, total=total, worst=worst)
