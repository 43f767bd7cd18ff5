"""What was measured today, to be drawn on a baseline: probes from the history, traffic from Prometheus. Only reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.config import Config, Traffic
    from monitor.core.baseline import Baseline

Measured = Sequence[tuple[datetime, float]]

STEP = 300.0
"""Seconds between two values of the traffic: half an hour is drawn as one."""


class NotMeasured(Exception):
    """Why there is nothing, in one line."""


def today(config: Config, baseline: Baseline, midnight: datetime, now: datetime) -> Measured:
    """Raises NotMeasured."""
    if baseline.check:
        return _probes(config, f"{baseline.service}/{baseline.check}", midnight)
    service = config.services.get(baseline.service)
    if service is None or service.traffic is None or config.sources.prometheus is None:
        raise NotMeasured("the configuration has no query for it any more")
    return _traffic(config.sources.prometheus, service.traffic, baseline, midnight, now)


def _probes(config: Config, identity: str, midnight: datetime) -> Measured:
    import sqlite3
    from contextlib import closing

    from monitor.ledger.database import LedgerError, open_for_reading

    sql = """SELECT at, latency FROM minutes JOIN names ON id = check_id
             WHERE check_name = ? AND at >= ? AND latency IS NOT NULL ORDER BY at"""
    try:
        with closing(open_for_reading(config.monitor.state / "history.sqlite")) as history:
            rows = history.execute(sql, (identity, int(midnight.timestamp()))).fetchall()
    except (LedgerError, sqlite3.Error) as error:
        raise NotMeasured(f"the history cannot be read: {error}") from None
    return [(datetime.fromtimestamp(at, UTC), latency) for at, latency in rows]


def _traffic(url: str, traffic: Traffic, baseline: Baseline, midnight: datetime, now: datetime) -> Measured:
    from monitor.core.baseline import Signal
    from monitor.sources.prometheus import SourceAway
    from monitor.sources.ranges import Ranges

    ranges = Ranges(url, timeout=10.0)

    def values(query: str) -> dict[float, float]:
        return dict(ranges.series(query, midnight, now, STEP).items())  # type: ignore[arg-type]  # its index: seconds

    try:
        if baseline.signal is Signal.ERROR_RATIO:
            asked, failed = values(traffic.requests or ""), values(traffic.errors or "")
            found = {at: min(1.0, failed.get(at, 0.0) / rate) for at, rate in asked.items() if rate > 0}
        else:
            found = values((traffic.latency if baseline.signal is Signal.LATENCY else traffic.queue_depth) or "")
    except SourceAway as away:
        raise NotMeasured(f"Prometheus: {away}") from None
    return [(datetime.fromtimestamp(at, UTC), value) for at, value in sorted(found.items())]
