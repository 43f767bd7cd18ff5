"""
What may still arrive: a request whose answer was lost can be obeyed seconds after its repetition was. By key that is
harmless, but not once the incident has turned: a trigger that arrives after its end would page again, and an end that
arrives after a relapse would hide it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.outlet import Delivery, DeliveryOutcome

SETTLING: Final = 60.0
"""Seconds after which what was sent has arrived, or never does."""
_TURNS: Final = frozenset({EffectKind.CLOSE, EffectKind.REOPEN})


class Settling:
    """
    Args:
        now: Seconds of a clock that is never set.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._unknown: dict[str, float] = {}

    def wait(self, effect: Effect) -> Delivery | None:
        """To be answered instead of sending it, while something of another kind may still arrive."""
        self._unknown = {key: at for key, at in self._unknown.items() if self._now() - at < SETTLING}
        others = [at for key, at in self._unknown.items() if _incident(key) == effect.incident and key != effect.key]
        if effect.kind not in _TURNS or not others:
            return None
        return Delivery(
            outcome=DeliveryOutcome.RETRY,
            detail="what was sent before may still arrive",
            retry_after=SETTLING - (self._now() - max(others)),
        )

    def note(self, effect: Effect, delivery: Delivery) -> None:
        if delivery.outcome is DeliveryOutcome.AMBIGUOUS:
            self._unknown[effect.key] = self._now()


def _incident(key: str) -> str:
    return key.partition("/")[0]
