"""An incident's effects whose news are texts for the public."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from lives import CLOSE, T0, Life

from monitor.ledger.records import Effect
from monitor.outlets.outlet import Message, PublicNotice


@dataclass
class PublicLife(Life):
    """
    Each effect brings the text of its order.

    Attributes:
        newest: Or the one that was approved last, as the daemon composes it.
    """

    newest: bool = False

    def _compose(self, effect: Effect) -> Message:
        effect = self.effects()[-1] if self.newest else effect
        stage = "resolved" if effect.kind is CLOSE else "investigating"
        notice = PublicNotice(
            number=effect.order, title="Orders are slow", text=f"text {effect.order}", stage=stage,
            services=("orders",), notify=True, at=T0 + timedelta(minutes=effect.order),
        )  # fmt: skip
        return replace(super()._compose(effect), public=notice)
