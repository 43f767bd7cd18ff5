"""
Which outlets keep people waiting? Pure: what waits and the instant go in, what is to be said comes out.

An alarm that needs no outlet: an incident about a tracker that is away would be announced through that very tracker,
and wait behind what it is about. So it goes to the log, the ledger, OTLP and `monitor status`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.core.incident import duration_text
from monitor.ledger.records import Backlog

LIMIT: Final = timedelta(minutes=5)
"""How old the oldest effect of an outlet may be before people are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """
    Attributes:
        turned: It begins or ends with this; otherwise it only goes on.
        over: Nothing waits for too long any more.
    """

    outlet: str
    text: str
    waiting: int
    age: timedelta
    error: str
    turned: bool
    over: bool = False


class Overdue:
    """Says it when it begins, when it has lasted twice as long as when it was last said, and when it is over."""

    def __init__(self, limit: timedelta = LIMIT) -> None:
        self._limit = limit
        self._said: dict[str, timedelta] = {}

    def look(
        self, backlogs: Iterable[Backlog], paused: Mapping[str, str], configured: Container[str], now: datetime
    ) -> list[Alarm]:
        """
        Args:
            paused: Outlets that refuse our credentials, and what they said.
        """
        alarms = []
        aged = {b.outlet: (b, now - b.oldest_at) for b in backlogs if b.oldest_at is not None}
        for outlet, (backlog, age) in sorted(aged.items()):
            said = self._said.get(outlet)
            if age < self._limit or (said is not None and age < 2 * said):
                continue
            self._said[outlet] = age
            error = paused.get(outlet) or backlog.error
            text = _text(backlog, age, error, outlet in paused, outlet in configured)
            alarms.append(
                Alarm(
                    outlet=outlet, text=text, waiting=backlog.waiting, age=age, error=error, turned=said is None
                )
            )  # fmt: skip
        for outlet in sorted(self._said):
            if outlet not in aged or aged[outlet][1] < self._limit:
                waited = self._said.pop(outlet)
                text = f"outlet {outlet}: caught up, after at least {duration_text(waited)}"
                alarms.append(Alarm(outlet=outlet, text=text, waiting=0, age=waited, error="", turned=True, over=True))
        return alarms


def _text(backlog: Backlog, age: timedelta, error: str, is_paused: bool, is_configured: bool) -> str:
    if not is_configured:
        remedy = "it is not configured any more; they wait until it is again"
    elif is_paused:
        remedy = "see to its credentials; it is tried every minute"
    else:
        remedy = "see that it can be reached; they go out by themselves then"
    effects = "1 effect waits" if backlog.waiting == 1 else f"{backlog.waiting} effects wait"
    said = error.splitlines()[0] if error else "not tried yet"
    return f"outlet {backlog.outlet}: {effects}, the oldest for {duration_text(age)}: {said}: {remedy}"
