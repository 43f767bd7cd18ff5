"""Chapter 4, resolve: the invitation to the postmortem's meeting, as a calendar takes it (RFC 5545)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import parseaddr
from typing import Final

from monitor.core.meeting import Meeting
from monitor.outlets.outlet import Attachment
from monitor.response.case import Case
from monitor.response.triage import Role, reference

_PRODUCT: Final = "-//Watchkeeper//Postmortem//EN"


def invitation(case: Case, roles: Sequence[Role], meeting: Meeting, now: datetime) -> Attachment:
    """
    Who has an address in `contacts`, as `SRE on-call <sre@example.com>`, is an attendee; all are named in the text.

    Args:
        now: On the wall clock. A draft that is written anew replaces the event in the calendar that it is imported to.
    """
    from icalendar import Calendar, Event, vCalAddress  # half a second, for once an incident

    event = Event()
    name = f"{reference(case.incident.number)} {case.incident.service}"
    event.add("uid", f"{case.incident.id}@watchkeeper")
    event.add("dtstamp", now)
    event.add("dtstart", meeting.span.start)
    event.add("dtend", meeting.span.end)
    event.add("summary", f"Postmortem of {name}")
    event.add("description", _description(case, roles, meeting))
    for role in roles:
        for holder in filter(None, (role.holder, role.backup)):
            person, address = parseaddr(holder)
            if "@" not in address:
                continue
            attendee = vCalAddress(f"mailto:{address}")
            attendee.params["CN"] = person or address
            attendee.params["ROLE"] = "REQ-PARTICIPANT" if holder == role.holder else "OPT-PARTICIPANT"
            event.add("attendee", attendee, encode=False)
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return Attachment(".ics", "text/calendar", calendar.to_ical())


def _description(case: Case, roles: Sequence[Role], meeting: Meeting) -> str:
    lines = [f"{case.incident.severity}: {case.incident.reason}", *map(str, roles)]
    if meeting.late:
        lines.append("There were no working hours before.")
    return "\n".join(lines)
