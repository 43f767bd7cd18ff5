"""Repeats what an outlet was told that forgets by itself: in the outlet's own lane, so never after its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from monitor.ledger.records import Effect
from monitor.ledger.store import Ledger
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.trouble import say

if TYPE_CHECKING:
    from loguru import Logger


@runtime_checkable
class Refreshing(Protocol):
    """
    An outlet that wants it.

    Attributes:
        refresh_every: Seconds.
    """

    refresh_every: float

    def refresh(self, messages: Sequence[Message]) -> Delivery:
        """Each of them once more, as it is now. Never raises."""
        ...


class Refresher:
    def __init__(self, ledger: Ledger, compose: Callable[[Effect], Message], log: Logger) -> None:
        self._ledger = ledger
        self._compose = compose
        self._log = log
        self._due_at: datetime | None = None
        self._trouble = ""

    def turn(self, name: str, outlet: object, now: datetime) -> None:
        """What is due. At once after a start: nobody knows how long we were away."""
        if not isinstance(outlet, Refreshing) or (self._due_at is not None and now < self._due_at):
            return
        self._due_at = now + timedelta(seconds=outlet.refresh_every)
        try:
            standing = self._ledger.standing(name)
        except sqlite3.Error as error:  # a disk that cannot be read must not keep back what is urgent
            say(self._log, error, f"outlet {name}: cannot read which incidents are open")
            return
        messages = [message for effect in standing if (message := self._composed(effect))]
        if messages:
            self._tell(name, outlet.refresh(messages), len(messages))

    def _composed(self, effect: Effect) -> Message | None:
        try:
            return self._compose(effect)
        except Exception as error:  # of one incident: the others are refreshed all the same
            say(self._log, error, f"cannot compose {effect.incident} to refresh it")
            return None

    def _tell(self, name: str, delivery: Delivery, count: int) -> None:
        trouble = "" if delivery.outcome is DeliveryOutcome.CONFIRMED else delivery.detail
        if trouble and not self._trouble:
            self._log.warning("outlet {}: {} open incidents were not refreshed: {}", name, count, trouble)
        elif self._trouble and not trouble:
            self._log.info("outlet {}: open incidents are refreshed again", name)
        self._trouble = trouble
