"""What people say of a service: open what you suggest, this level is the usual one, this version is out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.web.api.answers import json_answer, route
from monitor.web.bodies import BY, Field, instant
from monitor.web.desk import Desk
from monitor.web.requests import read_values

DEPLOY = (Field(name="service"), Field(name="version"), *BY, Field(name="at", required=False))
ACCEPT = (*BY, Field(name="since"), Field(name="reason", limit=4000, lines=True))


def routes(desk: Desk) -> list[Route]:
    api = _Services(desk)
    return [
        route("/api/v1/services/{service}/confirm", api.confirm, "POST"),
        route("/api/v1/services/{service}/baseline/accept", api.accept, "POST"),
        route("/api/v1/deploys", api.deploy, "POST"),
    ]


class _Services:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def confirm(self, request: Request) -> Response:
        values = await read_values(request, BY)
        return json_answer(await self._desk.confirm(request.path_params["service"], values["by"]))

    async def accept(self, request: Request) -> Response:
        values = await read_values(request, ACCEPT)
        since = instant(values, "since")
        assert since is not None  # the field is required
        service = request.path_params["service"]
        return json_answer(await self._desk.accept(service, values["by"], since, values["reason"]), 201)

    async def deploy(self, request: Request) -> Response:
        values = await read_values(request, DEPLOY)
        at = instant(values, "at")
        deploy = await self._desk.deploy(values["service"], values["version"], values["by"], at)
        return json_answer(deploy, 200 if deploy["known"] else 201)
