"""
The incident machine: one per service. Everything that affects a transition lives in this file.

Two kinds of event move it: what was seen (BREACH, CALM, GAP) or said (DECLARED, CONFIRM, RESOLVE), and what is due
because time has passed in a state (HELD, SETTLED, LAPSED). `step` applies the first and then whatever became due. A
pair that is missing from TRANSITIONS is refused, so self-loops are written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

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
    MERGED = "merged"  # found: it is the same problem as an elder incident, which goes on
    HELD = "held"  # due: breached for open_after, with the alarm raised
    SETTLED = "settled"  # due: all conditions held for stable_for
    LAPSED = "lapsed"  # due: resolved for longer than reopen_within


DUE: Final = frozenset({Event.HELD, Event.SETTLED, Event.LAPSED})
"""Found by `step` alone. Nobody may send them: that would go round open_after, stable_for and reopen_within."""

TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.CLEAR, Event.BREACH): State.PENDING,
    (State.CLEAR, Event.CALM): State.CLEAR,
    (State.CLEAR, Event.GAP): State.CLEAR,
    (State.CLEAR, Event.DECLARED): State.OPEN,
    (State.PENDING, Event.BREACH): State.PENDING,
    (State.PENDING, Event.CALM): State.CLEAR,
    (State.PENDING, Event.GAP): State.CLEAR,
    (State.PENDING, Event.HELD): State.OPEN,
    (State.PENDING, Event.CONFIRM): State.OPEN,
    (State.PENDING, Event.DECLARED): State.OPEN,
    (State.OPEN, Event.BREACH): State.OPEN,
    (State.OPEN, Event.CALM): State.RECOVERING,
    (State.OPEN, Event.GAP): State.OPEN,
    (State.OPEN, Event.RESOLVE): State.RESOLVED,
    (State.OPEN, Event.MERGED): State.RESOLVED,
    (State.RECOVERING, Event.BREACH): State.OPEN,
    (State.RECOVERING, Event.CALM): State.RECOVERING,
    (State.RECOVERING, Event.GAP): State.RECOVERING,
    (State.RECOVERING, Event.SETTLED): State.RESOLVED,
    (State.RECOVERING, Event.RESOLVE): State.RESOLVED,
    (State.RECOVERING, Event.MERGED): State.RESOLVED,
    (State.RESOLVED, Event.BREACH): State.OPEN,
    (State.RESOLVED, Event.CALM): State.RESOLVED,
    (State.RESOLVED, Event.GAP): State.RESOLVED,
    (State.RESOLVED, Event.LAPSED): State.CLEAR,
}

QUIET_EVALUATIONS: Final = 2
"""A pending breach is over after this many evaluations without one: fewer, and every flapping probe starts anew."""

MINIMUM_GAP: Final = timedelta(minutes=2)


class IllegalTransition(ValueError):
    """An event that means nothing in this state. Names both."""

    def __init__(self, service: str, event: str, state: State) -> None:
        super().__init__(f"{service}: no {event} while {state}")
        self.service = service
        self.event = event
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """
    How long things must hold; the `incidents` section of the configuration.

    Attributes:
        open_after: From the first failure until an alarm opens.
        stable_for: Of recovering, without a breach or a gap, until it is resolved.
        reopen_within: Of resolved, in which a breach is a relapse and not a new incident.
        open_mode: With "suggest" an alarm never opens by itself: a person confirms.
    """

    open_after: timedelta = timedelta(seconds=60)
    stable_for: timedelta = timedelta(minutes=30)
    reopen_within: timedelta = timedelta(minutes=30)
    open_mode: Literal["auto", "suggest"] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    A service's place in the machine, and what the ledger keeps of its incident.

    Attributes:
        since: When the present state began. For recovering: when its clock (re)started.
        id: ULID; empty while clear or pending.
        first_failure_at: The first failure of the breach that led here. None while no breach of ours was seen.
        declared_by: Who opened it. Without a breach of ours it then never recovers by itself.
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

    @property
    def needs_mitigation(self) -> bool:
        """Declared, and nothing that we measure ever showed it: nothing that we measure can show that it is over."""
        return bool(self.declared_by) and self.first_failure_at is None and not self.mitigated_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of state, as a value: storage, notices, logs and counters all read it."""

    service: str
    old: State
    new: State
    event: Event
    at: datetime
    reason: str


def step(
    incident: Incident,
    event: Event,
    now: datetime,
    timing: Timing,
    *,
    alarm: bool = False,
    reason: str = "",
    by: str = "",
    failed_at: datetime | None = None,
) -> tuple[Incident, tuple[Transition, ...]]:
    """
    The incident after *event*, and what changed on the way, in order; raises IllegalTransition.

    A self-loop changes no state and yields no transition, though it may move a clock (recovering and GAP).

    Args:
        alarm: A detector stands at its threshold. Without it a breach stays pending however long it lasts.
        reason: What was seen, in words; added to what the machine says itself.
        by: Who said it.
        failed_at: When the probe that failed was due; *now* if left out. Read by the BREACH that begins it.
    """
    if event in DUE:
        raise IllegalTransition(incident.service, event, incident.state)
    told = _Told(now, reason, by, failed_at or now)
    moves: list[Transition] = []
    if _has_lapsed(incident, now, timing):
        # Before the event and not after it: this breach is then a new incident's first, not the old one's relapse.
        incident = _move(incident, Event.LAPSED, _Told(now), moves)
    if not (event is Event.CALM and incident.state is State.OPEN and incident.needs_mitigation):
        incident = _move(incident, event, told, moves)
    due = _due(incident, event, now, timing, alarm)
    if due is not None:
        incident = _move(incident, due, told, moves)
    return incident, tuple(moves)


@dataclass(frozen=True, slots=True)
class _Told:
    """What `step` was told besides the event."""

    now: datetime
    reason: str = ""
    by: str = ""
    failed_at: datetime | None = None


def _has_lapsed(incident: Incident, now: datetime, timing: Timing) -> bool:
    return (
        incident.state is State.RESOLVED
        and incident.resolved_at is not None
        and now - incident.resolved_at > timing.reopen_within
    )


def _due(incident: Incident, event: Event, now: datetime, timing: Timing, alarm: bool) -> Event | None:
    """What time has made of the state. At most one: what HELD and SETTLED lead to has nothing further due at once."""
    match incident.state:
        case State.PENDING if alarm and timing.open_mode == "auto":
            began = incident.first_failure_at or incident.since
            return Event.HELD if now - began >= timing.open_after else None
        case State.RECOVERING if event is Event.CALM:
            # Only on a calm: in a minute in which nothing was seen nothing was proven.
            return Event.SETTLED if now - incident.since >= timing.stable_for else None
    return None


def _move(incident: Incident, event: Event, told: _Told, moves: list[Transition]) -> Incident:
    old, now = incident.state, told.now
    new = TRANSITIONS.get((old, event))
    if new is None:
        raise IllegalTransition(incident.service, event, old)
    reason = ": ".join(part for part in (_why(incident, event, told), told.reason) if part)
    if event is Event.BREACH and incident.first_failure_at is None:
        incident = replace(incident, first_failure_at=told.failed_at)
    if new is old:
        return replace(incident, since=now) if (old, event) == (State.RECOVERING, Event.GAP) else incident
    moves.append(Transition(service=incident.service, old=old, new=new, event=event, at=now, reason=reason))
    return _entered(incident, new, event, told)


def _entered(incident: Incident, new: State, event: Event, told: _Told) -> Incident:
    """The incident as its new state finds it."""
    old, now = incident.state, told.now
    reason = told.reason or incident.reason
    match new:
        case State.CLEAR:
            return Incident(service=incident.service, since=now)
        case State.OPEN if old is State.RESOLVED:
            return replace(
                incident,
                state=new,
                since=now,
                resolved_at=None,
                first_failure_at=told.failed_at,
                reopened=incident.reopened + 1,
                reason=reason,
                acknowledged_by="",
                acknowledged_at=None,
                # What a person said of the first act is not said of the relapse.
                mitigated_by="",
                lowered_from=None,
            )
        case State.OPEN if old is not State.RECOVERING:
            # Never empty when declared: the bar against recovering by itself hangs on it.
            declared_by = (told.by or "a person") if event is Event.DECLARED else ""
            return replace(incident, state=new, since=now, opened_at=now, declared_by=declared_by, reason=reason)
        case State.RECOVERING:
            return replace(incident, state=new, since=now)
        case State.RESOLVED:
            return replace(incident, state=new, since=now, resolved_at=now)
    return replace(incident, state=new, since=now, reason=reason)


def _why(incident: Incident, event: Event, told: _Told) -> str:
    """Why the machine moves, in its own words."""
    lasted = duration_text(told.now - incident.since)
    match incident.state, event:
        case State.PENDING, Event.HELD:
            return f"breached for {duration_text(told.now - (incident.first_failure_at or incident.since))}"
        case State.PENDING, Event.CALM:
            return f"no breach in {QUIET_EVALUATIONS} evaluations"
        case State.PENDING, Event.GAP:
            return "no results"
        case State.OPEN, Event.CALM:
            return "every recovery condition holds"
        case State.RECOVERING, Event.BREACH:
            return f"breached again after {lasted}"
        case State.RECOVERING, Event.SETTLED:
            return f"every recovery condition held for {lasted}"
        case State.RESOLVED, Event.BREACH:
            return f"breached again {lasted} after it was resolved"
        case State.RESOLVED, Event.LAPSED:
            return f"resolved for {lasted}"
        case _, Event.DECLARED | Event.CONFIRM | Event.RESOLVE:
            verb = {Event.DECLARED: "declared", Event.CONFIRM: "confirmed", Event.RESOLVE: "resolved"}[event]
            return f"{verb} by {told.by or 'a person'}"
        case _, Event.BREACH:
            return "breached"
    return ""


def observed(
    state: State, *, breached: bool, gap: bool = False, quiet: int = 0, recovered: bool | None = None
) -> Event | None:
    """
    What one evaluation saw, as the event to step with; None where it moves nothing.

    Args:
        gap: No ok or failed result for longer than the gap limit, or a source away for longer than its allowance.
        quiet: Evaluations in a row without a breach, this one included; see `quiet_after`.
        recovered: While live: True when every recovery condition holds, False when one is broken, None when one is
            unproven. A broken one sends recovering back to open, since only unbroken time counts.
    """
    if gap:
        return Event.GAP
    if breached:
        return Event.BREACH
    match state:
        case State.PENDING:
            return Event.CALM if quiet >= QUIET_EVALUATIONS else None
        case State.RECOVERING if recovered is False:
            return Event.BREACH
        case State.OPEN | State.RECOVERING:
            return Event.CALM if recovered else None
    return Event.CALM


def quiet_after(quiet: int, breached: bool) -> int:
    """The count of evaluations in a row without a breach, after one more."""
    return 0 if breached else quiet + 1


def gap_limit(interval: float) -> timedelta:
    """How long a service may go without an ok or failed result; *interval* in seconds, the shortest of its checks."""
    return max(2 * timedelta(seconds=interval), MINIMUM_GAP)


def acknowledge(incident: Incident, by: str, now: datetime) -> Incident:
    """Taken by a person: repeats and escalation stop, updates do not. Another person's word hands it over."""
    if not incident.is_live:
        raise IllegalTransition(incident.service, "ack", incident.state)
    return replace(incident, acknowledged_by=by, acknowledged_at=now)


def mitigated(incident: Incident, by: str) -> Incident:
    """Said by a person, or found when all attached alerts have resolved: a declared incident may now recover."""
    if not incident.is_live:
        raise IllegalTransition(incident.service, "mitigate", incident.state)
    return replace(incident, mitigated_by=by)


def transition_text(transition: Transition, severity: Severity | None = None) -> str:
    """One line for the log: `orders-service: pending => open (SEV2), breached for 1m0s`."""
    grade = f" ({severity})" if severity is not None else ""
    why = f", {transition.reason}" if transition.reason else ""
    return f"{transition.service}: {transition.old} => {transition.new}{grade}{why}"


def duration_text(duration: timedelta) -> str:
    """Whole seconds, as `45s`, `1m0s`, `26h0m5s`."""
    seconds = max(0, round(duration.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
