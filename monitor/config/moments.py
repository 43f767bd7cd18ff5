"""What keys of time say: a span of the week by the clock on the wall, and an instant."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from monitor.config.problems import Wrong
from monitor.config.values import text
from monitor.core.maintenance import DAYS, Weekly

_SPAN: Final = re.compile(r"(?:(?P<days>\S.*?) +)?(?P<begin>\d{1,2}:\d{2}) ?- ?(?P<end>\d{1,2}:\d{2})", re.ASCII)
_WEEKLY_FIX: Final = (
    "Write days and times, for example Sun 02:00-04:00, Mon-Fri 22:00-02:00, or 03:00-03:30 for each day."
)
_FULL: Final = {
    "monday": 0, "tuesday": 1, "wednesday": 2, "thursday": 3, "friday": 4, "saturday": 5, "sunday": 6,
}  # fmt: skip
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)


def weekly(value: object) -> tuple[str, Weekly]:
    """`Sun 02:00-04:00`, `Mon,Wed 22:00-02:00`, `Mon-Fri 01:00-02:00`; without days each day. As written, and read."""
    found = " ".join(text(value).split())
    match = _SPAN.fullmatch(found)
    if match is None:
        raise Wrong("{value} is no span of a week", _WEEKLY_FIX)
    begin, end = _minute(match["begin"]), _minute(match["end"])
    if begin == 24 * 60:
        raise Wrong("{value} begins at 24:00", "Write 00:00, and the day after.")
    if begin == end:
        raise Wrong("{value} ends as it begins", "Write 00:00-24:00 for a whole day.")
    return found, Weekly(frozenset(_days(match["days"] or "Mon-Sun")), begin, end)


def _minute(clock: str) -> int:
    hour, minute = (int(part) for part in clock.split(":"))
    if minute > 59 or hour > 24 or (hour == 24 and minute):
        raise Wrong(f"{{value}} has {clock}, which no clock shows", "Write a time from 00:00 to 24:00.")
    return hour * 60 + minute


def _days(written: str) -> set[int]:
    found: set[int] = set()
    for item in re.split(r" ?, ?| ", written):
        first, dash, last = item.partition("-")
        begin = _day(first)
        # Fri-Mon goes over the end of the week.
        length = (_day(last) - begin) % 7 if dash else 0
        found |= {(begin + n) % 7 for n in range(length + 1)}
    return found


def _day(written: str) -> int:
    name = written.lower()
    short = [day.lower() for day in DAYS]
    if name not in short and name not in _FULL:
        raise Wrong(f"{{value}} has {written!r} as a day", f"The days are {', '.join(DAYS)}.")
    return _FULL[name] if name in _FULL else short.index(name)


def moment(value: object) -> datetime:
    """`2026-12-01 22:00`, naive, by a clock that another key names; or with Z or an offset."""
    found = text(value).strip()
    fix = "Write it as 2026-12-01 22:00, by the clock of zone, or as 2026-12-01T22:00Z."
    try:
        if not _INSTANT.fullmatch(found):
            raise ValueError
        return datetime.fromisoformat(found)
    except ValueError:
        raise Wrong("{value} is no instant", fix) from None
