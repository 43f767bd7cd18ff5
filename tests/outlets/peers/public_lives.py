"""An incident's effects whose news are texts for the public."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from lives import CLOSE, T0, Life

from monitor.ledger.records import Effect
from monitor.outlets.outlet import Message, PublicNotice


@dataclass
class PublicLife(Life):
    """Each effect brings the text of its order."""

    def _compose(self, effect: Effect) -> Message:
        stage = "resolved" if effect.kind is CLOSE else "investigating"
        notice = PublicNotice(
            number=effect.order, title="Orders are slow", text=f"text {effect.order}", stage=stage,
            services=("orders",), notify=True, at=T0 + timedelta(minutes=effect.order),
        )  # fmt: skip
        return replace(super()._compose(effect), public=notice)
