"""
What is sent to Statuspage (developer.statuspage.io, `incident`): JSON values, cut to its limits. Pure.

Everything that a notice makes of an incident goes in one request, our mark included: so what is on the page says by
itself whether it is there.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from monitor.ledger.records import Effect
from monitor.outlets.markup.text import clean, one_line
from monitor.outlets.outlet import Message, PublicNotice

OVER: Final = "resolved"
OPERATIONAL: Final = "operational"
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
        name: As we last wrote it; what is there now is a person's if it differs.
    """

    incident: str = ""
    notice: int = 0
    at: int = 0
    order: int = 0
    name: str = ""

    @classmethod
    def of(cls, incident: Mapping[str, Any]) -> Mark:
        """What people or other programs wrote into the metadata is not ours, whatever its form."""
        metadata = incident.get("metadata")
        told = metadata.get(_MARK) if isinstance(metadata, dict) else None
        if not isinstance(told, dict):
            return cls()
        notice, at, order = (_number(told.get(key)) for key in ("notice", "at", "order"))
        return cls(str(told.get("incident", "")), notice, at, order, str(told.get("name", "")))

    def has(self, notice: PublicNotice) -> bool:
        """A ledger that was restored from a backup gives a number once more, but at another time."""
        return self.notice >= notice.number and self.at >= milliseconds(notice)


def body_of(
    effect: Effect, message: Message, notice: PublicNotice, statuses: Mapping[str, str], there: Mapping[str, Any] | None
) -> dict[str, object]:
    """
    Args:
        statuses: Of components, by their ids.
        there: The incident on the page, where people may have been at it; None before it is made.
    """
    name = one_line(notice.title, _LONGEST_NAME)
    incident: dict[str, object] = {
        "status": notice.stage,
        "impact_override": IMPACTS.get(message.severity, "major"),
        "body": _body(notice.text),
        # Left out it means yes.
        "deliver_notifications": notice.notify,
        # What is given replaces what is there, and other programs keep theirs there too.
        "metadata": {**_metadata(there), _MARK: _mark(effect, notice, name)},
    }
    if there is None or Mark.of(there).name == there.get("name"):
        incident["name"] = name
    if statuses:
        incident["components"] = dict(statuses)
        # The list replaces the one that is there: with what people added to it.
        incident["component_ids"] = sorted({*components_of(there), *statuses})
    return {"incident": incident}


def statuses_of(
    message: Message, notice: PublicNotice, components: Mapping[str, str], there: Mapping[str, Any] | None
) -> dict[str, str]:
    """
    Of components, by their ids: those of the services in the text, and those of ours that an earlier text named and
    this one does not, which work again.

    Args:
        components: Service -> component.
    """
    named = {components[name] for name in notice.services if name in components}
    status = OPERATIONAL if notice.stage == OVER else COMPONENT_STATUSES.get(message.severity, "partial_outage")
    dropped = (components_of(there) & set(components.values())) - named
    return dict.fromkeys(sorted(dropped), OPERATIONAL) | dict.fromkeys(sorted(named), status)


def still_down(statuses: Mapping[str, str], elsewhere: Collection[str]) -> dict[str, str]:
    """*statuses* without what works again here and not *elsewhere*: in another incident that is not over."""
    return {one: status for one, status in statuses.items() if status != OPERATIONAL or one not in elsewhere}


def components_of(incident: Mapping[str, Any] | None) -> set[str]:
    """Ids of the components that it has on the page."""
    return {str(one["id"]) for one in (incident or {}).get("components") or ()}


def without_components(body: Mapping[str, Any]) -> dict[str, object]:
    incident = {key: value for key, value in body["incident"].items() if key not in ("components", "component_ids")}
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


def _metadata(there: Mapping[str, Any] | None) -> Mapping[str, object]:
    metadata = (there or {}).get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _mark(effect: Effect, notice: PublicNotice, name: str) -> dict[str, object]:
    told = {
        "incident": effect.incident,
        "notice": notice.number,
        "at": milliseconds(notice),
        "order": effect.order,
        "name": name,
    }
    return {key: str(value) for key, value in told.items()}


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
