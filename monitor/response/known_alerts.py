"""What was last told of each alert of another system, on an incident or on none, so that old news are known as such."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from monitor.core.alerts import Known
from monitor.ledger.records import AlertLink

REMEMBERED: Final = timedelta(days=1)
"""Of what is over. No proxy and no retry of a sender delays a telling for as long."""


class KnownAlerts:
    """
    Attributes:
        listening_since: When we began to listen: before that nobody could tell us anything.
    """

    def __init__(self) -> None:
        self._links: dict[str, AlertLink] = {}
        self.listening_since: datetime | None = None

    def restore(self, links: Iterable[AlertLink], now: datetime) -> None:
        """What the ledger keeps, the newest telling last."""
        self.listening_since = now
        for link in links:
            self.put(link)

    def get(self, key: str) -> AlertLink | None:
        return self._links.get(key)

    def put(self, link: AlertLink) -> None:
        self._links[link.fingerprint] = link

    def firing(self) -> list[AlertLink]:
        return [link for link in self._links.values() if link.firing]

    def forget(self, now: datetime) -> None:
        """What was over long ago."""
        old = [
            key
            for key, link in self._links.items()
            if not link.firing and (link.heard_at is None or now - link.heard_at > REMEMBERED)
        ]
        for key in old:
            del self._links[key]


def known_of(link: AlertLink | None) -> Known | None:
    """As the core weighs it."""
    if link is None or link.starts_at is None or link.heard_at is None:
        return None
    return Known(
        firing=link.firing,
        starts_at=link.starts_at,
        ends_at=link.ends_at,
        heard_at=link.heard_at,
        expired=link.expired,
    )
