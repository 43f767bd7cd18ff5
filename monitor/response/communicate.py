"""Chapter 3, communicate: the ticket and its updates, composed at the moment of sending from the case as it is then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Final

from monitor.core.incident import State, duration_text
from monitor.ledger.records import AlertLink, LedgerEvent
from monitor.outlets.markup.text import one_line
from monitor.outlets.outlet import Message
from monitor.response.case import Case
from monitor.response.notice import notice_of
from monitor.response.triage import Role, reference, utc, utc_time

TIMELINE: Final = "\n## Timeline (UTC)\n"
"""What grows, so it stands last: what a tracker has no room for is cut off from the end."""
OURSELVES: Final = "watchkeeper"
"""Who wrote what no person did."""
ALERTS_SHOWN: Final = 20
"""In a ticket. A group may hold hundreds, and a ticket is read at night."""
_LONGEST_LINE: Final = 2_000
"""Of an update, in characters: what was reported may be a megabyte."""


def title(case: Case) -> str:
    incident = case.incident
    return f"{reference(incident.number)} {incident.severity or 'SEV4'} {incident.service}: {incident.reason}"


def status_line(case: Case, now: datetime) -> str:
    """Where the incident stands, in one line."""
    incident = case.incident
    words = [str(incident.state), str(incident.severity or ""), "flapping" if case.flapping else ""]
    if incident.opened_at is not None:
        end = incident.resolved_at if incident.state is State.RESOLVED and incident.resolved_at else now
        words.append(f"for {duration_text(end - incident.opened_at)}")
    if incident.acknowledged_by and incident.is_live:
        words.append(f"acknowledged by {incident.acknowledged_by}")
    if case.muted_by and incident.is_live:
        words.append(f"muted by {case.muted_by}")
    return ", ".join(word for word in words if word)


def update_text(case: Case, roles: Iterable[Role], now: datetime, next_update: str) -> str:
    """The playbook's four: who, what, status, next update."""
    # A line each, whatever a target or a person wrote: a symptom must not be able to say what the status is.
    who = one_line("; ".join(str(role) for role in roles) or "nobody is named in contacts", _LONGEST_LINE)
    what = one_line("; ".join(case.symptoms) or case.incident.reason, _LONGEST_LINE)
    lines = [f"who: {who}", f"what: {what}", f"status: {status_line(case, now)}"]
    if case.incident.is_live and case.conditions:
        lines.append("for recovery: " + "; ".join(case.conditions))
    lines.append(f"next update: {next_update}")
    return "\n".join(lines)


def ticket(case: Case, roles: Iterable[Role], now: datetime) -> str:
    """The whole ticket in Markdown: what the playbook asks an entry to hold, and the timeline so far."""
    incident = case.incident
    rows = [
        ("Status", status_line(case, now)),
        ("Severity", str(incident.severity or "")),
        ("Service", ", ".join(case.services())),
        ("Reported by", case.reporter),
        ("Opened", utc(_opened_wall(case))),
        *((role.name.replace("_", " ").capitalize(), _holder(role)) for role in roles),
    ]
    lines = [f"# {escape(title(case))}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {escape(value)} |" for name, value in rows]
    lines += ["", "## Symptoms", "", *_bullets(case.symptoms or (incident.reason,))]
    lines += ["", "## Why this severity", "", *_bullets(case.why)]
    if case.conditions:
        lines += ["", "## Recovery", "", *_bullets(case.conditions)]
    if case.mitigations and incident.is_live:
        lines += ["", "## Mitigations", "", *_mitigations(case.mitigations)]
    if alerts := alert_lines(case.alerts.values()):
        lines += ["", "## Alerts", "", *_bullets(alerts)]
    return "\n".join([*lines, TIMELINE, *timeline(case.events)]) + "\n"


def alert_lines(links: Iterable[AlertLink]) -> list[str]:
    """Those of other systems, what fires first: `firing since 12:00:00 UTC: OrdersFail: ... (severity=page) http://...`."""
    alerts = sorted((link for link in links if link.heard_at is not None), key=lambda link: not link.firing)
    lines = [alert_line(link) for link in alerts[:ALERTS_SHOWN]]
    if len(alerts) > ALERTS_SHOWN:
        fire = sum(link.firing for link in alerts[ALERTS_SHOWN:])
        lines.append(f"and {len(alerts) - ALERTS_SHOWN} more, of which {fire} fire")
    return lines


def alert_line(link: AlertLink) -> str:
    began = f" since {utc_time(link.starts_at)}" if link.firing and link.starts_at else ""
    ended = f" at {utc_time(link.ends_at)}" if not link.firing and link.ends_at and not link.expired else ""
    state = "firing" if link.firing else "not repeated any more, counts as over" if link.expired else "over"
    labels = ", ".join(f"{name}={value}" for name, value in sorted(link.labels.items()) if name != "alertname")
    told = f"{link.source}, {state}{began}{ended}: {link.summary}" + (f" ({labels})" if labels else "")
    return " ".join([told, *link.links.values()])


def timeline(events: Iterable[LedgerEvent]) -> list[str]:
    lines = []
    for event in events:
        author = "" if event.author == OURSELVES else f" ({event.author})"
        trace = f" `trace {event.trace_id}`" if event.trace_id else ""
        first, *rest = event.text.splitlines() or [""]
        lines.append(f"- {utc_time(event.wall)} **{event.name}** {escape(first)}{author}{trace}")
        lines += [f"  {escape(line)}  " for line in rest]
    return lines


def document(case: Case, roles: Iterable[Role], now: datetime) -> dict[str, object]:
    """The incident as JSON values, for outlets that speak to programs."""
    incident = case.incident
    return {
        "incident": incident.id,
        "number": incident.number,
        "reference": reference(incident.number),
        "service": incident.service,
        "services": list(case.services()),
        "title": title(case),
        "severity": str(incident.severity or ""),
        "state": str(incident.state),
        "status": status_line(case, now),
        "flapping": case.flapping,
        "muted_by": case.muted_by,
        "opened_at": utc(_opened_wall(case)),
        "reporter": case.reporter,
        "symptoms": list(case.symptoms),
        "why": list(case.why),
        "roles": [str(role) for role in roles],
        "acknowledged_by": incident.acknowledged_by,
        "conditions": list(case.conditions),
        "mitigations": [{"text": line, "commands": list(commands)} for line, commands in case.mitigations],
        "alerts": alert_lines(case.alerts.values()),
        "timeline": [
            {"at": utc(e.wall), "name": e.name, "text": e.text, "author": e.author, "trace_id": e.trace_id}
            for e in case.events
        ],
    }


def compose(case: Case, roles: tuple[Role, ...], now: datetime, degraded: str = "") -> Message:
    incident = case.incident
    updates = _updates(case.events)
    return Message(
        incident=incident.id,
        number=incident.number,
        service=incident.service,
        title=title(case),
        severity=str(incident.severity or ""),
        status=str(incident.state),
        markdown=ticket(case, roles, now),
        update=updates[-1] if updates else "",
        updates=updates,
        document=document(case, roles, now),
        degraded=degraded,
        public=notice_of(case),
    )


def _updates(events: Iterable[LedgerEvent]) -> tuple[str, ...]:
    """Of each instant all that was told, as that it is over and when it is talked about."""
    told = [event for event in events if event.text]
    return tuple("\n".join(map(_told, group)) for _, group in groupby(told, key=lambda event: event.at))


def _told(event: LedgerEvent) -> str:
    is_named = event.author == OURSELVES or event.author in event.text
    return event.text if is_named else f"{event.text} ({event.author})"


def _opened_wall(case: Case) -> datetime:
    """The wall clock's word for the opening; people compare it with their own logs."""
    opened = case.first("incident.opened")
    return opened.wall if opened is not None else case.incident.opened_at or case.incident.since


def _holder(role: Role) -> str:
    return f"{role.holder} (backup: {role.backup})" if role.backup else role.holder


def _mitigations(told: Iterable[tuple[str, Iterable[str]]]) -> Iterable[str]:
    for line, commands in told:
        yield f"- {escape(line)}"
        yield ""
        # Code by its indentation: no letter of a command can end it, and none is changed on the way to a shell.
        yield from (f"      {part}" for command in commands for part in command.splitlines())


def _bullets(lines: Iterable[str]) -> list[str]:
    return [f"- {escape(line)}" for line in lines]


def escape(text: str) -> str:
    """*text* as a part of a line of Markdown."""
    # A target chooses these words: a pipe would break the table, an angle bracket could hide a marker or open HTML.
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")
