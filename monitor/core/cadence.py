"""When updates and the question to the Incident Commander are due. A fixed grid, never last + 15."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SLOWED_TO: Final = timedelta(hours=1)
"""Between updates once the Incident Commander was asked to close or wait."""
PROOF_IS_BACK: Final = timedelta(minutes=2)
"""How long every condition must hold to end the wait for proof. A source that answers now and then never gets there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateDue:
    """
    An update to send now.

    Attributes:
        at: The slot of the grid that it answers.
        missed: Earlier slots that nothing answered; they are not made up for, the update says so.
    """

    at: datetime
    missed: int
    first_missed_at: datetime | None = None

    def text(self, ahead: timedelta) -> str:
        """
        What a late update says of those that were missed; empty when none were.

        Args:
            ahead: From the steady timeline to the wall clock, which people read.
        """
        if self.first_missed_at is None:
            return ""
        count = "1 update" if self.missed == 1 else f"{self.missed} updates"
        return f"Late: {count} missed, the first was due at {self.first_missed_at + ahead:%H:%M:%S} UTC."


def updates_due(
    opened_at: datetime, last_sent: datetime | None, every: timedelta | None, now: datetime
) -> UpdateDue | None:
    """
    The one update that is due, however many slots went by.

    Args:
        last_sent: When an update was last sent, None if only the opening was told.
        every: None: on change only, so nothing is ever due by the clock.
    """
    if every is None:
        return None
    slot = (now - opened_at) // every
    answered = max(0, ((last_sent or opened_at) - opened_at) // every)
    if slot <= answered:
        return None
    missed = slot - answered - 1
    first_missed_at = opened_at + (answered + 1) * every if missed else None
    return UpdateDue(at=opened_at + slot * every, missed=missed, first_missed_at=first_missed_at)


def slowed(every: timedelta | None, asked_at: datetime | None) -> timedelta | None:
    """The spacing of updates: an hour at least once the Incident Commander was asked to close or wait."""
    return every if every is None or asked_at is None else max(every, SLOWED_TO)


def unproven_since(
    before: datetime | None, recovered: bool | None, held_for: timedelta, now: datetime
) -> datetime | None:
    """
    Since when proof of recovery is wanting, after one more evaluation; None while it is not.

    A broken condition ends the wait: then the incident waits for its problem to end and not for a proof.

    Args:
        before: What this gave at the evaluation before.
        recovered: False when a condition is broken, None when one is unproven or nothing was seen.
        held_for: For how long all of them have held, when they do.
    """
    if recovered is None:
        return before or now
    return None if recovered is False or held_for >= PROOF_IS_BACK else before


def evidence_wait_due(
    unproven_since: datetime | None, asked_at: datetime | None, wait: timedelta, now: datetime
) -> bool:
    """Whether to ask the Incident Commander to close or wait: proof was wanting for *wait*. Asked once."""
    return unproven_since is not None and asked_at is None and now - unproven_since >= wait
