"""
Alerts to an Alertmanager. An alert is its labels, so one that is sent again changes nothing; and it is repeated each
minute while its incident is open, as an Alertmanager that was restarted knows none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from monitor.config import Alertmanager
from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.alertmanager import alert
from monitor.outlets.http import Connection
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.rest import Rest, Stopped
from monitor.outlets.settling import Settling

_AT_ONCE: Final = 100
"""Alerts in one request."""


class AlertmanagerOutlet:
    """
    Args:
        now: Seconds of a clock that is never set.
        wall: Seconds since the Unix epoch.
    """

    refresh_every: float = 60.0

    def __init__(
        self,
        alertmanager: Alertmanager,
        connect: Callable[[], Connection] | None = None,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        token = alertmanager.token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        more = {} if connect is None else {"connect": connect}
        self._rest = Rest(alertmanager.url, headers, _words, secrets=(token,), now=now, **more)
        self._settling = Settling(now)
        self._wall = wall

    def __repr__(self) -> str:
        return f"AlertmanagerOutlet({self._rest.host})"

    @property
    def name(self) -> str:
        return "alertmanager"

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:  # noqa: ARG002 - every outlet is given it
        is_over = effect.kind is EffectKind.CLOSE
        alerts = alert.told(message, self._now(), is_over=is_over)
        delivery = self._settling.wait(effect) or self._post(alerts, "over" if is_over else "fires")
        self._settling.note(effect, delivery)
        return delivery

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:  # noqa: ARG002
        return Delivery(outcome=DeliveryOutcome.AMBIGUOUS, detail=f"{effect.key} is sent again under the same labels")

    def refresh(self, messages: Sequence[Message]) -> Delivery:
        """What still fires, so that it does not end by itself."""
        alerts = [alert.firing(message, self._now()) for message in messages]
        delivery = Delivery(outcome=DeliveryOutcome.CONFIRMED)
        for begin in range(0, len(alerts), _AT_ONCE):
            delivery = self._post(alerts[begin : begin + _AT_ONCE], "refreshed")
            if delivery.outcome is not DeliveryOutcome.CONFIRMED:
                break
        return delivery

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)

    def _post(self, alerts: Sequence[alert.Alert], what: str) -> Delivery:
        try:
            with self._rest.talk() as talk:
                talk.send("POST", "/api/v2/alerts", alerts)
        except Stopped as stopped:
            return stopped.delivery
        return Delivery(outcome=DeliveryOutcome.CONFIRMED, detail=f"{self._rest.host}: {what}")


def _words(refusal: Any) -> str:
    """A refusal is one string; that of a request that cannot be read is `{"code": ..., "message": ...}`."""
    return refusal if isinstance(refusal, str) else str(refusal["message"])
