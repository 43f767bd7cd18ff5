"""
The windows that budgets and burn rates are counted in, kept so that a restart has them again in a second.

The ledger has the hours: one row per check and hour, and what is some hours old packed into one row per check. The
history, which may be lost, has the minutes: each check's window packed now and then, and a row per minute since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from loguru import logger

from monitor.core.sli import Tally
from monitor.core.slots import slots_between
from monitor.ledger.history import History
from monitor.ledger.records import BudgetCheckpoint, BudgetPast
from monitor.ledger.store import Ledger
from monitor.response.watch import CheckWatch

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
PERIOD: Final = timedelta(days=90)
MINUTES_KEPT: Final = timedelta(hours=6)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)

PAST_EVERY: Final = 6
"""Hours until each check's past is packed anew: a start reads that many rows of each check, and packing all of them
every hour would write megabytes."""
WINDOW_EVERY: Final = 5
"""Minutes, as above: what a start after a crash reads of each check."""


def counted(watch: CheckWatch, start: datetime, span: timedelta) -> Tally:
    """What a whole minute or hour held, and what the timetable expected of it."""
    end = start + span
    expected = slots_between(watch.check.id, watch.check.interval, max(start, watch.began_at), end)
    return watch.window.tally(end, span, expected)


class Budgets:
    """
    Attributes:
        hour: The next one that gets its checkpoints.
    """

    def __init__(self, ledger: Ledger, history: History, now: datetime) -> None:
        self._ledger = ledger
        self._history = history
        self._packed: dict[str, datetime] = {}
        self.hour = _hour_of(now)

    def restore(self, watches: Iterable[CheckWatch], now: datetime) -> None:
        """Fill the windows with what was kept of them, whenever that was. Before the first result."""
        by_id = {watch.check.id: watch for watch in watches}
        known = self._restore_hours(by_id, now)
        self._restore_minutes(by_id, now)
        oldest = _hour_of(now - MINUTES_KEPT)
        for check, watch in by_id.items():
            # The last hour that was written may be one in which we ended: its minutes may know more.
            since = max(known.get(check, oldest) - HOUR, oldest)
            # An hour that ended while we were away is written now.
            self.hour = min(self.hour, watch.window.count_hours(since, now) or self.hour)

    def _restore_hours(self, watches: Mapping[str, CheckWatch], now: datetime) -> dict[str, datetime]:
        """Check -> up to when the ledger knows its hours."""
        known: dict[str, datetime] = {}
        for past in self._ledger.pasts():
            if past.check in watches:
                try:
                    watches[past.check].window.restore_hours(past.hours)
                except ValueError as problem:
                    logger.error("{}: its budget begins anew, the ledger's row cannot be read: {}", past.check, problem)
                known[past.check] = past.until
        self._packed.update(known)
        since = min((known.get(check, _NEVER) for check in watches), default=now)
        for row in self._ledger.checkpoints(max(since, now - PERIOD), now):
            watch = watches.get(row.check)
            if watch is not None and row.hour >= known.get(row.check, _NEVER):
                watch.window.put_hour(row.hour, (row.good, row.bad, row.unknown))
                known[row.check] = row.hour + HOUR
        return known

    def _restore_minutes(self, watches: Mapping[str, CheckWatch], now: datetime) -> None:
        edge = now - MINUTES_KEPT - MINUTE
        known: dict[str, datetime] = {}
        for check, (until, minutes) in self._history.windows().items():
            if check in watches and until > edge:
                try:
                    watches[check].window.restore_minutes(minutes)
                except ValueError as problem:
                    logger.warning("{}: its last hours begin anew, the history cannot be read: {}", check, problem)
                known[check] = until
        since = min((known.get(check, edge) for check in watches), default=now)
        for row in self._history.minutes_of_all(since, now):
            watch = watches.get(row.check)
            if watch is not None and row.minute >= known.get(row.check, edge):
                watch.window.put_minute(row.minute, (row.good, row.bad, row.unknown))

    def keep_minutes(self, watches: list[CheckWatch], until: datetime) -> None:
        """After each minute: the windows of those whose turn it is."""
        turn = int(until.timestamp() // 60) % WINDOW_EVERY
        self._keep_minutes(watches[turn::WINDOW_EVERY], until)

    def keep_all(self, watches: list[CheckWatch], minute: datetime, now: datetime) -> None:
        """At the end, all windows, minutes up to *minute*: the next start goes on from there, in this hour or later."""
        self._keep_minutes(watches, minute)
        while self.hour <= now:
            self._ledger.write_checkpoints([_checkpoint(watch, self.hour) for watch in watches])
            self.hour += HOUR

    def _keep_minutes(self, watches: Iterable[CheckWatch], until: datetime) -> None:
        self._history.put_windows(until, {watch.check.id: watch.window.minutes_before(until) for watch in watches})

    def keep_hours(self, watches: list[CheckWatch]) -> None:
        """The checkpoints of `hour`, whose last results must have come, and the past of those who need it most."""
        self._ledger.write_checkpoints([_checkpoint(watch, self.hour) for watch in watches])
        self.hour += HOUR
        self._pack(watches, self.hour)

    def _pack(self, watches: list[CheckWatch], until: datetime) -> None:
        oldest = sorted(watches, key=lambda watch: self._packed.get(watch.check.id, _NEVER))
        turn = oldest[: -(-len(oldest) // PAST_EVERY)]
        self._ledger.write_pasts(
            [BudgetPast(check=w.check.id, until=until, hours=w.window.hours_before(until)) for w in turn]
        )
        self._packed.update((watch.check.id, until) for watch in turn)
        kept = min((self._packed.get(watch.check.id, _NEVER) for watch in watches), default=until)
        # A day longer than we need them: a check that was removed by mistake may come back.
        self._ledger.forget_checkpoints(max(kept, until - PERIOD) - timedelta(days=1))
        self._ledger.forget_pasts(until - PERIOD)


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _checkpoint(watch: CheckWatch, hour: datetime) -> BudgetCheckpoint:
    good, bad, unknown = watch.window.hour(hour)
    return BudgetCheckpoint(
        check=watch.check.id,
        hour=hour,
        expected=counted(watch, hour, HOUR).expected,
        good=good,
        bad=bad,
        unknown=unknown,
    )
