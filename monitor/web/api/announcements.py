"""Updates to the team and texts for the public: what waits, a person's words, a person's yes."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.web.announcements import EDIT, PUBLISH, UPDATE
from monitor.web.api.answers import incident_reference, json_answer, route
from monitor.web.desk import Desk
from monitor.web.requests import read_values


def routes(desk: Desk) -> list[Route]:
    api = _Announcements(desk)
    return [
        route("/api/v1/incidents/{ref}/announcements", api.announcements, "GET"),
        route("/api/v1/incidents/{ref}/update", api.update, "POST"),
        route("/api/v1/incidents/{ref}/update/draft", api.edit, "POST"),
        route("/api/v1/incidents/{ref}/publish", api.publish, "POST"),
    ]


class _Announcements:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def announcements(self, request: Request) -> Response:
        return json_answer(await asyncio.to_thread(self._desk.announcements, incident_reference(request)))

    async def update(self, request: Request) -> Response:
        values = await read_values(request, UPDATE)
        return json_answer(await self._desk.send_update(incident_reference(request), values["by"], values["text"]))

    async def edit(self, request: Request) -> Response:
        values = await read_values(request, EDIT)
        return json_answer(await self._desk.edit_update(incident_reference(request), values["by"], values["text"]))

    async def publish(self, request: Request) -> Response:
        values = await read_values(request, PUBLISH)
        notify = values["notify"] == "true" if values["notify"] else None
        ref = incident_reference(request)
        return json_answer(await self._desk.publish(ref, values["by"], values["text"], values["stage"], notify))
