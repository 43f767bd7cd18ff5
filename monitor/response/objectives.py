"""
What is known of each objective right now: its counts in, its budget, burn rates and alarms out. Mutable, but without a
clock or I/O.

Successes are counted by the checks themselves. What an objective counts otherwise, by latency or by slices of time, is
a `Counter` beside them; what Prometheus counts is a `Measured`.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.config import Service, Slo
from monitor.core.budget import Budget, Weighted, budget_of, composite, exhausts_in
from monitor.core.indicator import Indicator
from monitor.core.leak import SLOW_WINDOWS, Pace, exhausts_soon, leak, pace_of
from monitor.core.period import Period, Rolling
from monitor.core.sli import SliWindow, Tally, window_start
from monitor.core.slo import BURN_WINDOWS, BurnAlarm, BurnWindow, Objective, burn_rate
from monitor.response.counter import Counter, checks_of
from monitor.response.measured import Measured
from monitor.response.measured_slices import measured_of
from monitor.response.service_watch import ServiceWatch, total
from monitor.response.watch import SETTLE, CheckWatch

SHOWN_WINDOWS: Final[Mapping[str, timedelta]] = {
    "5m": timedelta(minutes=5),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
}
"""Those of the pairs of windows, as sloth names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveReading:
    """
    An objective at one instant.

    Attributes:
        start, end: Of its window; the end of a calendar's lies ahead.
        tally: The window so far.
        burns: By the window's length; None where it has no data.
        exhausts_in: If bad results go on as within the last six hours; None when they then never spend it.
        since: From when on Prometheus' counts are known, where that is later than `start`.
        trouble: Why the newest of them are missing.
    """

    service: str
    slo: Slo
    at: datetime
    start: datetime
    end: datetime
    tally: Tally
    budget: Budget
    burns: Mapping[str, float | None]
    exhausts_in: timedelta | None
    leak: BurnAlarm | None
    soon: timedelta | None
    since: datetime | None = None
    trouble: str = ""


@dataclass(slots=True)
class ObjectiveWatch:
    """
    Attributes:
        counter: None: the checks' own windows are all that it needs.
        leaking: The pair of windows whose burn was told, by name; empty while none is.
        answered: An incident of the service is, or was, about that burn: it opens no other one.
        exhausting: That its budget will soon be gone was told.
    """

    service: str
    slo: Slo
    period: Period
    watch: ServiceWatch
    counter: Counter | Measured | None = None
    leaking: str = ""
    answered: bool = False
    exhausting: bool = False
    reading: ObjectiveReading | None = None

    @property
    def id(self) -> str:
        return f"{self.service}:slo={self.slo.name}"

    def tally(self, now: datetime, window: timedelta) -> Tally:
        """Of the last *window*; what it expects is counted from the first result that is known."""
        if isinstance(self.counter, Measured):
            return self.counter.tally(now, window)
        parts: list[CheckWatch | Counter] = [self.counter] if self.counter else [*checks_of(self.watch, self.slo.check)]
        return total(_tally(part, now, window) for part in parts)

    def read(self, now: datetime) -> ObjectiveReading:
        objective = Objective(self.slo.objective)
        start, end = self.period.bounds(now)
        so_far = self.tally(now, now - start)
        budget = budget_of(so_far, self.scheduled(start, end), objective)
        # Most objectives have not one bad result, and then there is nothing to look up.
        quiet = so_far.bad == 0 and now - start >= SHOWN_WINDOWS["3d"]
        counts = _Counts(self, now, quiet)
        pace, within, leaving = Pace(0.0, float), end - now, []
        if isinstance(self.period, Rolling):
            within = self.period.length
        if not quiet:
            pace = pace_of(counts, self.scheduled(now - timedelta(days=1), now) / 86400)
            leaving = self._leaving(now) if isinstance(self.period, Rolling) else []
        self.reading = ObjectiveReading(
            service=self.service,
            slo=self.slo,
            at=now,
            start=start,
            end=end,
            tally=so_far,
            budget=budget,
            burns={name: burn_rate(counts.tally(width), objective) for name, width in SHOWN_WINDOWS.items()},
            exhausts_in=exhausts_in(budget, pace.per_second, within=within, leaving=leaving),
            leak=None if quiet else leak(counts, objective, self.period.length, self._windows_of_alarm()),
            soon=exhausts_soon(budget, pace, within=within, leaving=leaving, told=self.exhausting),
            since=_since(self.counter, start),
            trouble=self.counter.trouble(now) if isinstance(self.counter, Measured) else "",
        )
        return self.reading

    def scheduled(self, start: datetime, end: datetime) -> int:
        if self.counter is not None:
            return self.counter.scheduled(start, end)
        return sum(check.scheduled(start, end) for check in checks_of(self.watch, self.slo.check))

    def _windows_of_alarm(self) -> Sequence[BurnWindow]:
        return SLOW_WINDOWS if self.slo.sli == "success" else BURN_WINDOWS

    def windows(self) -> Iterable[SliWindow]:
        if self.counter is not None:
            return (self.counter.window,)
        return (check.window for check in checks_of(self.watch, self.slo.check))

    def _leaving(self, now: datetime) -> list[tuple[timedelta, float]]:
        length = self.period.length
        return sorted((when, float(bad)) for window in self.windows() for when, bad in window.leaving(now, length))

    def state(self) -> dict[str, object] | None:
        """What a restart continues from; None when there is nothing to say."""
        if not (self.leaking or self.exhausting):
            return None
        return {"leaking": self.leaking, "answered": self.answered, "exhausting": self.exhausting}

    def restore(self, state: Mapping[str, object]) -> None:
        leaking = state.get("leaking")
        self.leaking = leaking if isinstance(leaking, str) else ""
        self.answered = state.get("answered") is True
        self.exhausting = state.get("exhausting") is True


class _Counts:
    """
    Each window is counted once per reading.

    Args:
        quiet: The whole period holds no bad result; then any window that holds a good one speaks for all.
    """

    def __init__(self, watch: ObjectiveWatch, now: datetime, quiet: bool) -> None:
        self._watch = watch
        self._now = now
        self._known: dict[timedelta, Tally] = {}
        least = self.tally(SHOWN_WINDOWS["5m"])
        self._speaks = least if quiet and least.total else None

    _speaks: Tally | None = None

    def tally(self, width: timedelta) -> Tally:
        if self._speaks is not None:
            return self._speaks
        if width not in self._known:
            self._known[width] = self._watch.tally(self._now, width)
        return self._known[width]

    def scheduled(self, width: timedelta) -> int:
        return self._watch.scheduled(self._now - width, self._now)

    def bad_cells(self, width: timedelta) -> Iterable[int]:
        cells: collections.Counter[int] = collections.Counter()
        for window in self._watch.windows():
            for cell, bad in window.bad_cells(self._now, width):
                cells[cell] += bad
        return cells.values()


def _tally(part: CheckWatch | Counter, now: datetime, width: timedelta) -> Tally:
    window, start = part.window, window_start(now, width)
    settled = now - timedelta(seconds=part.timeout) - SETTLE
    begun = window.began()
    if begun is None:
        return window.tally(now, width, part.expected(start, settled))
    if start > begun:
        return window.tally(now, width, part.scheduled(start, settled))
    # Of a service that is an hour old no month is missing; and of the hour in which it began, no minute.
    return window.tally(now, width, sum(window.hour(begun)) + part.scheduled(begun + timedelta(hours=1), settled))


def _since(counter: Counter | Measured | None, start: datetime) -> datetime | None:
    since = counter.since() if isinstance(counter, Measured) else None
    # A window that begins within an hour is counted from the hour on.
    return since if since is not None and since > start + timedelta(hours=1) else None


def composite_of(members: Mapping[str, float], readings: Mapping[str, ObjectiveReading]) -> dict[str, float | None]:
    """`spent`, and the burn rate by window, of a composite of *members*, by their names in *readings*."""
    of = {name: (readings[name], weight) for name, weight in members.items()}
    spent = composite(Weighted(reading.budget.spent, weight) for reading, weight in of.values())
    burns = {
        name: composite(Weighted(reading.burns[name], weight) for reading, weight in of.values())
        for name in SHOWN_WINDOWS
    }
    return {"spent": spent, **burns}


def leak_text(reading: ObjectiveReading) -> str:
    """`success burns its budget 5.1 times too fast (3d and 6h, limit 1); left 34.2 %`."""
    alarm = reading.leak
    if alarm is None:
        return ""
    left = reading.budget.left
    return (
        f"{reading.slo.name} burns its budget {alarm.burn_long:.3g} times too fast over {_span(alarm.window.long)} and "
        f"{alarm.burn_short:.3g} times over {_span(alarm.window.short)}, limit {alarm.threshold:.3g}"
        + ("" if left is None else f"; {left:.1%} of it is left")
    )


def _span(width: timedelta) -> str:
    return next((name for name, length in SHOWN_WINDOWS.items() if length == width), str(width))


def objectives_of(service: Service, watch: ServiceWatch, zone: str, now: datetime) -> list[ObjectiveWatch]:
    """One for each of the service's; those that count alike share a counter."""
    counters: dict[str, Counter | Measured] = {}
    found = []
    for slo in service.slos:
        counting, period = slo.counting(service.name), slo.period(zone)
        counter = None
        if isinstance(counting, Indicator):
            counter = counters.setdefault(counting.id, measured_of(counting, reach_of(period)))
            if isinstance(counter, Measured):
                counter.reach = max(counter.reach, reach_of(period))
        elif not counting.is_plain:
            counter = counters.setdefault(counting.id, Counter(counting, watch, began_at=now))
        found.append(ObjectiveWatch(service.name, slo, period, watch, counter))
    return found


def reach_of(period: Period) -> timedelta:
    """How far back it may ever look: a calendar's month has up to 31 days, one of them an hour longer."""
    return period.length if isinstance(period, Rolling) else period.length + timedelta(days=1, hours=1)
