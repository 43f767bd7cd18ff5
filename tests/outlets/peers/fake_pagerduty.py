"""
PagerDuty's Events API v2: an alert for each dedup_key. A trigger opens one where none is open, and is only a line in
the log of one that is; who resolves what is not open resolves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faults import Asked, Peer
from jsonschema import Draft202012Validator, ValidationError

EVENT: dict[str, Any] = {
    # developer.pagerduty.com/docs/events-api-v2: which fields there are, which are required, and how long they may be.
    "type": "object",
    "required": ["routing_key", "event_action"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "pattern": "^[A-Za-z0-9]{32}$"},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": {"type": "string"},
        "client_url": {"type": "string", "format": "uri"},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string"},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
        "images": {"type": "array"},
        "links": {"type": "array"},
    },
    "allOf": [
        {"if": {"properties": {"event_action": {"const": "trigger"}}}, "then": {"required": ["payload"]}},
        {
            "if": {"properties": {"event_action": {"enum": ["acknowledge", "resolve"]}}},
            "then": {"required": ["dedup_key"]},
        },
    ],
}
LARGEST = 512 * 1024
_VALIDATOR = Draft202012Validator(EVENT)


@dataclass
class Alert:
    """
    Attributes:
        state: triggered, acknowledged or resolved.
        payloads: Of every event that it took, oldest first.
    """

    state: str = "triggered"
    payloads: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class FakePagerduty(Peer):
    """
    Attributes:
        alerts: Of each dedup_key, oldest first; only the newest may be open.
        woken: How often somebody was.
    """

    alerts: dict[str, list[Alert]] = field(default_factory=dict)
    woken: int = 0
    known_key: Callable[[str], bool] = lambda _key: True

    def obey(self, asked: Asked) -> tuple[int, object]:
        assert (asked.method, asked.path) == ("POST", "/v2/enqueue")
        event: Any = asked.body
        if (wrong := problem(event)) or not self.known_key(event["routing_key"]):
            errors = [wrong or f"Invalid routing key {event['routing_key']}"]
            return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
        alerts = self.alerts.setdefault(event["dedup_key"], [])
        is_open = bool(alerts) and alerts[-1].state != "resolved"
        if event["event_action"] == "trigger" and not is_open:
            alerts.append(Alert())
            self.woken += 1
        elif is_open and event["event_action"] != "trigger":
            alerts[-1].state = {"acknowledge": "acknowledged", "resolve": "resolved"}[event["event_action"]]
        if alerts and "payload" in event:
            alerts[-1].payloads.append(event["payload"])
        return 202, {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}


def problem(event: object) -> str:
    """Empty where PagerDuty would take it."""
    if len(json.dumps(event, ensure_ascii=False).encode()) > LARGEST:
        return "Event exceeds size limit"
    try:
        _VALIDATOR.validate(event)
    except ValidationError as error:
        return error.message
    return ""
