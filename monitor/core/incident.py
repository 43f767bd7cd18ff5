"""
The incident machine: one per service. Everything that affects a transition lives in this file.

Two kinds of event move it: what was seen (BREACH, CALM, GAP) or said (DECLARED, CONFIRM, RESOLVE), and what is due
because time has passed in a state (HELD, SETTLED). `step` applies the first and then whatever became due. A pair that
is missing from TRANSITIONS is refused, so self-loops are written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.core.severity import Severity


class State(StrEnum):
    CLEAR = "clear"
    PENDING = "pending"
    OPEN = "open"
    RECOVERING = "recovering"
    RESOLVED = "resolved"


class Event(StrEnum):
    BREACH = "breach"  # seen: a confirmed failure or an alarm
    CALM = "calm"  # seen: in pending, two evaluations without a breach; later, every recovery condition holds
    GAP = "gap"  # seen: no result for longer than the gap limit
    DECLARED = "declared"  # said: a person or an intake alert opens it
    CONFIRM = "confirm"  # said: a person agrees with a suggestion to open
    RESOLVE = "resolve"  # said: a person resolves it
    HELD = "held"  # due: breached for open_after, with the alarm raised
    SETTLED = "settled"  # due: all conditions held for stable_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    A service's place in the machine, and what the ledger keeps of its incident.

    Attributes:
        since: When the present state began. For recovering: when its clock (re)started.
        id: ULID; empty while clear or pending.
        first_failure_at: The first failure of the breach that led here.
        declared_by: Who opened it without a breach of ours; it then never recovers by itself.
        mitigated_by: Who said that it is mitigated; lifts that bar.
        lowered_from: The severity a person lowered it from; only a row above that raises it again.
        trace_id, span_id: The probe that caused it.
    """

    service: str
    since: datetime
    state: State = State.CLEAR
    id: str = ""
    number: int = 0
    first_failure_at: datetime | None = None
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    severity: Severity | None = None
    lowered_from: Severity | None = None
    reason: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    declared_by: str = ""
    mitigated_by: str = ""
    reopened: int = 0
    trace_id: str = ""
    span_id: str = ""

    @property
    def is_live(self) -> bool:
        """Open or recovering: what people are working on."""
        return self.state in (State.OPEN, State.RECOVERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of state, as a value: storage, notices, logs and counters all read it."""

    service: str
    old: State
    new: State
    event: Event
    at: datetime
    reason: str
