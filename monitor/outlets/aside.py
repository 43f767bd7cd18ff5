"""A second ticket of an incident in the same tracker, beside the one that it has: known there by another name."""

from __future__ import annotations

from dataclasses import replace

from monitor.ledger.records import Effect
from monitor.outlets.outlet import Delivery, Found, Message
from monitor.outlets.tickets import TicketOutlet


class Aside:
    """
    Args:
        name: Of this outlet; its effects and its tickets are its own.
        what: The ticket's, in a word.
    """

    def __init__(self, name: str, what: str, inner: TicketOutlet) -> None:
        self._name = name
        self._what = what
        self._inner = inner

    def __repr__(self) -> str:
        return f"Aside({self._name}, {self._inner!r})"

    @property
    def name(self) -> str:
        return self._name

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        own = replace(message, incident=self._subject(message.incident))
        return self._inner.deliver(self._own(effect), own, external_id)

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:
        return self._inner.reconcile(self._own(effect), external_id)

    def look(self, incident: str, external_id: str) -> Found | Delivery:
        return self._inner.look(self._subject(incident), external_id)

    def _own(self, effect: Effect) -> Effect:
        return replace(effect, incident=self._subject(effect.incident))

    def _subject(self, incident: str) -> str:
        return f"{incident}-{self._what}"
