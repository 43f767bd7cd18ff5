"""
What is told to Alertmanager's API v2 (POST /api/v2/alerts): JSON values. Pure.

An alert is known there by its labels alone, so they hold nothing that changes while an incident lasts but its severity,
by which routes decide whom to wake. A severity that it no longer has is therefore an alert of its own that has ended.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.core.alerts import OWN_LABEL
from monitor.outlets.markup.text import one_line
from monitor.outlets.outlet import Message

NAME: Final = "WatchkeeperIncident"
STANDS_FOR: Final = timedelta(hours=1)
"""Without a refresh it counts as over then. Longer than it takes to bring a monitor back that has failed."""

SEVERITIES: Final = {"SEV1": "critical", "SEV2": "critical", "SEV3": "warning", "SEV4": "info"}
_LEAST: Final = "info"
_LONGEST: Final = 1_024

Alert = dict[str, object]


def firing(message: Message, wall: datetime) -> Alert:
    return _alert(message, _severity(message), wall, wall + STANDS_FOR)


def told(message: Message, wall: datetime, *, is_over: bool) -> list[Alert]:
    """What it is now, and the end of what it is not; an end of what never fired is told to nobody there."""
    now = [] if is_over else [firing(message, wall)]
    ended = [name for name in dict.fromkeys(SEVERITIES.values()) if is_over or name != _severity(message)]
    return [*now, *(_alert(message, name, wall, wall) for name in ended)]


def _alert(message: Message, severity: str, wall: datetime, until: datetime) -> Alert:
    return {
        "labels": {
            "alertname": NAME,
            "service": one_line(message.service, _LONGEST),
            "severity": severity,
            OWN_LABEL: message.incident,
        },
        "annotations": {
            "summary": one_line(message.title, _LONGEST),
            "description": one_line(message.degraded or message.update or message.title, _LONGEST),
            "status": one_line(str(message.document.get("status") or message.status), _LONGEST),
        },
        # Not after its end: an alert whose wall clock was set back would be refused.
        "startsAt": _rfc3339(min(_opened(message, wall), wall)),
        "endsAt": _rfc3339(until),
    }


def _severity(message: Message) -> str:
    return SEVERITIES.get(message.severity, _LEAST)


def _opened(message: Message, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(message.document.get("opened_at")).removesuffix(" UTC") + "+00:00")
    except ValueError:
        return otherwise


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
