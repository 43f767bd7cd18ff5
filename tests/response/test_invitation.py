"""The invitation to a postmortem, as the calendar that it is imported to reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar

from monitor.core.incident import Incident
from monitor.core.maintenance import Span
from monitor.core.meeting import Meeting
from monitor.core.severity import Severity
from monitor.response.case import Case
from monitor.response.invitation import invitation
from monitor.response.triage import Role

NOW = datetime(2026, 3, 6, 13, 0, tzinfo=UTC)
MEETING = Meeting(Span(datetime(2026, 3, 9, 8, 0, tzinfo=UTC), datetime(2026, 3, 9, 9, 0, tzinfo=UTC)), late=True)
ROLES = (
    Role("incident_commander", "SRE on-call <sre@example.com>", "Grace <grace@example.com>"),
    Role("scribe", "whoever is near", ""),
)


def read(reason: str = "breached", roles: tuple[Role, ...] = ROLES) -> tuple[bytes, icalendar.Component]:
    incident = Incident(
        service="orders", since=NOW, id="01J", number=7, severity=Severity.SEV2, reason=reason, opened_at=NOW
    )
    file = invitation(Case(incident), roles, MEETING, NOW)
    assert (file.suffix, file.media_type) == (".ics", "text/calendar")
    (event,) = icalendar.Calendar.from_ical(file.content).walk("VEVENT")
    return file.content, event


def test_it_says_what_when_and_who():
    content, event = read()

    assert event["summary"] == "Postmortem of INC-0007 orders"
    assert (event["dtstart"].dt, event["dtend"].dt) == (MEETING.span.start, MEETING.span.end)
    attendees = {str(one): one.params["ROLE"] for one in event["attendee"]}
    assert attendees == {"mailto:sre@example.com": "REQ-PARTICIPANT", "mailto:grace@example.com": "OPT-PARTICIPANT"}
    assert "Scribe: whoever is near" in event["description"]
    assert "There were no working hours before." in event["description"]
    assert b"\r\n" in content, "RFC 5545 wants its line ends"


def test_an_incident_has_one_event_however_often_it_is_invited_to():
    assert read()[1]["uid"] == read("said otherwise")[1]["uid"] == "01J@watchkeeper"


def test_nobody_has_an_address():
    assert "attendee" not in read(roles=ROLES[1:])[1]


def test_what_a_target_says_adds_no_line_to_it():
    content, event = read("503\r\nATTENDEE:mailto:mallory@example.com\n, ; \\ " + "x" * 5000)

    assert [str(one) for one in event["attendee"]] == ["mailto:sre@example.com", "mailto:grace@example.com"]
    assert all(len(line) <= 75 for line in content.split(b"\r\n")), "and long lines are folded"
    assert timedelta(0) < event["dtend"].dt - event["dtstart"].dt
