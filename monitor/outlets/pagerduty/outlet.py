"""Pages through PagerDuty. Each event carries its incident's key, so one that is sent again changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from monitor.config import Pagerduty
from monitor.ledger.records import Effect
from monitor.outlets.http import Connection
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.pagerduty.event import dedup_key, event_of
from monitor.outlets.rest import Rest, Stopped
from monitor.outlets.settling import Settling


class PagerdutyOutlet:
    """
    Args:
        now: Seconds of a clock that is never set.
    """

    def __init__(
        self,
        pagerduty: Pagerduty,
        connect: Callable[[], Connection] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = pagerduty.routing_key.get_secret_value()
        more = {} if connect is None else {"connect": connect}
        self._rest = Rest(pagerduty.url, {}, _words, secrets=(self._key,), now=now, **more)
        self._settling = Settling(now)

    def __repr__(self) -> str:
        return f"PagerdutyOutlet({self._rest.host})"

    @property
    def name(self) -> str:
        return "pagerduty"

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:  # noqa: ARG002 - every outlet is given it
        delivery = self._settling.wait(effect) or self._send(effect, message)
        self._settling.note(effect, delivery)
        return delivery

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:  # noqa: ARG002
        """The Events API cannot be asked, and need not be."""
        return Delivery(outcome=DeliveryOutcome.AMBIGUOUS, detail=f"{effect.key} is sent again under its dedup_key")

    def _send(self, effect: Effect, message: Message) -> Delivery:
        event = event_of(effect, message, self._key)
        try:
            with self._rest.talk() as talk:
                talk.send("POST", "/v2/enqueue", event)
        except Stopped as stopped:
            return stopped.delivery
        key = dedup_key(effect.incident)
        return Delivery(
            outcome=DeliveryOutcome.CONFIRMED, detail=f"{self._rest.host}: {event['event_action']}", external_id=key
        )


def _words(refusal: Any) -> str:
    """`{"status": "invalid event", "message": ..., "errors": [...]}`"""
    parts = [refusal.get("message"), *(refusal.get("errors") or ())]
    return "; ".join(str(part) for part in parts if part)
