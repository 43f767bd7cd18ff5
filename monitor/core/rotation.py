"""Who is on call at an instant, by the shifts that a calendar holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Shift:
    """
    Attributes:
        start, end: By the wall clock, UTC. It holds its first instant and not its last.
    """

    start: datetime
    end: datetime
    who: str


def on_call(shifts: Iterable[Shift], at: datetime) -> str:
    """
    Empty where nobody is. Of shifts that overlap the one that began last, as somebody who steps in for a night is
    written beside the week that they step into; of those the shortest.
    """
    now = [shift for shift in shifts if shift.start <= at < shift.end]
    return max(now, key=lambda shift: (shift.start, shift.start - shift.end, shift.who)).who if now else ""
