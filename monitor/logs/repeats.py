"""
The same line at most once a minute, with a count. Pure: the instant goes in, the lines to print come out.

The first is printed at once. Those that follow within the minute are counted, and when it is over one line says how
many there were; if there were any, the next minute begins there.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from monitor.logs.line import Line

WINDOW: Final = 60.0
"""Seconds."""
REMEMBERED: Final = 512
"""Different lines at a time; of the one that was not said for the longest, the count is told and it is forgotten."""
WARNING: Final = 30

_NUMBER: Final = re.compile(r"(?<![^\s(=+])\d+(?:\.\d+)?(?:(?:ms|[smhd%])\d*)*(?=[\s,;:)]|\.?$)", re.MULTILINE)
"""
A number by itself: an age, a count, a process. Digits within a word stay, since they tell things apart: `web-1`,
INC-0042, a port, a path. No name of ours begins with a digit.
"""

Key = tuple[object, ...]


@dataclass(slots=True)
class _Heard:
    """
    Attributes:
        since: When its minute began.
        last: The newest of the lines that were not printed.
    """

    since: float
    last: Line
    count: int = 0


class Repeats:
    def __init__(self, window: float = WINDOW, remembered: int = REMEMBERED) -> None:
        self._window = window
        self._remembered = remembered
        self._heard: OrderedDict[Key, _Heard] = OrderedDict()

    def take(self, line: Line, now: float) -> list[Line]:
        """What to print now that *line* was said; *now* in seconds of a monotonic clock."""
        told = self.due(now)
        if line.always:
            return [*told, line]
        key = _key(line)
        heard = self._heard.get(key)
        if heard is not None:
            heard.count += 1
            heard.last = line
            self._heard.move_to_end(key)
            return told
        self._heard[key] = _Heard(now, replace(line, fault=None))
        while len(self._heard) > self._remembered:
            _, oldest = self._heard.popitem(last=False)
            told += self._counted(oldest, now)
        return [*told, line]

    def due(self, now: float) -> list[Line]:
        """The counts of the minutes that are over."""
        told: list[Line] = []
        for key, heard in list(self._heard.items()):
            if now - heard.since < self._window:
                continue
            if heard.count:
                told += self._counted(heard, heard.since + self._window)
                heard.since, heard.count = now, 0
            else:
                del self._heard[key]
        return told

    def flush(self, now: float) -> list[Line]:
        """All counts, whether their minute is over or not: nothing more will be said."""
        told = [line for heard in self._heard.values() for line in self._counted(heard, now)]
        self._heard.clear()
        return told

    def next_at(self) -> float | None:
        """When `due` has something to say, if nothing is said until then."""
        return min((heard.since + self._window for heard in self._heard.values() if heard.count), default=None)

    def __len__(self) -> int:
        return len(self._heard)

    def _counted(self, heard: _Heard, now: float) -> list[Line]:
        if not heard.count:
            return []
        often = "once" if heard.count == 1 else f"{heard.count} times"
        seconds = max(1, round(now - heard.since))
        within = "minute" if seconds == 60 else f"{seconds} s"
        first, *rest = heard.last.message.splitlines() or [""]
        message = "\n".join([f"{first} (repeated {often} in the last {within})", *rest])
        # The traceback was printed with the first; a count of it needs no second one.
        return [replace(heard.last, message=message, fault=None, repeated=heard.count)]


def _key(line: Line) -> Key:
    """
    What makes two lines the same: level and message, and what they are about. From WARNING on, numbers by themselves
    are left out: the same trouble with another age is the same trouble, while two checks or incidents differ in a
    field or in their name. INFO and DEBUG are compared to the letter.
    """
    message = line.message if line.number < WARNING else _NUMBER.sub("#", line.message)
    about: Mapping[str, object] = {k: v for k, v in line.fields.items() if k not in ("trace_id", "span_id")}
    return (
        line.level,
        message,
        line.fault.type if line.fault else "",
        *sorted(about.items(), key=lambda item: item[0]),
    )
