"""
Whether the newest value of a metric is unlike its past: one score in [0, 1] per row, from that row and earlier ones.

Two forecasts are made of each row: what this time of day usually brings, and the level of the last rows. The error of
the one that has served this series better is set against the errors it has made before, at four spans: a spike shows in
a single row, a small shift only in the mean of many. A score belongs to an onset: while an anomaly goes on, rows that
are no worse than what was said already score 0, because people are told once.

How well it does on labelled series, and how the numbers below were chosen, prints `tests/bench/bench_anomaly.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any, Final, Self

from monitor.core.seasonal import SeasonalForecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """
    Chosen once, for all series. Rows, not minutes: a series is as fine as somebody thought it worth.

    Attributes:
        spans: Rows over which errors are smoothed before they are judged.
        power: The scale of the errors is the power mean of this degree: at 3, spikes that a series is used to weigh
            more than in a standard deviation (2), and do not alarm again and again.
        memory: Rows after which an error is mostly forgotten; until then all count alike.
        drift: Rows within which the season's mean error becomes a part of what is expected.
        level: Rows of the level of the last rows.
        trust: The level is believed instead of the season when the season errs this many times as much on average.
        full: Multiple of the scale at which a span's share of the score is full.
        rest: Rows for which a score silences all that are not higher.
        days: Days of which the season's median is taken.
    """

    spans: tuple[int, ...] = (1, 3, 8, 24)
    power: float = 3.0
    memory: int = 6400
    drift: int = 1000
    level: int = 12
    trust: float = 2.0
    full: float = 8.0
    rest: int = 250
    days: int = 7


STANDARD: Final = Tuning()

WARM_UP: Final = 100
"""Errors of a forecast before it is judged by them. With fewer, nearly every row would be the largest so far."""

RESOLUTION: Final = 0.001
"""Changes below this share of the mean absolute value are none: the first flicker of a constant is no incident."""

LARGEST: Final = 1e100
"""Values beyond are taken for this. Powers of larger ones overflow, and no metric means them."""

VERSION: Final = 1


class StateMismatch(ValueError):
    """A saved state is of another version or tuning, or damaged. The remedy is to begin anew."""


@dataclass(slots=True, kw_only=True)
class Errors:
    """
    The errors that one forecast has made, at each span.

    Attributes:
        seen: How many there were.
        smoothed: Exponentially weighted mean of the errors.
        powers: Mean of the powers of the smoothed errors' sizes.
    """

    seen: int = 0
    smoothed: list[float]
    powers: list[float]

    @classmethod
    def none(cls, spans: tuple[int, ...]) -> Self:
        return cls(smoothed=[0.0] * len(spans), powers=[0.0] * len(spans))

    @property
    def known(self) -> bool:
        return self.seen >= WARM_UP

    def weight(self, rows: float) -> float:
        """Of the next row in a mean: all rows count alike at first, later the last *rows* count most."""
        return max(1 / (self.seen + 1), 1 / rows)

    def step(self, error: float, floor: float, tuning: Tuning) -> float:
        """How unlike its past this *error* is, in [0, 1]; sizes up to *floor* are like it."""
        known, weight = self.known, self.weight(tuning.memory)
        self.seen += 1
        root = 1 / tuning.power
        total = 0.0
        for i, span in enumerate(tuning.spans):
            self.smoothed[i] += (error - self.smoothed[i]) * 2 / (span + 1)
            size = abs(self.smoothed[i])
            if known and size > floor:
                total += min(1.0, size / (tuning.full * max(self.powers[i] ** root, floor)))
            # After it was judged: a row is not part of its own past.
            self.powers[i] += (size**tuning.power - self.powers[i]) * weight
        return total / len(tuning.spans)


@dataclass(slots=True, kw_only=True)
class Onset:
    """
    Lets a score through if it is above all of the last rows.

    Attributes:
        row: Number of the latest row.
        highest: Row and score of those that may yet silence others: both fall from left to right, never grow beyond
            `Tuning.rest`.
    """

    row: int = 0
    highest: list[tuple[int, float]] = field(default_factory=list)

    def step(self, score: float, rest: int) -> float:
        self.row += 1
        highest = self.highest
        if highest and highest[0][0] < self.row - rest:
            del highest[0]
        let_through = score if not highest or score > highest[0][1] else 0.0
        while highest and highest[-1][1] <= score:
            highest.pop()
        if score > 0:
            highest.append((self.row, score))
        return let_through

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        return cls(row=state["row"], highest=[(row, score) for row, score in state["highest"]])


@dataclass(slots=True, kw_only=True)
class Means:
    """
    What is averaged as the rows come.

    Attributes:
        level: The value, over the last rows; None before the first.
        size: The absolute value.
        drift: The season's error, with its sign: growth since those days, and what a median leaves out of a mean.
        season_error, level_error: The absolute errors of the two forecasts, over the same rows.
    """

    level: float | None = None
    size: float = 0.0
    drift: float = 0.0
    season_error: float = 0.0
    level_error: float = 0.0


class AnomalyDetector:
    """
    Scores one series, a row at a time, in bounded memory.

    A value that is NaN or infinite is unknown: it scores 0 and leaves everything as it was. The beginning scores 0 too,
    until a forecast has erred `WARM_UP` times.

    Attributes:
        expected: What the latest row should have been, by the forecast that judged it; None before the first.
    """

    def __init__(self, tuning: Tuning = STANDARD) -> None:
        self.tuning = tuning
        self._season = SeasonalForecast(days=tuning.days)
        self._season_errors = Errors.none(tuning.spans)
        self._level_errors = Errors.none(tuning.spans)
        self._onset = Onset()
        self._means = Means()
        self.expected: float | None = None

    def after_gap(self) -> None:
        """The next row comes after a long silence: the level of before says nothing of it, and is learned anew."""
        self._means.level = None

    def step(self, at: datetime, value: float) -> float:
        if not isfinite(value):
            return 0.0
        value = max(-LARGEST, min(LARGEST, value))
        return self._onset.step(self._unlikeness(at, value), self.tuning.rest)

    def _unlikeness(self, at: datetime, value: float) -> float:
        tuning, means = self.tuning, self._means
        by_level = value - (value if means.level is None else means.level)
        means.level = value - by_level * (1 - 2 / (tuning.level + 1))
        means.size += (abs(value) - means.size) * self._level_errors.weight(tuning.memory)
        floor = RESOLUTION * means.size
        unlike_level = self._level_errors.step(by_level, floor, tuning)

        self.expected = value - by_level
        by_season = self._season.step(at, value)
        if by_season is None:
            return unlike_level
        trusted = self._season_errors.known and means.season_error <= tuning.trust * means.level_error
        moved = by_season - means.drift
        means.drift += moved * self._season_errors.weight(tuning.drift / 2)
        weight = self._season_errors.weight(tuning.memory)
        means.season_error += (abs(moved) - means.season_error) * weight
        means.level_error += (abs(by_level) - means.level_error) * weight
        unlike_season = self._season_errors.step(moved, floor, tuning)
        if not trusted:
            return unlike_level
        self.expected = value - moved
        return unlike_season

    def state(self) -> dict[str, Any]:
        """Everything that was learned, as plain data that JSON can carry, up to 40 kB of it; see `restore`."""
        return {
            "version": VERSION,
            "tuning": asdict(self.tuning),
            "season": self._season.state(),
            "season_errors": asdict(self._season_errors),
            "level_errors": asdict(self._level_errors),
            "onset": asdict(self._onset),
            "means": asdict(self._means),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], tuning: Tuning = STANDARD) -> Self:
        """
        The detector that goes on where the one that gave *state* was.

        Raises:
            StateMismatch: *state* is of another version or tuning, or damaged. Begin anew: a day of rows teaches it.
        """
        try:
            if state["version"] != VERSION:
                raise StateMismatch(f"the state of an anomaly detector is of version {state['version']}, not {VERSION}")
            if Tuning(**{**state["tuning"], "spans": tuple(state["tuning"]["spans"])}) != tuning:
                raise StateMismatch("the state of an anomaly detector was learned under another tuning")
            state = deepcopy(dict(state))
            detector = cls(tuning)
            detector._season = SeasonalForecast.restore(state["season"])
            detector._season_errors = Errors(**state["season_errors"])
            detector._level_errors = Errors(**state["level_errors"])
            detector._onset = Onset.restore(state["onset"])
            detector._means = Means(**state["means"])
        except StateMismatch:
            raise
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise StateMismatch(f"the state of an anomaly detector is damaged: {error!r}") from error
        return detector


def detect(series: Iterable[tuple[datetime, float]], tuning: Tuning = STANDARD) -> list[float]:
    """
    A score in [0, 1] for each row of *series*, oldest first; a row's score depends on no later row.

    Rows are taken in the order they are given, whatever their times say. From about a half on, somebody should look.
    """
    detector = AnomalyDetector(tuning)
    return [detector.step(at, value) for at, value in series]
