"""What can be done about an incident, and a person's yes to one of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.web.api.answers import incident_reference, json_answer, route
from monitor.web.bodies import BY, Field
from monitor.web.desk import Desk
from monitor.web.requests import read_values

MITIGATE = (*BY, Field(name="mitigation"))


def routes(desk: Desk) -> list[Route]:
    api = _Mitigations(desk)
    return [
        route("/api/v1/incidents/{ref}/mitigations", api.offered, "GET"),
        route("/api/v1/incidents/{ref}/mitigations", api.approve, "POST"),
    ]


class _Mitigations:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def offered(self, request: Request) -> Response:
        return json_answer({"mitigations": self._desk.mitigations(incident_reference(request))})

    async def approve(self, request: Request) -> Response:
        values = await read_values(request, MITIGATE)
        run = await self._desk.mitigate(incident_reference(request), values["by"], values["mitigation"])
        # It goes on: what comes of it is in the timeline.
        return json_answer(run, 202)
