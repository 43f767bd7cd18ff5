"""Chapter 5, action items: who does what until when, so that it does not happen again. Followed until it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from monitor.ledger.records import LedgerEvent

ADDED: Final = "postmortem.action_added"
DONE: Final = "postmortem.action_done"
OVERDUE: Final = "postmortem.action_overdue"
UPDATES: Final = ("runbook", "alert", "test")
"""What an action item may bring up to date, where it is no other work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """
    Attributes:
        number: Within its incident, from 1.
        due: The last day on which it is not late.
        updates: One of UPDATES, or empty.
        told: That it is late was said.
    """

    number: int
    what: str
    owner: str
    due: date
    updates: str = ""
    done_by: str = ""
    told: bool = False

    def __str__(self) -> str:
        updates = f"{self.updates} update: " if self.updates else ""
        return f"action {self.number}: {updates}{self.what} ({self.owner}, by {self.due})"

    def is_late(self, today: date) -> bool:
        return not self.done_by and today > self.due


def actions(events: Iterable[LedgerEvent]) -> dict[int, Action]:
    """Those of one incident by their numbers, as its log has them."""
    found: dict[int, Action] = {}
    for event in events:
        number = event.attributes.get("action")
        if not isinstance(number, int):
            continue
        if event.name == ADDED:
            told = event.attributes
            due = date.fromisoformat(str(told["due"]))
            updates = str(told.get("updates", ""))
            found[number] = Action(
                number=number, what=str(told["what"]), owner=str(told["owner"]), due=due, updates=updates
            )
        elif event.name == DONE and number in found:
            found[number] = replace(found[number], done_by=event.author)
        elif event.name == OVERDUE and number in found:
            found[number] = replace(found[number], told=True)
    return found
