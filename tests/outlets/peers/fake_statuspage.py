"""
Statuspage's API, version 1: incidents of one page, each with its updates and the statuses of components. Refuses what
the real one refuses: a name that is missing, statuses that there are not, components that the page has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from faults import Asked, Peer
from jsonschema import Draft202012Validator, ValidationError

PAGE = "kctbh9vrtdwd"
COMPONENTS = ("8kbf7d35c070", "vtnh60py4yd7")
INCIDENT: dict[str, Any] = {
    # developer.statuspage.io: the fields of an incident that is no maintenance.
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 255},
        "status": {"enum": ["investigating", "identified", "monitoring", "resolved"]},
        "impact_override": {"enum": ["none", "maintenance", "minor", "major", "critical"]},
        "body": {"type": "string", "maxLength": 25_000},
        "component_ids": {"type": "array", "items": {"enum": list(COMPONENTS)}},
        "components": {
            "type": "object",
            "propertyNames": {"enum": list(COMPONENTS)},
            "additionalProperties": {
                "enum": ["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"]
            },
        },
        "deliver_notifications": {"type": "boolean"},
        "metadata": {"type": "object", "additionalProperties": {"type": "object"}},
    },
}
_VALIDATOR = Draft202012Validator(INCIDENT)


@dataclass
class FakeStatuspage(Peer):
    """
    Attributes:
        incidents: By their ids, oldest first.
        components: Their statuses.
        mailed: How often subscribers were sent a message.
        known_key: Of the API, as `OAuth KEY`.
    """

    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    components: dict[str, str] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, "operational"))
    mailed: int = 0
    known_key: str = ""
    _ids: Any = field(default_factory=lambda: count(1))

    def obey(self, asked: Asked) -> tuple[int, object]:
        if self.known_key and self.headers and self.headers[-1].get("Authorization") != f"OAuth {self.known_key}":
            return 401, {"error": "Could not authenticate"}
        base, _, rest = asked.path.partition("/incidents")
        if base != f"/v1/pages/{PAGE}":
            return 404, {"error": "page not found"}
        if asked.method == "GET":
            return self._read(rest, asked.query)
        given: Any = asked.body["incident"] if isinstance(asked.body, dict) and "incident" in asked.body else None
        if given is None or (asked.method == "POST" and "name" not in given):
            return 422, {"error": ["Name can't be blank"]}
        try:
            _VALIDATOR.validate(given)
        except ValidationError as error:
            return 422, {"error": [error.message]}
        if asked.method == "POST":
            return 201, self._write(self._new(), given)
        found = self.incidents.get(rest.removeprefix("/"))
        return (200, self._write(found, given)) if found is not None else (404, {"error": "incident not found"})

    def _read(self, rest: str, query: Mapping[str, str]) -> tuple[int, object]:
        newest = list(reversed(self.incidents.values()))
        if rest == "/unresolved":
            return 200, [one for one in newest if one["status"] != "resolved"]
        if rest == "":
            size, page = int(query.get("limit", "100")), int(query.get("page", "1"))
            return 200, newest[(page - 1) * size : page * size]
        found = self.incidents.get(rest.removeprefix("/"))
        return (200, found) if found is not None else (404, {"error": "incident not found"})

    def _new(self) -> dict[str, Any]:
        number = next(self._ids)
        made = self.incidents[f"p{number:011d}"] = {
            "id": f"p{number:011d}", "created_at": f"2026-03-01T12:{number // 60:02d}:{number % 60:02d}.000Z",
            "shortlink": f"https://stspg.example/{number}", "status": "investigating", "incident_updates": [],
        }  # fmt: skip
        return made

    def _write(self, incident: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        # Nobody says so: then every subscriber is sent a message.
        mails = given.get("deliver_notifications", True)
        self.mailed += bool(mails)
        incident.update({key: given[key] for key in ("name", "status", "impact_override", "metadata") if key in given})
        self.components.update(given.get("components", {}))
        if "component_ids" in given:
            incident["components"] = [{"id": one, "status": self.components[one]} for one in given["component_ids"]]
        if "body" in given:
            update = {"body": given["body"], "status": incident["status"], "deliver_notifications": mails}
            incident["incident_updates"].insert(0, update)
        return incident
