"""An SLO's `timeWindow` as our `over`: the last so many days, or the running day, week or month."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from monitor.config.openslo.fields import Field

CALENDAR: Final = {"1d": "day", "1w": "week", "7d": "week", "1M": "month"}
_ROLLING = re.compile(r"0*([1-9]\d{0,7})([mhdw])", re.ASCII)
_START = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?)?", re.ASCII)


class Zone:
    """
    The one time zone whose days, weeks and months the objectives have: `monitor.time_zone`.

    Attributes:
        name: None while no calendar window has named one.
    """

    def __init__(self, name: str | None) -> None:
        self.is_set = name is not None
        self.name = name

    def accepts(self, zone: Field) -> bool:
        """The first that is named decides where none is set."""
        written = zone.text()
        if written is None:
            return False
        if self.name is None:
            self.name = written
        if written == self.name:
            return True
        if self.is_set:
            found = f"{zone.shown()} is not monitor.time_zone, {self.name}, which all calendar windows have"
            zone.refuse(found, f"Write {self.name} here, or set monitor: {{time_zone: {written}}}.")
        else:
            found = f"{zone.shown()} is not the zone of the calendar windows before, {self.name}"
            zone.refuse(found, "There is one monitor.time_zone: import them into two installations, or use one zone.")
        return False


def over_of(spec: Field, zone: Zone) -> tuple[str, int] | None:
    """Our `over` and its line; None when there is none to be had, which is told unless the window is left out."""
    windows = spec.get("timeWindow")
    if windows is None:
        fix = "It is the last 30 days here. Write timeWindow: [{duration: 30d, isRolling: true}] to say so."
        spec.leave_out("has no timeWindow", fix)
        return "30d", spec.line
    before = len(spec.findings.refused)
    given = list(windows.items())
    if len(given) != 1:
        if len(spec.findings.refused) == before:
            windows.refuse(f"holds {len(given)} windows", "OpenSLO v1 has exactly one; make an SLO of each.")
        return None
    window = given[0]
    window.known("duration", "isRolling", "calendar")
    duration = window.need("duration")
    if duration is None or (written := duration.text()) is None:
        return None
    calendar = window.get("calendar")
    rolling = window.get("isRolling")
    is_rolling = calendar is None if rolling is None else _switch(rolling)
    if is_rolling is None:
        return None
    over = _calendar(window, duration, calendar, zone) if not is_rolling else _rolling(duration, written, calendar)
    return None if over is None else (over, duration.line)


def _switch(field: Field) -> bool | None:
    written = field.text()
    if written in ("true", "True", "false", "False"):
        return written in ("true", "True")
    field.refuse(f"{field.shown()} is neither true nor false", "Write true or false.")
    return None


def _rolling(duration: Field, written: str, calendar: Field | None) -> str | None:
    if calendar is not None:
        calendar.refuse("stands beside isRolling: true", "A window is one or the other: remove one of them.")
        return None
    if not (match := _ROLLING.fullmatch(written)):
        fix = "Write whole minutes, hours, days or weeks, for example 30d: months have no one length."
        duration.refuse(f"{duration.shown()} is not the length of a rolling window here", fix)
        return None
    return match[1] + match[2]


def _calendar(window: Field, duration: Field, calendar: Field | None, zone: Zone) -> str | None:
    unit = CALENDAR.get(duration.text() or "")
    if unit is None:
        fix = "Write 1d, 1w or 1M, or a rolling window of up to 90d."
        duration.refuse(f"{duration.shown()} is not a calendar window here", fix)
        return None
    if calendar is None:
        window.refuse("has no calendar", "Add calendar: {startTime: ..., timeZone: ...}, or isRolling: true.")
        return None
    calendar.known("startTime", "timeZone")
    start, where = calendar.need("startTime"), calendar.need("timeZone")
    if start is None or where is None or not _begins(start, unit):
        return None
    return unit if zone.accepts(where) else None


def _begins(start: Field, unit: str) -> bool:
    """Whether a window of *unit* begins at *start* as ours do: at midnight, on a Monday, on the first of a month."""
    match = _START.fullmatch(start.text() or "")
    try:
        day = datetime.strptime(match[1], "%Y-%m-%d").date() if match else None  # noqa: DTZ007  # a day has no zone
    except ValueError:
        day = None
    if match is None or day is None:
        start.refuse(f"{start.shown()} is not a time", "Write it as 2024-01-01 00:00:00, without a zone.")
        return False
    wrong = (
        (match[2] or "00:00") != "00:00" or (match[3] or ":00") != ":00",
        unit == "week" and day.weekday() != 0,
        unit == "month" and day.day != 1,
    )
    begin = {"day": "midnight", "week": "midnight on a Monday", "month": "midnight on the first of a month"}[unit]
    if any(wrong):
        found = f"{start.shown()} is not {begin}, where a {unit} begins here"
        start.refuse(found, "Move it there, or use a rolling window.")
    return not any(wrong)
