"""A week for the terminal: a pair of lines for each day, and today large. At most 80 columns. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from monitor.cli.output import printable
from monitor.cli.week import DAYS, PIECES, Week, figure

COLUMNS: Final = 80
ROWS: Final = 12
_MARGIN: Final = 9


@dataclass(frozen=True, slots=True)
class Signs:
    """
    Attributes:
        bars: From nothing to the top.
        wide, narrow: The band of 90 of 100, and of the middle half.
        today, beyond: A value of today inside and above what is usual.
    """

    bars: str
    wide: str
    narrow: str
    today: str
    beyond: str
    axis: str


UNICODE: Final = Signs(" ▁▂▃▄▅▆▇█", "░", "▒", "●", "▲", "│")
ASCII: Final = Signs(" .:-=+*%#", ".", ":", "o", "A", "|")

_RED, _DIM, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


def week_text(week: Week, colour: bool = False, signs: Signs = UNICODE) -> str:
    ink = _Ink(colour)
    head = [ink.bold(line) for line in wrap(printable(week.title), COLUMNS)]
    head += [line for fact in week.facts for line in wrap(printable(fact), COLUMNS)]
    if not week.hours:
        return "\n".join([*head, "", "it holds no values yet"])
    blocks = [head, _days(week, signs, ink), _today(week, signs, ink)]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks)


@dataclass(frozen=True, slots=True)
class _Ink:
    colour: bool

    def red(self, text: str) -> str:
        return self._with(_RED, text)

    def dim(self, text: str) -> str:
        return self._with(_DIM, text)

    def bold(self, text: str) -> str:
        return self._with(_BOLD, text)

    def _with(self, code: str, text: str) -> str:
        return f"{code}{text}{_PLAIN}" if self.colour and text else text


def _days(week: Week, signs: Signs, ink: _Ink) -> list[str]:
    """Each hour two columns wide; above what 99 of 100 stay below, under it the median."""
    clock = "".join(f"{hour:<6d}" for hour in range(0, 24, 3))
    lines = [f"{'':{_MARGIN}}{clock.rstrip():<{PIECES}}  median"]
    for day, name in enumerate(DAYS):
        hours = week.hours[day * 24 : day * 24 + 24]
        limits = "".join(_bar(hour.limit / week.usual_top, signs) * 2 for hour in hours)
        medians = "".join(_bar(hour.median / week.usual_top, signs) * 2 for hour in hours)
        usual = sorted(hour.median for hour in hours)
        here = f"{figure(usual[0])} - {figure(usual[-1])}"
        lines.append(f"{name if day != week.day else name + '*':<5}99% {ink.dim(limits)}")
        lines.append(f"{'':5}50% {medians}  {here}")
    return lines


def _bar(share: float, signs: Signs) -> str:
    return signs.bars[max(0, min(len(signs.bars) - 1, round(share * (len(signs.bars) - 1))))]


def _today(week: Week, signs: Signs, ink: _Ink) -> list[str]:
    first = week.day * PIECES
    height = week.top / ROWS
    lines = []
    for row in reversed(range(ROWS)):
        low, high = row * height, (row + 1) * height
        cells = "".join(_cell(week, first + i, low, high, row == ROWS - 1, signs, ink) for i in range(PIECES))
        label = figure(high) if row % 3 == 0 else ""
        lines.append(f"{label:>{_MARGIN - 2}} {signs.axis}{cells}")
    clock = "".join(f"{hour:<6d}" for hour in range(0, 24, 3)).rstrip()
    lines.append(f"{'':{_MARGIN}}{clock}")
    lines.append(
        f"{signs.wide} 90 of 100  {signs.narrow} the middle half  {signs.today} today  {signs.beyond} above 99 %"
    )
    return [f"today ({DAYS[week.day]}), {week.unit}", *lines, _newest(week)]


def _cell(week: Week, piece: int, low: float, high: float, is_top: bool, signs: Signs, ink: _Ink) -> str:
    value = week.today.get(piece)
    if value is not None and low <= value and (value < high or is_top):
        return ink.red(signs.beyond) if week.is_beyond(piece) else ink.bold(signs.today)
    hour = week.hours[piece // 2]
    if hour.lower < high and hour.upper >= low:
        return ink.dim(signs.narrow)
    return ink.dim(signs.wide) if hour.low < high and hour.high >= low else " "


def _newest(week: Week) -> str:
    if week.missing:
        return f"nothing of today: {printable(week.missing)}"
    if not week.today:
        return "nothing was measured today"
    piece = max(week.today)
    hour = week.hours[piece // 2]
    where = "above what 99 of 100 are" if week.is_beyond(piece) else "as usual"
    at = f"{piece % PIECES // 2:02d}:{piece % 2 * 30:02d}"
    return (
        f"since {at}: {figure(week.today[piece])} {week.unit}, usually {figure(hour.median)}, "
        f"99 % below {figure(hour.limit)}: {where}"
    )
