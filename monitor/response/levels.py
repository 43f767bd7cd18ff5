"""A lasting new level of a service: the tool proposes it, a person accepts it, and then it is what is normal."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from monitor.core.incident import duration_text
from monitor.core.levels import FLAT_FOR
from monitor.ledger.records import LedgerEvent
from monitor.response.leftout import ACCEPTED
from monitor.response.tracks import Settled
from monitor.response.triage import utc

PROPOSED: Final = "baseline.proposed"


def accepted(service: str, since: datetime, reason: str, by: str, now: datetime, wall: datetime) -> LedgerEvent:
    """
    Args:
        since: By the wall clock.
    """
    return LedgerEvent(
        name=ACCEPTED,
        at=now,
        wall=wall,
        text=f"{service}: what is normal begins at {utc(since)}: {reason}",
        author=by,
        service=service,
        attributes={"since": since.isoformat(), "reason": reason},
    )


def proposed(service: str, level: Settled, now: datetime, wall: datetime) -> LedgerEvent:
    since = level.since + (wall - now)  # the level is on the steady timeline, what a person types is by the wall clock
    how = f"monitor baseline accept {service} --since {since:%Y-%m-%dT%H:%M:%SZ} --reason ..."
    return LedgerEvent(
        name=PROPOSED,
        at=now,
        wall=wall,
        text=f"{level.text}; flat for {duration_text(FLAT_FOR)}, every probe green. If that is as it should be: {how}",
        service=service,
        attributes={"since": since.isoformat()},
    )
