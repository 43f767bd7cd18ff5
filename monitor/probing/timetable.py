"""
What is due now: heaps over the checks' own grids, and the extra probes of services that have an open incident.

Nothing is ever replayed. A slot that passed while we could not act (suspend, overload, the same check still being
asked) is missed and counted, and the check waits for its next own slot, so that a pause never ends in a burst.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from math import floor

from checks.check import Check
from checks.record import record
from monitor.core.slots import phase, slot_instant
from monitor.probing.lag import Lag, LagMeter

EXTRA_SHARE = 0.2  # extra probes are at most this share of all scheduled ones, in sum
_EXTRA_INTERVAL_FLOOR = 5.0  # seconds
_OUTDATED = 64  # entries of the heap that are of no row any more, below which it is not worth rebuilding
_EXTRA_ROOM = 2.0  # seconds left before the next slot, below which an extra probe would teach too little


@record(frozen=True, slots=True)
class Due:
    """
    A probe to begin now.

    Attributes:
        until: The check's next slot, in seconds of the steady timeline: this probe's last attempt ends before it.
    """

    check: Check
    scheduled_at: datetime
    extra: bool
    until: float


def lateness_limit(interval: float) -> float:
    """
    Seconds after which a slot that was not begun is missed.

    A tenth of the interval, so that at most a tenth of all checks can begin at once after a pause; but a second where
    the interval allows it, for a machine that is merely busy.
    """
    return min(max(1.0, interval / 10), interval / 2)


def extra_interval(interval: float) -> float:
    return max(_EXTRA_INTERVAL_FLOOR, interval / 3)


def extras_per_interval(interval: float) -> int:
    """How many extra probes have room between two slots."""
    return max(0, floor((interval - _EXTRA_ROOM) / extra_interval(interval)))


class _Row:
    """
    One check's place on its grid: the next event is slot `number` or, with `step` > 0, the extra probe after it.

    Slots are counted, not added up: after a year of additions the sum would have drifted off the grid.
    """

    __slots__ = (
        "begun",
        "check",
        "extras",
        "late",
        "number",
        "offset",
        "scatter",
        "share",
        "spacing",
        "step",
        "ticket",
    )

    def __init__(self, check: Check, now: float) -> None:
        self.check = check
        self.offset = phase(check.id, check.interval)
        # Independent of the phase, so that checks that share a budget take their turns at different times.
        self.scatter = phase("extra " + check.id, 1.0)
        self.spacing = extra_interval(check.interval)
        self.late = lateness_limit(check.interval)
        self.extras = 0
        self.share = 0.0
        self.ticket = 0
        self.begun = now
        self.seek(now)

    def slot(self, number: int) -> float:
        return self.offset + number * self.check.interval

    @property
    def at(self) -> float:
        return self.slot(self.number) + self.step * self.spacing

    def seek(self, now: float) -> None:
        """Move to the first event strictly later than *now*."""
        self.number = self.newest(now)
        self.step = 0
        while self.at <= now:
            self.advance()

    def newest(self, now: float) -> int:
        """The number of the newest slot that is not later than *now*."""
        number = floor((now - self.offset) / self.check.interval)
        return number if self.slot(number) <= now else number - 1

    def advance(self) -> None:
        for step in range(self.step + 1, self.extras + 1):
            if self._granted(step):
                self.step = step
                return
        self.number += 1
        self.step = 0

    def _granted(self, step: int) -> bool:
        """Whether this extra probe is among the `share` that the budget allows: evenly spaced, never by chance."""
        nth = self.number * self.extras + step
        return floor((nth + 1) * self.share + self.scatter) > floor(nth * self.share + self.scatter)


class Timetable:
    """
    Times are seconds of the steady timeline and never run backwards.

    Args:
        lane_of: What is due in one lane waits for no other: each has its own heap. All checks are in one by default.

    Attributes:
        asking: Identities of checks whose target is being asked right now. Whoever begins and ends an attempt keeps
            it; a slot that comes due meanwhile is missed.
        missed: Slots that were never begun, since the start.
    """

    def __init__(self, lane_of: Callable[[Check], str] = lambda _: "") -> None:
        self.asking: set[str] = set()
        self.missed = 0
        self._lane_of = lane_of
        self._rows: dict[str, _Row] = {}
        self._services: frozenset[str] = frozenset()
        self._heaps: defaultdict[str, list[tuple[float, int, _Row]]] = defaultdict(list)
        self._tickets = count(1)
        self._lag = LagMeter()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, check_id: object) -> bool:
        return check_id in self._rows

    def checks(self) -> Iterable[Check]:
        return (row.check for row in self._rows.values())

    def replace(self, checks: Iterable[Check], now: float) -> None:
        """Watch exactly *checks*. One whose interval is unchanged keeps its place, even a slot that is due just now."""
        rows: dict[str, _Row] = {}
        for check in checks:
            row = self._rows.get(check.id)
            if row is not None and row.check.interval == check.interval:
                row.check = check
            else:
                row = _Row(check, now)
            rows[check.id] = row
        self._rows = rows
        self._share_extras(now)
        for row in rows.values():
            row.ticket = next(self._tickets)
        self._build_heaps()

    def amend(self, put: Iterable[Check], gone: Iterable[str], now: float) -> None:
        """As `replace`, for a few of many: *put* are new or changed, *gone* are identities; the others stay."""
        for check_id in gone:
            if (row := self._rows.pop(check_id, None)) is not None:
                row.ticket = 0
        for check in put:
            row = self._rows.get(check.id)
            if row is not None and row.check.interval == check.interval:
                changes_lane = self._lane_of(row.check) != self._lane_of(check)
                row.check = check
                if changes_lane:
                    self._push(row)
                continue
            if row is not None:
                row.ticket = 0
            self._rows[check.id] = fresh = _Row(check, now)
            self._push(fresh)
        for row in self._share_extras(now):
            self._push(row)
        if sum(map(len, self._heaps.values())) > 2 * len(self._rows) + _OUTDATED:
            self._build_heaps()

    def set_extra(self, services: frozenset[str], now: float) -> None:
        """Probe *services*, and no others, more often than their checks' intervals."""
        if services == self._services:
            return
        self._services = services
        for row in self._share_extras(now):
            self._push(row)

    def lanes(self) -> list[tuple[float, str]]:
        """When the next is due in each of them, the longest overdue first."""
        return sorted((at, lane) for lane in self._heaps if (at := self.next_due(lane)) is not None)

    def due(self, now: float, at_most: int, ahead: float = 0.0, lane: str = "") -> list[Due]:
        """
        What is to begin now in *lane*, the longest overdue first; the caller begins all of it.

        What exceeds *at_most* stays due, and is missed once it is too late.

        Args:
            ahead: Seconds before its slot at which a probe may begin, to share a turn with one that is due.
        """
        found: list[Due] = []
        until, heap = now + ahead, self._heaps[lane]
        while heap and heap[0][0] <= until and len(found) < at_most:
            _, ticket, row = heap[0]
            if ticket != row.ticket:
                heappop(heap)
                continue
            if (probe := self._take(row, now)) is not None:
                found.append(probe)
            row.advance()
            heapreplace(heap, (row.at, ticket, row))
        return found

    def next_due(self, lane: str = "") -> float | None:
        heap = self._heaps[lane]
        while heap and heap[0][1] != heap[0][2].ticket:
            heappop(heap)
        return heap[0][0] if heap else None

    def lag(self, now: float) -> Lag:
        return self._lag.read(now)

    def _take(self, row: _Row, now: float) -> Due | None:
        """The probe that *row* asks for at *now*, or None where it is too late or the check is still being asked."""
        until = row.slot(row.number + 1)
        if until <= now:
            newest = row.newest(now)
            self.missed += newest - row.number - (1 if row.step else 0)
            row.number, row.step = newest, 0
            until = row.slot(newest + 1)
        at = row.at
        if now - at > row.late or row.check.id in self.asking:
            self.missed += 0 if row.step else 1
            return None
        if row.step and until - now < _EXTRA_ROOM / 2:
            return None
        row.begun = at
        self._lag.record(max(0.0, now - at), now)
        return Due(row.check, slot_instant(at), row.step > 0, until)

    def _push(self, row: _Row) -> None:
        row.ticket = next(self._tickets)
        heappush(self._heaps[self._lane_of(row.check)], (row.at, row.ticket, row))

    def _build_heaps(self) -> None:
        """Without what is outdated."""
        self._heaps.clear()
        for row in self._rows.values():
            self._heaps[self._lane_of(row.check)].append((row.at, row.ticket, row))
        for heap in self._heaps.values():
            heapify(heap)

    def _share_extras(self, now: float) -> list[_Row]:
        """
        Deal the budget out anew; returns the rows that moved.

        Every affected check gets the same share of the extra probes that it has room for: whole checks left out
        would leave their services without proof.
        """
        wanted = {row.check.id: extras_per_interval(row.check.interval) for row in self._affected()}
        rate = sum(1 / row.check.interval for row in self._rows.values())
        demand = sum(number / self._rows[check_id].check.interval for check_id, number in wanted.items())
        share = min(1.0, EXTRA_SHARE * rate / demand) if demand else 0.0
        moved = []
        for check_id, row in self._rows.items():
            extras = wanted.get(check_id, 0)
            if (extras, share if extras else 0.0) == (row.extras, row.share):
                continue
            row.extras, row.share = extras, share if extras else 0.0
            # A slot that is due and not begun yet must not be lost by the change.
            if row.step > 0 or row.at > now:
                # Never back to one that was begun a little ahead of its time.
                row.seek(max(now, row.begun))
            moved.append(row)
        return moved

    def _affected(self) -> Iterable[_Row]:
        return (row for row in self._rows.values() if row.check.service in self._services)
