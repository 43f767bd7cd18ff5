"""What the tickets say that are not an incident's own, composed at the moment of sending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.daemon.kept import case_from
from monitor.ledger.records import Effect
from monitor.outlets.outlet import Message
from monitor.response.items import action_message, action_of
from monitor.response.review import DUE, REVIEWED, review_message, reviewed_of

if TYPE_CHECKING:
    from monitor.daemon.house import House


def item_message(house: House, effect: Effect) -> Message | None:
    """None of an incident's own. In a lane's thread."""
    if reviewed_of(effect.incident) is not None:
        return review_message(effect.incident, house.ledger.events_named(DUE, REVIEWED))
    if (action := action_of(effect.incident)) is None:
        return None
    incident, number = action
    live = house.casebook.cases.get(incident)
    case = live.snapshot() if live is not None else case_from(house.ledger, incident)
    urls = [link.url for link in house.ledger.tickets(incident) if link.outlet == effect.outlet]
    return action_message(case, number, house.clock.now(), ticket_url=urls[0] if urls else "")
