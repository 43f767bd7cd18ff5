"""
What Prometheus counts for an objective, kept as a check's results are. Mutable, but without a clock or I/O.

Requests have no timetable. So the minutes that were read are counted beside them, and what is missing is what came in
a usual minute, for each minute that was not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from checks.result import Outcome
from monitor.core.indicator import HOUR, LAG, MINUTE, Carry, Increment, Indicator, Progress, Span, hour_of
from monitor.core.sli import SliWindow, Tally, window_start

SETTLED: Final = LAG + timedelta(seconds=90)
"""A minute that ended longer ago and was not read is missing."""
SILENT_AFTER: Final = timedelta(minutes=10)
"""Answers without data for as long are told."""
AGAIN: Final = timedelta(minutes=10)
"""Asked for again after a start: after a crash the minutes that were kept may end before those that were read."""
MINUTES_TELL: Final = timedelta(hours=2)
_HOUR_READ: Final = (60, 0, 0)


@dataclass(slots=True)
class ReadMinutes:
    """The minutes of which something is known, kept under a name of their own."""

    id: str
    window: SliWindow = field(default_factory=SliWindow)

    def expected(self, start: datetime, end: datetime) -> int:
        return max(0, (end - start) // MINUTE)


@dataclass(slots=True)
class Measured:
    """
    Attributes:
        reach: How far back its objectives look.
        asked: The question that is under way; an answer to another one was meant for a former count.
        last: The end of the newest minute of which something is known.
        problem: Why the last question brought nothing; empty when it was answered.
        learned_late: Hours that the ledger has already may have changed: it must be told.
    """

    indicator: Indicator
    reach: timedelta
    window: SliWindow = field(default_factory=lambda: SliWindow(wide=True))
    read: ReadMinutes = field(init=False)
    progress: Progress = field(default_factory=Progress)
    carry: Carry = field(default_factory=Carry)
    asked: Span | None = None
    last: datetime | None = None
    problem: str = ""
    learned_late: bool = False

    def __post_init__(self) -> None:
        self.read = ReadMinutes(f"{self.indicator.id}:minutes")

    @property
    def id(self) -> str:
        return self.indicator.id

    @property
    def kept(self) -> tuple[Measured | ReadMinutes, ...]:
        """What a restart must find again."""
        return (self, self.read)

    @property
    def cell(self) -> timedelta:
        """What is counted at a time."""
        return MINUTE

    def next(self, now: datetime) -> Span | None:
        """What to ask for, if anything; it is under way then."""
        if self.asked is not None:
            return None
        if self.progress.read_until is None and self.since() is not None:
            self.progress.read_until = self._newest_known(now)
            self.progress.searched_to = self.since()
        self.asked = self.progress.next(now, self.reach)
        return self.asked

    def _newest_known(self, now: datetime) -> datetime:
        """Of counts that were kept without their state: the hour that is known last is not counted twice."""
        hour = hour_of(now)
        while not any(self.read.window.hour(hour)):
            hour -= HOUR
        return min(hour + HOUR, now.replace(second=0, microsecond=0))

    def take(
        self,
        span: Span,
        increments: Iterable[Increment],
        now: datetime,
        is_left_out: Callable[[datetime], bool] = lambda _at: False,
    ) -> None:
        """
        The answer to *span*.

        Args:
            is_left_out: Whether an instant does not count. Not asked of hours of the past: in them there is other time.
        """
        if span != self.asked:
            return
        self.asked = None
        if span.step == MINUTE:  # an answer of the past says nothing of the present
            self.problem = ""
        # The newest hours are learned from the minutes at a start.
        self.learned_late = self.learned_late or span.first < now - MINUTES_TELL
        if span.step == HOUR:
            self._take_past(increments)
        else:
            for increment in increments:
                # Each is the mean of the time before it, so it holds some of a window that has ended since.
                reaches_to = increment.at - max(self.cell, self.indicator.window)
                left_out = is_left_out(increment.at) or is_left_out(reaches_to)
                self._take_minute(Increment(increment.at, 0.0, 0.0) if left_out else increment)
        self.progress.answered(span)

    def lack(self, span: Span, problem: str, refused: bool, now: datetime) -> None:
        """There is no answer to *span*."""
        if span != self.asked:
            return
        self.asked = None
        if refused and span.step == HOUR:
            # The past does not say so of the present: it is counted since later, and that is told.
            self.progress.refused(span, now, self.reach)
            return
        self.problem = problem
        if refused:
            self.progress.refused(span, now, self.reach)
        else:
            self.progress.away(now)

    def _take_minute(self, increment: Increment) -> None:
        self.last = increment.at
        if self.read.window.tally(increment.at, MINUTE).good:
            return
        good, bad = self.carry.whole(increment)
        self.window.add_many(increment.at, Outcome.OK, good)
        self.window.add_many(increment.at, Outcome.FAILED, bad)
        self.read.window.add(increment.at, Outcome.OK)

    def _take_past(self, hours: Iterable[Increment]) -> None:
        for hour in hours:
            begin = hour.at - HOUR
            if not any(self.read.window.hour(begin)):
                self.window.put_hour(begin, (*self.carry.whole(hour), 0))
                self.read.window.put_hour(begin, _HOUR_READ)

    def since(self) -> datetime | None:
        """When the first hour begins of which something is known."""
        return self.read.window.began()

    def trouble(self, now: datetime) -> str:
        """Why the newest minutes are missing, in words; empty when they are there."""
        silent = self.last is None or now - self.last > SILENT_AFTER + self.cell
        if not self.problem and not (silent and self.progress.read_until and not self._is_catching_up(now)):
            return ""
        since = "no data yet" if self.last is None else f"no data since {self.last:%Y-%m-%d %H:%M} UTC"
        return f"{since}: {self.problem or self.indicator.lacking}"

    def _is_catching_up(self, now: datetime) -> bool:
        return self.progress.read_until is not None and now - self.progress.read_until > SILENT_AFTER

    def tally(self, now: datetime, width: timedelta) -> Tally:
        """What is missing is as many as usual, for each minute that was not read."""
        found, read = self.window.tally(now, width), self.read.window.tally(now, width).good
        began = self.since()
        if began is None or not read:
            return found
        due = (now - SETTLED - max(window_start(now, width), began)) // MINUTE
        return self.window.tally(now, width, round(found.total * max(due, read) / read))

    def expected(self, start: datetime, end: datetime) -> int:
        """For what is kept of an hour that is over: no more than came."""
        return self.window.tally(end, end - start).total

    def scheduled(self, start: datetime, end: datetime) -> int:
        """As many as came within the minutes that were read since *start*, for each minute until *end*."""
        newest = self.last
        if newest is None or newest <= start:
            return 0
        found, read = self.window.tally(newest, newest - start), self.read.window.tally(newest, newest - start).good
        return round(found.total / read * ((end - start) / MINUTE)) if read else 0

    def state(self) -> dict[str, object] | None:
        """What a restart continues from; None before the first answer."""
        if self.progress.read_until is None:
            return None
        return {
            "read_until": self.progress.read_until.isoformat(),
            "last": self.last.isoformat() if self.last is not None else None,
            "carry": [self.carry.good, self.carry.bad],
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """After its windows are back."""
        until, last, carry = (state.get(key) for key in ("read_until", "last", "carry"))
        self.last = datetime.fromisoformat(last) if isinstance(last, str) else None
        if isinstance(until, str):
            read = datetime.fromisoformat(until)
            # Without its minutes, of a long absence, what is asked for again would count twice.
            again = AGAIN + self.cell
            self.progress.read_until = read - again if self.read.window.tally(read, again).good else read
            self.progress.searched_to = self.since()
        if isinstance(carry, list) and len(carry) == 2:
            self.carry = Carry(float(carry[0]), float(carry[1]))
