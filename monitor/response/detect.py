"""
Chapter 1, detect: from what is seen of a service to the one event that moves its incident machine.

`Observation` is everything one evaluation saw; `next_event` is the table that turns it into an event. Both are values,
so that the evening of an incident can be replayed line by line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.core.incident import Event, Incident, State, Timing, observed, quiet_after
from monitor.core.recovery import Assessment
from monitor.core.severity import Evidence, Severity
from monitor.core.severity_table import Suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """
    One evaluation of one service.

    Attributes:
        breach: A confirmed failure or an alarm, in one line; empty when there is none.
        alarm: What raised the alarm, in one line; empty when none did. An alarm is always a breach too.
        heard: Every check has had an ok or failed result since the start; until then quiet means nothing.
        gap: No result of any check for longer than the gap limit.
        receding: A check is well again, and those that still fail were not asked since.
        assessment: The recovery conditions; None while no incident is live.
        maintenance: The planned window that all of it is in, in words; empty outside.
        checks: Those of the service itself that fail or alarm.
        beyond: Something besides them alarms.
    """

    at: datetime
    breach: str
    alarm: str
    gap: bool
    first_failure_at: datetime | None
    evidence: Evidence
    suggestion: Suggestion
    assessment: Assessment | None = None
    trace_id: str = ""
    span_id: str = ""
    heard: bool = True
    receding: bool = False
    failure: str = ""  # the Reason of the probe that caused it, and the address that it asked: what a storm shares
    address: str = ""
    maintenance: str = ""
    checks: frozenset[str] = frozenset()
    beyond: bool = False

    @property
    def recovered(self) -> bool | None:
        """As `Assessment.recovered`; None in a gap and in maintenance as well, since neither proves anything."""
        if self.maintenance:
            return None
        if self.breach or self.assessment is None or self.assessment.recovered is False:
            return False
        return None if self.gap else self.assessment.recovered


@dataclass(frozen=True, slots=True)
class Streaks:
    """How many evaluations in a row were without a breach."""

    quiet: int = 0

    def after(self, seen: Observation) -> Streaks:
        return Streaks(quiet_after(self.quiet, bool(seen.breach))) if seen.heard or seen.breach else self


def next_event(state: State, seen: Observation, streaks: Streaks) -> tuple[Event, str] | None:
    """
    The event that *seen* is in *state*, with what was seen in words; None when it moves nothing.

    Args:
        streaks: Including *seen* itself.
    """
    if seen.maintenance:
        return _in_maintenance(state, seen, streaks)
    # A source that was away for too long proves nothing either: the clock of recovering begins anew.
    unproven = state is State.RECOVERING and seen.assessment is not None and seen.assessment.gap
    refuted = _conditions(seen, False)
    event = observed(
        state,
        breached=bool(seen.breach),
        gap=seen.gap or unproven,
        quiet=streaks.quiet,
        recovered=None if seen.assessment is None else seen.assessment.recovered,
    )
    if event is None:
        return None
    if event is Event.GAP:
        return event, "no result for longer than the gap limit" if seen.gap else _conditions(seen, None)[0]
    if event is Event.BREACH:
        return event, seen.alarm or seen.breach or refuted[0]
    return event, ""


def _in_maintenance(state: State, seen: Observation, streaks: Streaks) -> tuple[Event, str] | None:
    """
    Nothing opens, reopens, relapses or is proven to be over by what is seen while work is planned. A breach waits in
    pending, so that an outage which outlives the window has gathered its evidence and opens at once.
    """
    match state:
        case State.OPEN:
            return None
        case State.RECOVERING:
            return Event.GAP, seen.maintenance  # its clock begins anew when the window ends
        case State.RESOLVED if seen.breach:
            return None
    event = observed(state, breached=bool(seen.breach), gap=seen.gap, quiet=streaks.quiet)
    if event is None:
        return None
    return event, f"{seen.breach}; {seen.maintenance}" if event is Event.BREACH else ""


def _conditions(seen: Observation, met: bool | None) -> list[str]:
    return [c.text for c in seen.assessment.conditions if c.met is met] if seen.assessment else []


def suggested_opening(incident: Incident, seen: Observation, timing: Timing) -> str | None:
    """With `open: suggest`: what a person is told of an incident that would have opened by now."""
    began = incident.first_failure_at
    if timing.open_mode != "suggest" or incident.state is not State.PENDING or began is None or seen.maintenance:
        return None
    if not seen.alarm or seen.at - began < timing.open_after:
        return None
    severity = seen.suggestion.severity or Severity.SEV4
    how = f"monitor incident confirm {incident.service}"
    return f"suggests to open a {severity}: {seen.alarm}. A person opens it: {how}"
