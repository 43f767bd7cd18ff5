"""Chapter 4, resolve: what follows the end of an incident, and is written down with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.core.maintenance import Span
from monitor.core.meeting import Meeting, WorkingHours, meeting_after
from monitor.ledger.records import LedgerEvent
from monitor.response.case import Case
from monitor.response.triage import utc

SCHEDULED: Final = "postmortem.scheduled"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """
    What the log says of the postmortem of an incident. On the wall clock.

    Attributes:
        meeting: None when no working hours were found, or of an older log.
    """

    due: datetime
    meeting: Meeting | None


def schedule(ended: datetime, within: timedelta, hours: WorkingHours) -> tuple[str, dict[str, object]]:
    """
    In words and as attributes of the event, which `scheduled` reads.

    Args:
        ended: On the wall clock.
    """
    due = ended + within
    text = f"postmortem due by {utc(due)}"
    attributes: dict[str, object] = {"due": utc(due), "due_at": due.isoformat()}
    meeting = meeting_after(ended, within, hours)
    if meeting is None:
        return f"{text}; no working hours were found for a meeting", attributes
    late = ", as there are no working hours before" if meeting.late else ""
    start, end = meeting.span.start, meeting.span.end
    return (
        f"{text}; meeting on {start:%A} {utc(start)}{late}",
        {**attributes, "meeting": {"start": start.isoformat(), "end": end.isoformat(), "late": meeting.late}},
    )


def scheduled(case: Case) -> Scheduled | None:
    """As the newest word has it; None before the end of the incident."""
    event = case.newest(SCHEDULED)
    if event is None or not isinstance(due := event.attributes.get("due_at"), str):
        return None
    return Scheduled(datetime.fromisoformat(due), _meeting(event))


def _meeting(event: LedgerEvent) -> Meeting | None:
    kept = event.attributes.get("meeting")
    if not isinstance(kept, dict):
        return None
    span = Span(datetime.fromisoformat(kept["start"]), datetime.fromisoformat(kept["end"]))
    return Meeting(span, bool(kept["late"]))
