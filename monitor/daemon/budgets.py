"""
The windows that budgets and burn rates are counted in, kept so that a restart has them again in a second.

The ledger has the hours: one row per check and hour, and what is some hours old packed into one row per check. The
history, which may be lost, has the minutes: each check's window packed now and then, and a row per minute since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol

from monitor.core.sli import SliWindow, Tally
from monitor.daemon.past import HOUR, NEVER, PERIOD, hour_of, past_of
from monitor.ledger.history import History
from monitor.ledger.records import BudgetCheckpoint, BudgetPast
from monitor.ledger.store import Ledger

PAST_EVERY: Final = 6
"""Hours until each check's past is packed anew: a start reads that many rows of each check, and packing all of them
every hour would write megabytes."""
WINDOW_EVERY: Final = 5
"""Minutes, as above: what a start after a crash reads of each check."""


class Counted(Protocol):
    """What has a window that is kept: a check, or a way of counting that objectives need besides."""

    window: SliWindow

    @property
    def id(self) -> str: ...

    def expected(self, start: datetime, end: datetime) -> int: ...


def counted(watch: Counted, start: datetime, span: timedelta) -> Tally:
    """What a whole minute or hour held, and what the timetable expected of it."""
    end = start + span
    return watch.window.tally(end, span, watch.expected(start, end))


class Budgets:
    """
    Attributes:
        hour: The next one that gets its checkpoints.
    """

    def __init__(self, ledger: Ledger, history: History, now: datetime) -> None:
        self._ledger = ledger
        self._history = history
        self._packed: dict[str, datetime] = {}
        self.hour = hour_of(now)

    def restore(self, watches: Collection[Counted], now: datetime) -> None:
        """Give the watches the windows that were kept of them, whenever that was. Before the first result."""
        wide = {watch.id for watch in watches if watch.window.wide}
        past = past_of(self._ledger, self._history, [watch.id for watch in watches], now, wide)
        for watch in watches:
            watch.window = past.windows[watch.id]
        self._packed.update(past.packed)
        # An hour that ended while we were away is written now.
        self.hour = min(self.hour, past.learned or self.hour)

    def keep_minutes(self, watches: list[Counted], until: datetime) -> None:
        """After each minute: the windows of those whose turn it is."""
        turn = int(until.timestamp() // 60) % WINDOW_EVERY
        self._keep_minutes(watches[turn::WINDOW_EVERY], until)

    def keep_all(self, watches: list[Counted], minute: datetime, now: datetime) -> None:
        """At the end, all windows, minutes up to *minute*: the next start goes on from there, in this hour or later."""
        self._keep_minutes(watches, minute)
        while self.hour <= now:
            self._ledger.write_checkpoints([_checkpoint(watch, self.hour) for watch in watches])
            self.hour += HOUR

    def _keep_minutes(self, watches: Iterable[Counted], until: datetime) -> None:
        self._history.put_windows(until, {watch.id: watch.window.minutes_before(until) for watch in watches})

    def keep_hours(self, watches: list[Counted]) -> None:
        """The checkpoints of `hour`, whose last results must have come, and the past of those who need it most."""
        self._ledger.write_checkpoints([_checkpoint(watch, self.hour) for watch in watches])
        self.hour += HOUR
        self._pack(watches, self.hour)

    def keep_past(self, watches: Collection[Counted]) -> None:
        """Of those that learned late of hours whose checkpoints are written: all hours that have one."""
        self._write_pasts(watches, self.hour)

    def leave(self, watches: Iterable[Counted], now: datetime) -> None:
        """Of checks that are watched no more: all that they have, for when they come back after days."""
        self._write_pasts(watches, hour_of(now) + HOUR)

    def _pack(self, watches: list[Counted], until: datetime) -> None:
        oldest = sorted(watches, key=lambda watch: self._packed.get(watch.id, NEVER))
        turn = oldest[: -(-len(oldest) // PAST_EVERY)]
        self._write_pasts(turn, until)
        kept = min((self._packed.get(watch.id, NEVER) for watch in watches), default=until)
        # A day longer than we need them: a check that was removed by mistake may come back.
        self._ledger.forget_checkpoints(max(kept, until - PERIOD) - timedelta(days=1))
        self._ledger.forget_pasts(until - PERIOD)

    def _write_pasts(self, watches: Iterable[Counted], until: datetime) -> None:
        pasts = [BudgetPast(check=w.id, until=until, hours=w.window.hours_before(until)) for w in watches]
        if pasts:
            self._ledger.write_pasts(pasts)
            self._packed.update((past.check, until) for past in pasts)


def _checkpoint(watch: Counted, hour: datetime) -> BudgetCheckpoint:
    good, bad, unknown = watch.window.hour(hour)
    return BudgetCheckpoint(
        check=watch.id,
        hour=hour,
        expected=counted(watch, hour, HOUR).expected,
        good=good,
        bad=bad,
        unknown=unknown,
    )
