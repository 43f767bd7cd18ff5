"""
What to do about a ticket as it was found in its tracker. What people did there is respected and goes into the timeline,
once: it is neither opened again nor overwritten. What nobody did and is not as it should be, is made so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.core.incident import Incident, State
from monitor.ledger.records import Effect, EffectKind, EffectState, LedgerEvent
from monitor.outlets.outlet import Found
from monitor.response.entries import Told

CLOSED: Final = "ticket.closed"
OPENED: Final = "ticket.opened"
MOVED: Final = "ticket.moved"
RETITLED: Final = "ticket.retitled"
GONE: Final = "ticket.gone"
MISSING: Final = "ticket.missing"
LEFT_OPEN: Final = "ticket.left_open"

LOOKED_AFTER: Final = timedelta(days=3)
"""Since an incident was resolved. Who opens its ticket again later will know why."""
_UNFINISHED: Final = (EffectState.WAITING, EffectState.SENDING)


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What the ledger has of one ticket.

    Attributes:
        effects: All that this tracker was told of it, in order.
        external_id: Empty of one that was never made, as far as we know.
    """

    outlet: str
    effects: tuple[Effect, ...]
    external_id: str = ""

    @property
    def is_settled(self) -> bool:
        """What is on its way may change all that can be said of it now."""
        return all(effect.state not in _UNFINISHED for effect in self.effects)

    @property
    def order(self) -> int:
        return max((effect.order for effect in self.effects), default=0)

    def _last(self) -> Effect | None:
        """Of those that open or close it."""
        turns = [effect for effect in self.effects if effect.kind is not EffectKind.UPDATE]
        return max(turns, key=lambda effect: effect.order, default=None)

    def was_closed(self) -> bool:
        last = self._last()
        return last is not None and last.kind is EffectKind.CLOSE

    def refused_close(self) -> bool:
        """That is tried again by whoever looks after refusals."""
        last = self._last()
        return last is not None and last.kind is EffectKind.CLOSE and last.state is EffectState.DEAD


def is_looked_after(incident: Incident, now: datetime) -> bool:
    resolved = incident.resolved_at
    return incident.is_live or (resolved is not None and now - resolved < LOOKED_AFTER)


def wanted(incident: Incident, kept: Kept, found: Found | None) -> tuple[EffectKind, Told] | None:
    """
    What is to be done so that an open incident has a ticket, and one that is over has no open one.

    Args:
        found: None of one that was never made.
    """
    if not kept.is_settled:
        return None
    if incident.is_live and not kept.external_id:
        text = f"{kept.outlet} has no ticket of it: one is made"
        return EffectKind.CREATE, _told(MISSING, text, kept.outlet)
    if not _is_over(incident) or found is None or found.gone or kept.refused_close():
        return None
    if kept.was_closed() and (found.by_us or found.is_closed is not False):
        return None
    text = f"{found.external_id} in {kept.outlet} was not closed with the incident: it is closed now"
    return EffectKind.CLOSE, _told(LEFT_OPEN, text, kept.outlet, id=found.external_id)


def news(told: Iterable[Told], log: Iterable[LedgerEvent]) -> list[Told]:
    """What the log does not tell yet."""
    known = {_what(event.name, event.attributes) for event in log if event.name.startswith("ticket.")}
    return [one for one in told if _what(one.name, one.attributes) not in known]


def noticed(incident: Incident, kept: Kept, found: Found) -> list[Told]:
    """What people did with it."""
    told: list[Told] = []
    outlet, was = kept.outlet, kept.external_id
    if found.gone:
        return [_told(GONE, f"{was} in {outlet} {found.gone}", outlet, id=was)]
    ticket = f"{found.external_id} in {outlet}"
    if found.external_id != was or found.place:
        where = f" in {found.place}" if found.place else ""
        text = f"{was} in {outlet} was moved: it is {found.external_id}{where} now, and is followed there"
        told.append(_told(MOVED, text, outlet, id=found.external_id, place=found.place))
    if found.title:
        text = f'{ticket} was given another title, which it keeps: "{found.title}"'
        told.append(_told(RETITLED, text, outlet, id=found.external_id, title=found.title))
    if found.is_closed and not found.by_us and incident.is_live:
        text = f"{ticket} was closed by a person: it stays closed, and the incident goes on"
        told.append(_told(CLOSED, text, outlet, id=found.external_id))
    if found.is_closed is False and found.by_us and kept.is_settled and _is_over(incident):
        text = f"{ticket} was opened by a person after we had closed it: it stays open"
        told.append(_told(OPENED, text, outlet, id=found.external_id))
    return told


def _is_over(incident: Incident) -> bool:
    return incident.state in (State.RESOLVED, State.CLEAR)


def _told(name: str, text: str, outlet: str, **more: str) -> Told:
    return Told(name, text, {"outlet": outlet, **more})


def _what(name: str, attributes: Mapping[str, object]) -> tuple[str, ...]:
    return (name, *(str(attributes.get(key, "")) for key in ("outlet", "id", "place", "title")))


def kept_of(outlet: str, effects: Sequence[Effect], external_id: str) -> Kept:
    own = sorted((effect for effect in effects if effect.outlet == outlet), key=lambda effect: effect.order)
    return Kept(outlet, tuple(own), external_id)
