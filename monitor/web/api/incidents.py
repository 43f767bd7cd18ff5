"""Incidents: which there are, and what people say and do while one is open."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.core.severity import Severity
from monitor.web.api.answers import incident_reference, json_answer, route
from monitor.web.bodies import BY, Field
from monitor.web.desk import Desk
from monitor.web.documents import STATES
from monitor.web.problems import HttpProblem
from monitor.web.requests import idempotency_key, read_query, read_values

REPORT = (
    Field(name="reporter"),
    Field(name="symptoms", limit=4000, lines=True),
    Field(name="service"),
    Field(name="severity", required=False, choices=tuple(s.name for s in Severity)),
)
ROLE = (*BY, Field(name="role"), Field(name="holder"))
NOTE = (*BY, Field(name="text", limit=4000, lines=True))
RESOLVE = (*BY, Field(name="why", limit=4000, lines=True))

MAX_INCIDENTS = 1000


def routes(desk: Desk) -> list[Route]:
    api = _Incidents(desk)
    return [
        route("/api/v1/incidents", api.incidents, "GET"),
        route("/api/v1/incidents", api.report, "POST"),
        route("/api/v1/incidents/{ref}", api.incident, "GET"),
        route("/api/v1/incidents/{ref}/severity", api.severity, "GET"),
        route("/api/v1/incidents/{ref}/ack", api.acknowledge, "POST"),
        route("/api/v1/incidents/{ref}/note", api.note, "POST"),
        route("/api/v1/incidents/{ref}/resolve", api.resolve, "POST"),
        route("/api/v1/incidents/{ref}/role", api.assign, "POST"),
        route("/api/v1/incidents/{ref}/mitigated", api.mitigated, "POST"),
    ]


class _Incidents:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def incidents(self, request: Request) -> Response:
        query = read_query(request, ("state", "limit"))
        state, limit = query.get("state", "live"), query.get("limit", "100")
        if state not in STATES:
            raise HttpProblem(400, f"state is none of {', '.join(STATES)}")
        if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= MAX_INCIDENTS):
            raise HttpProblem(400, f"limit is not a number from 1 to {MAX_INCIDENTS}")
        return json_answer({"incidents": await asyncio.to_thread(self._desk.incidents, state, int(limit))})

    async def incident(self, request: Request) -> Response:
        ref = incident_reference(request)
        found = await asyncio.to_thread(self._desk.incident, ref)
        if found is None:
            raise HttpProblem(404, f"no incident is called {ref}; /api/v1/incidents?state=all lists them")
        return json_answer(found)

    async def severity(self, request: Request) -> Response:
        return json_answer(self._desk.severity(incident_reference(request)))

    async def report(self, request: Request) -> Response:
        values = await read_values(request, REPORT)
        incident = await self._desk.report(
            values["reporter"],
            values["symptoms"],
            values["service"],
            values["severity"] or None,
            idempotency_key(request),
        )
        return json_answer(incident, 201, {"Location": f"/api/v1/incidents/{incident['number']}"})

    async def acknowledge(self, request: Request) -> Response:
        values = await read_values(request, BY)
        return json_answer(await self._desk.acknowledge(incident_reference(request), values["by"]))

    async def note(self, request: Request) -> Response:
        values = await read_values(request, NOTE)
        return json_answer(await self._desk.note(incident_reference(request), values["by"], values["text"]))

    async def resolve(self, request: Request) -> Response:
        values = await read_values(request, RESOLVE)
        return json_answer(await self._desk.resolve(incident_reference(request), values["by"], values["why"]))

    async def assign(self, request: Request) -> Response:
        values = await read_values(request, ROLE)
        return json_answer(
            await self._desk.assign(incident_reference(request), values["by"], values["role"], values["holder"])
        )

    async def mitigated(self, request: Request) -> Response:
        values = await read_values(request, BY)
        return json_answer(await self._desk.mitigated(incident_reference(request), values["by"]))
