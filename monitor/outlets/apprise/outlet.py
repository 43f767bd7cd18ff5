"""
Pages through apprise. Nothing there has a key and nothing can be asked, so what may have arrived is sent again and says
so: better twice than never, and never silently twice. An address that surely has it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from monitor.config import Apprise
from monitor.ledger.records import Effect
from monitor.outlets.apprise.sender import Result, Sent, send
from monitor.outlets.apprise.text import body_of, title_of
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message

_OUTCOMES: Final = (
    (Sent.PERHAPS, DeliveryOutcome.AMBIGUOUS),
    (Sent.NO, DeliveryOutcome.RETRY),
    # Told once the others have it: a person must look, and nothing is tried for ever.
    (Sent.NEVER, DeliveryOutcome.REFUSED),
)
"""The first of these that an address has come to is what became of the whole."""


class AppriseOutlet:
    def __init__(self, apprise: Apprise, send: Callable[[Sequence[str], str, str], list[Result]] = send) -> None:
        self._urls = tuple(url.get_secret_value() for url in apprise.urls)
        self._send = send
        # Of each effect that is not done: what became of each address.
        self._begun: dict[str, dict[str, Result]] = {}

    def __repr__(self) -> str:
        return f"AppriseOutlet({', '.join(map(_kind, self._urls))})"

    @property
    def name(self) -> str:
        return "apprise"

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:  # noqa: ARG002 - every outlet is given it
        # Of one that another process, or an outlet before a reload, has begun nobody knows how far it came.
        unknown = dict.fromkeys(self._urls, Result(Sent.PERHAPS if effect.attempts > 1 else Sent.NO))
        known = self._begun.pop(effect.key, unknown)
        # Of one incident they go in order, so those before are done, or a newer one has taken their place.
        self._begun = {key: kept for key, kept in self._begun.items() if not key.startswith(f"{effect.incident}/")}
        groups = {sent: [url for url, before in known.items() if before.sent is sent] for sent in Sent}
        for urls, again in ((groups[Sent.NO], False), (groups[Sent.PERHAPS], True)):
            if urls:
                found = self._send(urls, title_of(effect.kind, message), body_of(message, again=again))
                known = known | dict(zip(urls, found, strict=True))
        delivery = _whole(known)
        if delivery.outcome in (DeliveryOutcome.AMBIGUOUS, DeliveryOutcome.RETRY):
            self._begun[effect.key] = known
        return delivery

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:  # noqa: ARG002
        return Delivery(outcome=DeliveryOutcome.AMBIGUOUS, detail=f"nobody can be asked about {effect.key}")


def _whole(known: Mapping[str, Result]) -> Delivery:
    come_to = {result.sent for result in known.values()}
    outcome = next((outcome for sent, outcome in _OUTCOMES if sent in come_to), DeliveryOutcome.CONFIRMED)
    parts = [
        f"{_kind(url)}: {result.sent}" + (f", {result.why}" if result.why else "") for url, result in known.items()
    ]
    return Delivery(outcome=outcome, detail="; ".join(parts))


def _kind(url: str) -> str:
    """All of an address that is ever shown."""
    return url.partition(":")[0]
