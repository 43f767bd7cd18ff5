"""A week as one SVG that needs nothing else: bands, median, and today on them; light or dark as its reader. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from html import escape
from math import floor, log10
from typing import Final

from monitor.cli.week import DAYS, Hour, Week, figure

WIDTH: Final = 1120
HEIGHT: Final = 400
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 84, 36
_INNER: Final = WIDTH - LEFT - RIGHT
_TALL: Final = HEIGHT - TOP - BOTTOM

_STYLE: Final = """
  svg { --paper: #ffffff; --ink: #1d2430; --pale: #5b6675; --line: #d9dee5; --band: #2563c9; --today: #0f766e;
        --beyond: #c81e1e; font-family: system-ui, sans-serif; font-size: 13px }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #14181f; --ink: #e6eaf0; --pale: #9aa5b4; --line: #323a46; --band: #7db0ff; --today: #4fd1c5;
          --beyond: #ff8080 }
  }
  .paper { fill: var(--paper) } text { fill: var(--ink) } .pale { fill: var(--pale) } .name { font-weight: 600 }
  .line { stroke: var(--line); stroke-width: 1 } .wide { fill: var(--band); opacity: .16 }
  .narrow { fill: var(--band); opacity: .3 } .median { fill: none; stroke: var(--band); stroke-width: 1.5 }
  .limit { fill: none; stroke: var(--band); stroke-width: 1; stroke-dasharray: 3 3 }
  .today { fill: none; stroke: var(--today); stroke-width: 2 } .dot { fill: var(--today) }
  .beyond { fill: var(--beyond) }
"""


def week_svg(week: Week) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="title desc">',
        f'<title id="title">{escape(week.title)}</title>',
        f'<desc id="desc">{escape(described(week))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="name" x="{LEFT}" y="24">{escape(week.title)}</text>',
        *(
            f'<text class="pale" x="{LEFT}" y="{42 + 16 * i}">{escape(fact)}</text>'
            for i, fact in enumerate((week.facts[0], "; ".join(week.facts[1:])))
        ),
        *_grid(week),
    ]
    if week.hours:
        lines += _bands(week)
        lines += _today(week)
    return "\n".join([*lines, "</svg>", ""])


def described(week: Week) -> str:
    """The picture in words, for those who do not see it."""
    if not week.hours:
        return "The baseline holds no values yet."
    medians = [hour.median for hour in week.hours]
    busiest, quietest = medians.index(max(medians)), medians.index(min(medians))
    told = [
        f"What is usual in each hour of the week, in {week.unit}.",
        f"The median is lowest on {_when(quietest)} with {figure(medians[quietest])} "
        f"and highest on {_when(busiest)} with {figure(medians[busiest])}.",
    ]
    if week.today:
        beyond = sum(map(week.is_beyond, week.today))
        newest = max(week.today)
        told.append(
            f"Today, {DAYS[week.day]}, is drawn up to {_when(newest // 2)}, where it is {figure(week.today[newest])}; "
            f"{beyond} of {len(week.today)} half hours lie above what 99 of 100 are."
        )
    return " ".join([*told, *(f"{fact[0].upper()}{fact[1:]}." for fact in week.facts)])


def _when(hour: int) -> str:
    return f"{DAYS[hour // 24]} {hour % 24:02d}:00"


def _x(hours: float) -> float:
    return LEFT + hours / 168 * _INNER


def _y(week: Week) -> Callable[[float], float]:
    return lambda value: TOP + _TALL * (1 - min(value, week.top) / week.top)


def _grid(week: Week) -> Iterator[str]:
    y = _y(week)
    for value in ticks(week.top):
        at = y(value)
        yield f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text class="pale" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{figure(value)}</text>'
    for day, name in enumerate(DAYS):
        x = _x(day * 24)
        yield f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        shown = ' class="name"' if day == week.day else ' class="pale"'
        yield f'<text{shown} x="{_x(day * 24 + 12):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{name}</text>'


def ticks(top: float) -> list[float]:
    """Round values from 0 on, five to ten of them."""
    step = 10 ** floor(log10(top))
    for divided in (1, 2, 5, 10):
        if top / (step / divided) >= 4:
            step /= divided
            break
    return [i * step for i in range(int(top / step + 1e-9) + 1)]


def _bands(week: Week) -> list[str]:
    def steps(of: Callable[[Hour], float]) -> list[tuple[float, float]]:
        y = _y(week)
        return [(_x(at + side), y(of(hour))) for at, hour in enumerate(week.hours) for side in (0, 1)]

    def area(low: Callable[[Hour], float], high: Callable[[Hour], float]) -> str:
        return f"{_path([*steps(high), *reversed(steps(low))])}Z"

    return [
        f'<path class="wide" d="{area(lambda h: h.low, lambda h: h.high)}"/>',
        f'<path class="narrow" d="{area(lambda h: h.lower, lambda h: h.upper)}"/>',
        f'<path class="limit" d="{_path(steps(lambda h: h.limit))}"/>',
        f'<path class="median" d="{_path(steps(lambda h: h.median))}"/>',
    ]


def _today(week: Week) -> list[str]:
    y = _y(week)
    points = [(piece, _x(piece / 2 + 0.25), y(value)) for piece, value in week.today.items()]
    dots = [
        f'<circle class="{"beyond" if week.is_beyond(piece) else "dot"}" cx="{x:.1f}" cy="{at:.1f}" r="2.5">'
        f"<title>{_when(piece // 2)}: {figure(week.today[piece])} {escape(week.unit)}</title></circle>"
        for piece, x, at in points
    ]
    return [f'<path class="today" d="{_path((x, at) for _, x, at in points)}"/>', *dots] if points else []


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
