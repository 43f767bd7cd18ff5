"""
Chapter 3, communicate, by the clock: updates (updates.py), and one question when proof of recovery is wanting.

What falls due is told as an event's name, text and attributes; the case remembers that it was.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.core.cadence import evidence_wait_due, unproven_since
from monitor.core.incident import State, duration_text
from monitor.response.case import Case
from monitor.response.detect import Observation
from monitor.response.entries import Told
from monitor.response.rules import Rules
from monitor.response.triage import utc
from monitor.response.updates import updates


def told_by_the_clock(case: Case, seen: Observation | None, rules: Rules, now: datetime, wall: datetime) -> list[Told]:
    """
    Args:
        seen: The last evaluation of the incident's subject; None before the first since a start.
    """
    told = updates(case, rules, now, wall)
    if seen is not None and (text := _question(case, seen, rules, now)) is not None:
        told.append(Told("incident.evidence_wait", text))
    return told


def weigh_conditions(case: Case, seen: Observation, wall: datetime) -> None:
    """Keeps in the case what recovery still lacks, and since when."""
    if seen.assessment is None:
        case.unmet_since = {}  # it is resolved: a relapse lacks everything anew
        return
    case.unmet_since = seen.assessment.unmet_since(case.unmet_since, seen.at)
    ahead = wall - seen.at
    lines = []
    for condition in seen.assessment.conditions:
        lacking = "unproven" if condition.met is None else "not met"
        since = case.unmet_since.get(condition.name)
        lines.append(condition.text + (f" ({lacking} since {utc(since + ahead)})" if since else ""))
    case.conditions = (*lines, *seen.assessment.notes)


def weigh_proof(case: Case, seen: Observation) -> None:
    """Keeps in the case since when proof is wanting. No gap and no restart of recovering's clock ends that."""
    incident = case.incident
    held_for = seen.at - incident.since if incident.state is State.RECOVERING else timedelta(0)
    case.unproven_since = unproven_since(case.unproven_since, seen.recovered, held_for, seen.at)
    if case.unproven_since is None:
        case.asked_at = None


def _question(case: Case, seen: Observation, rules: Rules, now: datetime) -> str | None:
    since = case.unproven_since
    if since is None or seen.recovered is not None:
        return None  # nothing is wanting, or not at this moment: a question whose answer stands below it helps nobody
    if not evidence_wait_due(since, case.asked_at, rules.evidence_wait, now):
        return None
    case.asked_at = now
    unmet = [condition.text for condition in seen.assessment.unmet] if seen.assessment is not None else []
    wanting = "; ".join(unmet) or "no result for longer than the gap limit"
    return f"recovery could not be proven for {duration_text(now - since)}, close it or wait? {wanting}"
