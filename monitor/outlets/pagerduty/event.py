"""
What is told to the Events API v2 (developer.pagerduty.com/docs/events-api-v2/trigger-events): JSON values, cut to its
limits. Pure.
"""

from __future__ import annotations

from typing import Final

from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.markup.text import one_line
from monitor.outlets.outlet import Message

LONGEST_SUMMARY: Final = 1_024
SEVERITIES: Final = {"SEV1": "critical", "SEV2": "error", "SEV3": "warning", "SEV4": "info"}

_LONGEST_VALUE: Final = 800
_LONGEST_LIST: Final = 20
_TOLD: Final = (
    "reference", "status", "services", "opened_at", "reporter", "acknowledged_by", "symptoms", "why", "conditions",
    "alerts",
)  # fmt: skip
"""
Keys of the incident's document that help who is woken. A character takes up to four bytes, so even twenty-one of the
longest in each of five lists are below the 512 KB that an event may have.
"""


def dedup_key(incident: str) -> str:
    """The same in each event of an incident: PagerDuty keeps one alert of them, however often each arrives."""
    return f"watchkeeper/{incident}"


def event_of(effect: Effect, message: Message, routing_key: str) -> dict[str, object]:
    return {
        "routing_key": routing_key,
        "event_action": _action(effect, message),
        "dedup_key": dedup_key(effect.incident),
        "client": "Watchkeeper",
        "payload": {
            "summary": one_line(message.title, LONGEST_SUMMARY),
            "source": one_line(message.service, LONGEST_SUMMARY),
            "severity": SEVERITIES.get(message.severity, "info"),
            "component": one_line(message.service, LONGEST_SUMMARY),
            "class": "incident",
            "custom_details": _details(message),
        },
    }


def _action(effect: Effect, message: Message) -> str:
    if effect.kind is EffectKind.CLOSE:
        return "resolve"
    # A creation triggers also when somebody took it meanwhile: what was never triggered cannot be acknowledged.
    is_taken = effect.kind is EffectKind.UPDATE and message.document.get("acknowledged_by")
    return "acknowledge" if is_taken else "trigger"


def _details(message: Message) -> dict[str, object]:
    told: dict[str, object] = {"update": message.update, "degraded": message.degraded}
    told |= {key: message.document.get(key) for key in _TOLD}
    return {key: _fitted(value) for key, value in told.items() if value}


def _fitted(value: object) -> str | list[str]:
    if not isinstance(value, list | tuple):
        return one_line(str(value), _LONGEST_VALUE)
    lines = [one_line(str(one), _LONGEST_VALUE) for one in value[:_LONGEST_LIST]]
    more = len(value) - _LONGEST_LIST
    return [*lines, f"and {more} more"] if more > 0 else lines
