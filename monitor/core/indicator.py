"""
An indicator that Prometheus counts: what is asked, and of which times.

Requests come in fractions there, because Prometheus extrapolates what a counter grew by to the whole range. A count of
ours is a whole number, so what is left over waits for the next minute: a request is never lost, only late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import floor
from typing import Final

from monitor.core.counting import Slices

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
LAG: Final = timedelta(seconds=30)
"""Of a minute that is over, until it is asked for: its last samples must have been scraped and stored."""
AGAIN_AFTER: Final = timedelta(minutes=1)
"""Without an answer."""
RECENT: Final = timedelta(hours=5)
"""Asked by the minute at the first start, with the running hour; what is older, by the hour: that is what is kept."""
MOST_MINUTES: Final = timedelta(hours=6)
MOST_HOURS: Final = timedelta(days=1)
"""In one question: few enough that it is answered within a second where a histogram has hundreds of series."""
RATIO_RATE: Final = "slo:sli_error:ratio_rate"
"""Sloth's name for the error ratio of a window, without the window at its end."""
WEIGHT: Final = 1000
"""What a minute of a recorded ratio is counted as, whatever came in it: a ratio does not say of how many."""
_CLOSE: Final = 1e-9
_MARK: Final = ":prometheus="


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """
    PromQL that counts. Two objectives that ask alike share one count.

    Attributes:
        total, good, bad: With `$window` for the range; `total` and one of the others, or none of the three.
        histogram: Instead: the selector of a classic histogram's buckets, or of a native histogram.
        under: With a histogram: good is what was not slower.
        window: What `$window` stands for when a minute is asked for. Longer than the minute, or a counter that is
            scraped once a minute would never grow within it.
        recorded: Instead: which of the error ratios that sloth records, as label matchers in braces.
        slices: With timeslices: each slice is asked for as a whole, so `window` is its length. Made of minutes, each
            of them the mean of a longer window, one bad minute would spoil the slices beside its own.
    """

    service: str
    total: str = ""
    good: str | None = None
    bad: str | None = None
    histogram: str | None = None
    under: timedelta | None = None
    window: timedelta = timedelta(minutes=5)
    recorded: str | None = None
    slices: Slices | None = None

    @property
    def id(self) -> str:
        """What the count is kept under: it holds all that decides what a number means. No check is called so."""
        under = self.under.total_seconds() if self.under is not None else None
        parts: tuple[object, ...] = (self.total, self.good, self.bad, self.histogram, under)
        parts += (self.window.total_seconds(),)
        # What was kept before there were such counts keeps its name.
        if self.recorded is not None:
            parts += (self.recorded,)
        if self.slices is not None:
            parts += (self.slices.target,)
        asked = repr(parts)
        return f"{self.service}{_MARK}{sha256(asked.encode()).hexdigest()[:16]}"

    @property
    def lacking(self) -> str:
        """What answers without data mean, in words."""
        if self.recorded is None:
            return "Prometheus has no series, or too few samples, for its queries"
        return f"Prometheus has no {RATIO_RATE}5m{self.recorded}; are sloth's rules loaded, and is it called so?"

    @property
    def is_plain(self) -> bool:
        """No check counts it."""
        return False


def is_measured(counted_as: str) -> bool:
    """Whether Prometheus counts what is kept under that name. No service and no check has a colon in its name."""
    return _MARK in counted_as


@dataclass(frozen=True, slots=True)
class Span:
    """Instants to ask for: *first*, and every *step* up to *last*. Each stands for the minute or the hour before it."""

    first: datetime
    last: datetime
    step: timedelta


def slices_of(span: Span, slices: Slices) -> Span | None:
    """The ends of slices within the time that *span* covers; None when there is none."""
    first = slices.last_before(span.first - span.step) + slices.length
    last = slices.last_before(span.last)
    return Span(first, last, slices.length) if first <= last else None


@dataclass(frozen=True, slots=True)
class Increment:
    """What came within the minute, the hour or the slice that ends *at*. Not whole numbers."""

    at: datetime
    good: float
    bad: float


@dataclass(slots=True)
class Carry:
    """Fractions that wait until they are a whole one."""

    good: float = 0.0
    bad: float = 0.0

    def whole(self, increment: Increment) -> tuple[int, int]:
        """Good and bad ones to count now: over any time their sum is less than one off."""
        good, bad = self.good + increment.good, self.bad + increment.bad
        counted = floor(good + _CLOSE), floor(bad + _CLOSE)
        self.good, self.bad = max(0.0, good - counted[0]), max(0.0, bad - counted[1])
        return counted


@dataclass(slots=True)
class Progress:
    """
    How far the past is known. Forward first, minute by minute; then back, until the longest objective is covered.

    Attributes:
        read_until: The last minute that was asked for and answered, be it by nothing.
        searched_to: Nothing before it was asked for yet.
    """

    read_until: datetime | None = None
    searched_to: datetime | None = None
    not_before: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    def next(self, now: datetime, reach: timedelta) -> Span | None:
        """
        What to ask for; None when there is nothing to ask.

        Args:
            reach: How far back is needed.
        """
        if now < self.not_before:
            return None
        if self.read_until is None:
            self.read_until = hour_of(now) - RECENT
        if self.searched_to is None:
            self.searched_to = hour_of(self.read_until)
        newest = (now - LAG).replace(second=0, microsecond=0)
        if self.read_until < newest:
            return Span(self.read_until + MINUTE, min(newest, self.read_until + MOST_MINUTES), MINUTE)
        oldest = hour_of(now - reach)
        if self.searched_to > oldest:
            return Span(max(oldest, self.searched_to - MOST_HOURS) + HOUR, self.searched_to, HOUR)
        return None

    def answered(self, span: Span) -> None:
        if span.step == MINUTE:
            self.read_until = span.last
        else:
            self.searched_to = span.first - HOUR

    def refused(self, span: Span, now: datetime, reach: timedelta) -> None:
        """
        There is no answer, and asking again brings none. These minutes are missing then, and the minutes after them are
        asked for. Of the past, what lies before was not counted like this, or is too much: it is left alone.
        """
        self.answered(span)
        if span.step == HOUR:
            self.searched_to = hour_of(now - reach)

    def away(self, now: datetime) -> None:
        self.not_before = now + AGAIN_AFTER


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
