"""What is written down of alerts: their links with an incident, the lines of its timeline, their attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from monitor.core.alerts import Alert
from monitor.ledger.records import AlertLink, LedgerEvent
from monitor.response.case import Subject
from monitor.response.casebook import Casebook

SHOWN: Final = 5
"""Of many alerts in one line."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is written down of some alerts of one source."""

    source: str
    text: str
    attributes: Mapping[str, object]
    now: datetime
    wall: datetime

    @property
    def line(self) -> str:
        return f"{self.source}: {self.text}"

    def event(
        self,
        book: Casebook,
        subject: Subject,
        name: str,
        attributes: Mapping[str, object] | None = None,
        text: str = "",
    ) -> LedgerEvent:
        more = {**self.attributes, **(attributes or {})}
        return book.event(subject, name, text or self.line, self.now, self.wall, author=self.source, attributes=more)


def link_of(before: AlertLink | None, alert: Alert, service: str, now: datetime, wall: datetime) -> AlertLink:
    """*before* as this telling leaves it; a new one where there is none."""
    ends_at = alert.ends_at if alert.firing else alert.ends_at or wall
    if before is not None:
        began = max(alert.starts_at, before.starts_at or alert.starts_at)
        return replace(
            before, firing=alert.firing, starts_at=began, ends_at=ends_at, heard_at=now, expired=False,
            summary=alert.summary, labels=alert.labels, annotations=alert.annotations, links=alert.links,
        )  # fmt: skip
    return AlertLink(
        incident="", fingerprint=alert.key, source=alert.source, summary=alert.summary, firing=alert.firing, at=now,
        service=service, starts_at=alert.starts_at, ends_at=ends_at, heard_at=now, labels=alert.labels,
        annotations=alert.annotations, links=alert.links,
    )  # fmt: skip


def listed(links: Sequence[AlertLink], verb: str, left_out: int = 0) -> str:
    """`an alert fires: OrdersFail: a tenth of all orders fail`, or `each of 7 alerts fires: ...`."""
    names = "; ".join(link.summary for link in links[:SHOWN])
    more = f"; and {len(links) - SHOWN} more" if len(links) > SHOWN else ""
    cut = f"; the sender left out {left_out} more of the group" if left_out else ""
    return f"{'an alert' if len(links) == 1 else f'each of {len(links)} alerts'} {verb}: {names}{more}{cut}"


def attributes_of(links: Sequence[AlertLink], left_out: int = 0) -> dict[str, object]:
    named = [link.labels.get("alertname", link.fingerprint) for link in links[:SHOWN]]
    found: dict[str, object] = {"source": links[0].source, "alerts": named, "count": len(links)}
    return {**found, "left_out": left_out} if left_out else found


def unmatched_event(links: Sequence[AlertLink], now: datetime, wall: datetime) -> tuple[LedgerEvent, ...]:
    """Told once for each time that it fires: a rule that nobody here is meant by may fire for weeks."""
    if not links:
        return ()
    text = f"{links[0].source}: {listed(links, 'belongs to no service of ours')}"
    text += "; see intake.service_labels and intake.default_service"
    return (LedgerEvent(name="alert.unmatched", at=now, wall=wall, text=text, attributes=attributes_of(links)),)
