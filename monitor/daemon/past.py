"""What was kept of the windows, the ledger's hours and the history's minutes: for a start, or a check that is back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from loguru import logger

from monitor.core.indicator import is_measured
from monitor.core.sli import SliWindow
from monitor.ledger.history import History, MinuteRow
from monitor.ledger.store import Ledger
from monitor.response.maintained import COUNTED_IN, LEFT_OUT

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
PERIOD: Final = timedelta(days=90)
MINUTES_KEPT: Final = timedelta(hours=6)
NEVER: Final = datetime.min.replace(tzinfo=UTC)

_FEW: Final = 100
"""Checks without a packed window up to which each one's minutes are read alone; the rows of all are ten thousand times
six hours."""


@dataclass(slots=True)
class Past:
    """
    Attributes:
        windows: By check, filled with what was kept.
        known: Check -> up to when the ledger knows its hours.
        packed: Check -> up to when its hours are one packed row.
        learned: When the first hour begins of which the minutes knew more than the ledger.
    """

    windows: Mapping[str, SliWindow]
    known: dict[str, datetime] = field(default_factory=dict)
    packed: dict[str, datetime] = field(default_factory=dict)
    learned: datetime | None = None


def past_of(
    ledger: Ledger, history: History, checks: Collection[str], now: datetime, wide: Collection[str] = ()
) -> Past:
    """
    What was kept of *checks*, whenever that was: one that was removed by mistake and is back has its past again.

    Args:
        wide: Those that count requests and not probes.
    """
    past = Past({check: SliWindow(wide=check in wide) for check in checks})
    if not past.windows:
        return past
    _read_hours(past, ledger, now)
    _read_minutes(past, history, now)
    oldest = hour_of(now - MINUTES_KEPT)
    for check, window in past.windows.items():
        # The last hour that was written may be one in which we ended: its minutes may know more.
        # What Prometheus counted comes later than the hour is written, and its minutes know more of each.
        since = oldest if is_measured(check) else max(past.known.get(check, oldest) - HOUR, oldest)
        learned = window.count_hours(since, now)
        if learned is not None:
            past.learned = min(learned, past.learned or learned)
    return past


def maintained_of(ledger: Ledger, history: History, checks: Collection[str]) -> list[tuple[str, bool]]:
    """Which of *checks* have a past in maintenance: their names, and whether it is left out of what counts."""
    kept = {*ledger.names_like(f"%:{LEFT_OUT}%"), *history.names_like(f"%:{LEFT_OUT}%")}
    found = []
    for name in sorted(kept):
        check, _, kind = name.partition(":")
        if check in checks and kind in (LEFT_OUT, COUNTED_IN):
            found.append((check, kind == LEFT_OUT))
    return found


def _read_hours(past: Past, ledger: Ledger, now: datetime) -> None:
    for kept in ledger.pasts():
        if kept.check not in past.windows:
            continue
        try:
            past.windows[kept.check].restore_hours(kept.hours)
        except ValueError as problem:
            logger.error("{}: its budget begins anew, the ledger's row cannot be read: {}", kept.check, problem)
        past.packed[kept.check] = kept.until
    known = past.known
    known.update(past.packed)
    since = min((known.get(check, NEVER) for check in past.windows), default=now)
    for row in ledger.checkpoints(max(since, now - PERIOD), now, past.windows.keys()):
        if row.hour >= known.get(row.check, NEVER):
            past.windows[row.check].put_hour(row.hour, (row.good, row.bad, row.unknown))
            known[row.check] = row.hour + HOUR


def _read_minutes(past: Past, history: History, now: datetime) -> None:
    edge = now - MINUTES_KEPT - MINUTE
    known: dict[str, datetime] = {}
    for check, (until, minutes) in history.windows().items():
        if check in past.windows and until > edge:
            try:
                past.windows[check].restore_minutes(minutes)
            except ValueError as problem:
                logger.warning("{}: its last hours begin anew, the history cannot be read: {}", check, problem)
            known[check] = until
    for row in _rows(history, past.windows.keys(), known, edge, now):
        if row.check in past.windows and row.minute >= known.get(row.check, edge):
            past.windows[row.check].put_minute(row.minute, (row.good, row.bad, row.unknown))


def _rows(
    history: History, checks: Collection[str], known: Mapping[str, datetime], edge: datetime, now: datetime
) -> Iterator[MinuteRow]:
    alone = [check for check in checks if check not in known]
    if len(checks) <= _FEW:
        alone = list(checks)
    elif len(alone) > _FEW:
        yield from history.minutes_of_all(edge, now)
        return
    else:
        yield from history.minutes_of_all(min(known.values(), default=now), now)
    for check in alone:
        yield from history.minutes(check, known.get(check, edge), now)


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
