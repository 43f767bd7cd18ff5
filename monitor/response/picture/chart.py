"""How what was measured of a service went before an incident, and what was usual: one strip below the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from monitor.response.picture.drawing import Area, Colour, Drawing, Line, Words

WIDTH: Final = 800
STRIP: Final = 150
TOP: Final = 34
LEFT: Final = 92
RIGHT: Final = 16
HEAD: Final = 26
BOTTOM: Final = 30
QUARTERS: Final = 4
_STEPS_APART: Final = 3.5
"""Of the usual distance between two values: further apart there is a hole between them, and no line over it."""

INK: Final[Colour] = (36, 41, 47)
PALE: Final[Colour] = (110, 119, 129)
GRID: Final[Colour] = (208, 215, 222)
USUAL: Final[Colour] = (221, 238, 221)
MEDIAN: Final[Colour] = (110, 170, 110)
MEASURED: Final[Colour] = (9, 105, 218)
MARK: Final[Colour] = (207, 34, 46)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """
    Attributes:
        points: Values by seconds since the Unix epoch.
        median, most: Of what is usual at this hour: the middle, and what 99 of 100 stay below. None without a baseline.
        shown: A value with its unit.
    """

    title: str
    points: Mapping[float, float]
    median: float | None
    most: float | None
    shown: Callable[[float], str]

    @property
    def top(self) -> float:
        return max([*self.points.values(), self.most or 0.0, self.median or 0.0]) * 1.1 or 1.0


def chart(title: str, strips: tuple[Strip, ...], start: datetime, end: datetime, mark: datetime | None) -> Drawing:
    """*mark*: the first failure."""
    shapes: list[Area | Line | Words] = [Words(LEFT, 22, title, INK)]
    height = TOP + STRIP * len(strips) + BOTTOM
    for place, strip in enumerate(strips):
        frame = _Frame(TOP + place * STRIP, strip.top, start.timestamp(), end.timestamp())
        shapes += _strip(strip, frame)
        if mark is not None and start <= mark <= end:
            x = frame.x(mark.timestamp())
            shapes.append(Line(((x, frame.high), (x, frame.low)), MARK, 1, dashed=True))
    shapes += _times(start, end, height - 10)
    told = "; ".join([title, *(described(strip) for strip in strips)])
    return Drawing(WIDTH, height, tuple(shapes), told)


def described(strip: Strip) -> str:
    """`latency 850 ms, usually 120 ms and in 99 of 100 cases below 240 ms`."""
    newest = strip.shown(strip.points[max(strip.points)]) if strip.points else "not known"
    if strip.median is None or strip.most is None:
        return f"{strip.title} {newest}, without a baseline"
    usual = f"usually {strip.shown(strip.median)} and in 99 of 100 cases below {strip.shown(strip.most)}"
    return f"{strip.title} {newest}, {usual}"


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where on the picture a value of one strip is."""

    offset: int
    top: float
    start: float
    end: float

    @property
    def high(self) -> float:
        return self.offset + HEAD

    @property
    def low(self) -> float:
        return self.offset + STRIP - 12

    def x(self, at: float) -> float:
        return LEFT + (at - self.start) / max(self.end - self.start, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return self.low - max(0.0, min(value / self.top, 1.0)) * (self.low - self.high)


def _strip(strip: Strip, frame: _Frame) -> Iterator[Area | Line | Words]:
    right = float(WIDTH - RIGHT)
    yield Words(LEFT, frame.offset + 17, described(strip), INK)
    if strip.most is not None:
        yield Area(LEFT, frame.y(strip.most), right, frame.low, USUAL)
    for share in (0.0, 0.5, 1.0):
        y = frame.y(strip.top * share)
        yield Line(((LEFT, y), (right, y)), GRID)
        yield Words(LEFT - 8, y + 5, strip.shown(strip.top * share), PALE, at_end=True)
    if strip.median is not None:
        y = frame.y(strip.median)
        yield Line(((LEFT, y), (right, y)), MEDIAN)
    for run in _runs(strip.points):
        yield Line(tuple((frame.x(at), frame.y(value)) for at, value in run), MEASURED, 2)


def _runs(points: Mapping[float, float]) -> Iterator[list[tuple[float, float]]]:
    """Without a line over times of which nothing is known; a value alone is a short line."""
    ordered = sorted(points.items())
    apart = sorted(b[0] - a[0] for a, b in pairwise(ordered))
    limit = apart[len(apart) // 2] * _STEPS_APART if apart else 0.0
    run: list[tuple[float, float]] = []
    for point in ordered:
        if run and point[0] - run[-1][0] > limit:
            yield run
            run = []
        run.append(point)
    if len(run) == 1:
        run.append(run[0])
    if run:
        yield run


def _times(start: datetime, end: datetime, y: float) -> Iterator[Words]:
    inner = WIDTH - LEFT - RIGHT
    for quarter in range(QUARTERS + 1):
        at = datetime.fromtimestamp(start.timestamp() + (end - start).total_seconds() * quarter / QUARTERS, UTC)
        text = f"{at:%H:%M}" + (" UTC" if quarter == QUARTERS else "")
        yield Words(LEFT + inner * quarter / QUARTERS, y, text, PALE, at_end=quarter == QUARTERS)
