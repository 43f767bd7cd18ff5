"""When the backups of an incident's roles are told: at once where people are woken, else when nobody takes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from monitor.core.incident import duration_text
from monitor.core.severity import Severity

BOTH_AT_ONCE: Final = frozenset({Severity.SEV1, Severity.SEV2})


def backups_due(
    severity: Severity,
    *,
    anybody_told: bool,
    acknowledged: bool,
    called_at: datetime,
    escalated_at: datetime | None,
    ack_within: timedelta,
    now: datetime,
) -> str:
    """
    Why they are told now, in words; empty: not now. Told once for each time that the incident opens.

    Args:
        anybody_told: Whether the severity's policy tells people at all: of what only makes a ticket nobody was told
            who could have acknowledged it.
        called_at: When it opened, or was reopened.
        escalated_at: When they were told last.
    """
    told = escalated_at is not None and escalated_at >= called_at
    if told or acknowledged or not anybody_told:
        return ""
    if severity in BOTH_AT_ONCE:
        return f"{severity}: primary and backup are told at once"
    if now - called_at >= ack_within:
        return f"nobody acknowledged it within {duration_text(ack_within)}"
    return ""
