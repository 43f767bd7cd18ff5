"""
What is sent to Statuspage (developer.statuspage.io, `incident`): JSON values, cut to its limits. Pure.

Everything that a notice makes of an incident goes in one request, our mark included: so what is on the page says by
itself whether it is there.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from monitor.config import Statuspage
from monitor.ledger.records import Effect
from monitor.outlets.markup.text import clean, one_line
from monitor.outlets.outlet import Message, PublicNotice

OVER: Final = "resolved"
IMPACTS: Final[Mapping[str, str]] = {"SEV1": "critical", "SEV2": "major", "SEV3": "minor", "SEV4": "none"}
COMPONENT_STATUSES: Final[Mapping[str, str]] = {
    "SEV1": "major_outage",
    "SEV2": "partial_outage",
    "SEV3": "degraded_performance",
    "SEV4": "operational",
}

_MARK: Final = "watchkeeper"
_LONGEST_NAME: Final = 200
_LONGEST_BODY: Final = 20_000
"""Characters before they are escaped; Statuspage takes 25,000 and refuses more."""


@dataclass(frozen=True, slots=True)
class Mark:
    """
    Our part of the metadata of an incident on the page.

    Attributes:
        incident: Whose it is; empty where it is none of ours.
        notice: The number of the newest text that is there.
        at: When that was approved, in milliseconds since the Unix epoch.
        order: Of the effect that brought it.
    """

    incident: str = ""
    notice: int = 0
    at: int = 0
    order: int = 0

    @classmethod
    def of(cls, incident: Mapping[str, Any]) -> Mark:
        """What people or other programs wrote into the metadata is not ours, whatever its form."""
        metadata = incident.get("metadata")
        told = metadata.get(_MARK) if isinstance(metadata, dict) else None
        if not isinstance(told, dict):
            return cls()
        notice, at, order = (_number(told.get(key)) for key in ("notice", "at", "order"))
        return cls(str(told.get("incident", "")), notice, at, order)

    def has(self, notice: PublicNotice) -> bool:
        """A ledger that was restored from a backup gives a number once more, but at another time."""
        return self.notice >= notice.number and self.at >= milliseconds(notice)


def body_of(effect: Effect, message: Message, notice: PublicNotice, settings: Statuspage) -> dict[str, object]:
    found = {settings.components[name] for name in notice.services if name in settings.components}
    status = "operational" if notice.stage == OVER else COMPONENT_STATUSES.get(message.severity, "partial_outage")
    incident: dict[str, object] = {
        "name": one_line(notice.title, _LONGEST_NAME),
        "status": notice.stage,
        "impact_override": IMPACTS.get(message.severity, "major"),
        "body": _body(notice.text),
        # Left out it means yes.
        "deliver_notifications": notice.notify,
        "metadata": {_MARK: _mark(effect, notice)},
    }
    if found:
        incident["components"] = dict.fromkeys(sorted(found), status)
        incident["component_ids"] = sorted(found)
    return {"incident": incident}


def _body(text: str) -> str:
    """The page shows HTML: what looks like some is shown as it was written. Cut, as escaping may make it longer."""
    escaped = html.escape(clean(text[:_LONGEST_BODY]), quote=False)
    if len(text) <= _LONGEST_BODY and len(escaped) <= _LONGEST_BODY:
        return escaped
    cut = escaped[: _LONGEST_BODY - 1]
    # Half an entity would be shown as such.
    entity = cut.rfind("&", len(cut) - 5)
    return (cut if entity < 0 or ";" in cut[entity:] else cut[:entity]) + "…"


def milliseconds(notice: PublicNotice) -> int:
    return int(notice.at.timestamp() * 1000)


def _mark(effect: Effect, notice: PublicNotice) -> dict[str, object]:
    told = {"incident": effect.incident, "notice": notice.number, "at": milliseconds(notice), "order": effect.order}
    return {key: str(value) for key, value in told.items()}


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
