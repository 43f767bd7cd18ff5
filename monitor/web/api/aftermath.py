"""After an incident: its postmortem, the meeting, and the action items."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.response.actions import UPDATES
from monitor.web.api.answers import incident_reference, json_answer, number_in_path, route
from monitor.web.bodies import BY, Field, day
from monitor.web.desk import Desk
from monitor.web.requests import read_values

ACTION = (
    *BY,
    Field(name="what", limit=500),
    Field(name="owner"),
    Field(name="due"),
    Field(name="updates", required=False, choices=UPDATES),
)


def routes(desk: Desk) -> list[Route]:
    api = _Aftermath(desk)
    return [
        route("/api/v1/incidents/{ref}/postmortem", api.postmortem, "GET"),
        route("/api/v1/incidents/{ref}/postmortem/held", api.postmortem_held, "POST"),
        route("/api/v1/incidents/{ref}/actions", api.add_action, "POST"),
        route("/api/v1/incidents/{ref}/actions/{number}/done", api.action_done, "POST"),
    ]


class _Aftermath:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def postmortem(self, request: Request) -> Response:
        return json_answer({"markdown": await asyncio.to_thread(self._desk.postmortem, incident_reference(request))})

    async def postmortem_held(self, request: Request) -> Response:
        values = await read_values(request, BY)
        return json_answer(await self._desk.postmortem_held(incident_reference(request), values["by"]))

    async def add_action(self, request: Request) -> Response:
        values = await read_values(request, ACTION)
        due = day(values, "due")
        ref = incident_reference(request)
        added = await self._desk.add_action(
            ref, values["what"], values["owner"], due, values["by"], values.get("updates", "")
        )
        return json_answer(added, 201)

    async def action_done(self, request: Request) -> Response:
        values = await read_values(request, BY)
        number = number_in_path(request, 5, "action items have numbers; GET the incident lists them")
        return json_answer(await self._desk.action_done(incident_reference(request), number, values["by"]))
