"""One series of a service, a row a minute: how unlike its past it is, since when, and whether that is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from monitor.core.anomaly import STANDARD, AnomalyDetector, StateMismatch

UNUSUAL: Final = 0.5
"""Scores from here on are an anomaly: see `anomaly.detect`."""
LEARNED: Final = 1440
"""Rows, a day of minutes, before an anomaly is told: until then every hour of the day is new."""
GAP: Final = timedelta(minutes=10)
"""Silence after which the level of before says nothing of now."""
BACK: Final = 10
"""Rows in a row that must have come back before an anomaly is over: a spike that returns is one anomaly."""


@dataclass(slots=True, kw_only=True)
class Unusual:
    """
    An anomaly that goes on.

    Attributes:
        since: The row that was told.
        value, expected: What that row was, and what it should have been.
        score: The highest since then.
        rows: How many have come since then.
        back: How many of the last came back, in a row.
    """

    since: datetime
    value: float
    expected: float
    score: float
    rows: int = 0
    back: int = 0

    def is_over_after(self, value: float) -> bool:
        """
        Come half way back for some rows; or it has lasted as long as a score silences, and is what is usual by now.

        The detector does not tell: it learns a new level within minutes, and a service without traffic is not well
        because it has been without for a quarter of an hour.
        """
        self.rows += 1
        self.back = self.back + 1 if abs(value - self.expected) <= abs(self.value - self.expected) / 2 else 0
        return self.back >= BACK or self.rows >= STANDARD.rest

    def state(self) -> dict[str, object]:
        return {
            "since": self.since.isoformat(),
            "value": self.value,
            "expected": self.expected,
            "score": self.score,
            "rows": self.rows,
            "back": self.back,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        return cls(**{**state, "since": datetime.fromisoformat(state["since"])})


class SeriesWatch:
    """
    Attributes:
        at, value, score: The latest row and its score; None, None and 0 before the first.
        known_since: The first row that was seen.
        rows: How many were.
        unusual: The anomaly that goes on; None while there is none.

    Args:
        zone: That of the people who make the traffic: their days shape it.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._detector = AnomalyDetector()
        self.at: datetime | None = None
        self.value: float | None = None
        self.score = 0.0
        self.known_since: datetime | None = None
        self.rows = 0
        self.unusual: Unusual | None = None

    @property
    def is_learning(self) -> bool:
        return self.rows < LEARNED

    def take(self, at: datetime, value: float) -> None:
        """
        The next row; what is unknown leaves everything as it was, and so does a row that is not newer than the last.

        Args:
            at: UTC, by the wall clock.
        """
        if not isfinite(value) or (self.at is not None and at <= self.at):
            return
        if self.at is not None and at - self.at > GAP:
            self._detector.after_gap()
        self.at, self.value, self.known_since = at, value, self.known_since or at
        self.score = self._detector.step(at.astimezone(self._zone), value)
        self.rows += 1
        if self.unusual is not None and self.unusual.is_over_after(value):
            self.unusual = None
        expected = self._detector.expected
        if self.score < UNUSUAL or self.is_learning or expected is None:
            return
        if self.unusual is None:
            self.unusual = Unusual(since=at, value=value, expected=expected, score=self.score)
        else:
            self.unusual.score = max(self.score, self.unusual.score)

    def state(self) -> dict[str, object]:
        """As plain data that JSON can carry; see `restore`."""
        return {
            "detector": self._detector.state(),
            "at": self.at.isoformat() if self.at is not None else None,
            "value": self.value,
            "score": self.score,
            "known_since": self.known_since.isoformat() if self.known_since is not None else None,
            "rows": self.rows,
            "unusual": self.unusual.state() if self.unusual is not None else None,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], zone: ZoneInfo) -> Self:
        """
        The watch that goes on where the one that gave *state* was.

        Raises:
            StateMismatch: As of `AnomalyDetector.restore`.
        """
        watch = cls(zone)
        try:
            watch._detector = AnomalyDetector.restore(state["detector"])
            watch.at = datetime.fromisoformat(at) if (at := state["at"]) is not None else None
            watch.value, watch.score, watch.rows = state["value"], float(state["score"]), int(state["rows"])
            watch.known_since = datetime.fromisoformat(at) if (at := state["known_since"]) is not None else None
            watch.unusual = Unusual.restore(kept) if (kept := state["unusual"]) is not None else None
        except StateMismatch:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise StateMismatch(f"the state of a series is damaged: {error!r}") from error
        return watch
