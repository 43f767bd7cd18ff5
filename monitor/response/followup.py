"""
What becomes of an incident after it: its postmortem is held, its action items are added and done, and what is late is
said, once. Its case may be forgotten by then, so each takes the case as the ledger has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from monitor.core.incident import IllegalTransition, State
from monitor.core.severity import Policy, Severity
from monitor.ledger.records import Commit, LedgerEvent
from monitor.response.actions import ADDED, DONE, OVERDUE, Action, actions
from monitor.response.case import Case
from monitor.response.entries import effects_for, entry
from monitor.response.items import action_effects
from monitor.response.resolve import SCHEDULED, scheduled
from monitor.response.triage import utc

HELD: Final = "postmortem.held"
LATE: Final = "postmortem.overdue"
FOLLOWED: Final = (SCHEDULED, HELD, LATE, ADDED, DONE, OVERDUE)
"""The events that tell whether there is still something to follow."""


class UnknownAction(LookupError):
    """The incident has no action item of that number."""


class FollowUp:
    """
    Args:
        outlets: Where effects go, by name.
        policies: What each severity means for them.
    """

    def __init__(
        self,
        case: Case,
        outlets: tuple[str, ...],
        policies: Mapping[Severity, Policy],
        now: datetime,
        wall: datetime,
    ) -> None:
        self.case = case
        self._outlets = outlets
        self._policies = policies
        self._now = now
        self._wall = wall

    def held(self, by: str) -> Commit:
        """Saying it twice is saying it once."""
        self._must_be_over("postmortem")
        if any(event.name == HELD for event in self.case.events):
            return Commit()
        return self._commit([self._event(HELD, "the postmortem was held", by)])

    def add(self, what: str, owner: str, due: date, by: str, updates: str = "") -> tuple[Action, Commit]:
        """Also while it is live: what must be done afterwards is often known before."""
        number = max(actions(self.case.events), default=0) + 1
        action = Action(number=number, what=what, owner=owner, due=due, updates=updates)
        told: dict[str, object] = {"action": number, "what": what, "owner": owner, "due": due.isoformat()}
        if updates:
            told["updates"] = updates
        return action, self._commit([self._event(ADDED, str(action), by, told)])

    def done(self, number: int, by: str, because: str = "") -> tuple[Action, Commit]:
        """*because*: how that is known, where nobody told us."""
        known = actions(self.case.events).get(number)
        if known is None:
            raise UnknownAction(f"there is no action item {number}")
        if known.done_by:
            return known, Commit()
        event = self._event(DONE, f"{known} is done" + (f": {because}" if because else ""), by, {"action": number})
        return actions([*self.case.events, event])[number], self._commit([event])

    def late(self, today: date) -> Commit:
        """What is late and was not told yet. Nothing of what is late is told twice: people know it then."""
        events = [
            self._event(OVERDUE, f"{action} is late", "watchkeeper", {"action": action.number})
            for action in actions(self.case.events).values()
            if action.is_late(today) and not action.told
        ]
        planned = scheduled(self.case)
        told = {event.name for event in self.case.events}
        if planned is not None and self._wall > planned.due and not told & {HELD, LATE}:
            text = f"the postmortem was due by {utc(planned.due)} and nobody said that it was held"
            events.append(self._event(LATE, text, "watchkeeper"))
        return self._commit(events)

    def _must_be_over(self, what: str) -> None:
        incident = self.case.incident
        if incident.state not in (State.RESOLVED, State.CLEAR):
            raise IllegalTransition(incident.service, what, incident.state)

    def _event(self, name: str, text: str, author: str, attributes: Mapping[str, object] | None = None) -> LedgerEvent:
        return entry(self.case.incident, name, text, author, self._now, self._wall, attributes=attributes)

    def _commit(self, events: Sequence[LedgerEvent]) -> Commit:
        if not events:
            return Commit()
        self.case.events.extend(events)
        effects = effects_for(self.case, events, self._outlets, self._policies)
        return Commit(events=tuple(events), effects=effects + action_effects(self.case, events, self._outlets))


def followed(events: Sequence[LedgerEvent]) -> set[str]:
    """Incidents of which something may become late, by the events of FOLLOWED."""
    by_incident: dict[str, list[LedgerEvent]] = {}
    for event in events:
        by_incident.setdefault(event.incident, []).append(event)
    found = set()
    for incident, told in by_incident.items():
        names = {event.name for event in told}
        is_open = SCHEDULED in names and not names & {HELD, LATE}
        if is_open or any(not action.done_by and not action.told for action in actions(told).values()):
            found.add(incident)
    return found
