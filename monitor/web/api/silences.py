"""Silences: which there are, a new one, and the end of one."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.web.api.answers import json_answer, number_in_path, route
from monitor.web.bodies import BY
from monitor.web.desk import Desk
from monitor.web.problems import HttpProblem
from monitor.web.requests import read_query, read_values
from monitor.web.silences import SILENCE, until_of


def routes(desk: Desk) -> list[Route]:
    api = _Silences(desk)
    return [
        route("/api/v1/silences", api.silences, "GET"),
        route("/api/v1/silences", api.silence, "POST"),
        route("/api/v1/silences/{number}/expire", api.expire, "POST"),
    ]


class _Silences:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def silences(self, request: Request) -> Response:
        expired = read_query(request, ("expired",)).get("expired", "false")
        if expired not in ("true", "false"):
            raise HttpProblem(400, "expired is neither true nor false")
        return json_answer({"silences": await asyncio.to_thread(self._desk.silences, expired == "true")})

    async def silence(self, request: Request) -> Response:
        values = await read_values(request, SILENCE)
        made = await self._desk.silence(
            values["subject"], values["by"], values["comment"], lambda wall: until_of(values, wall)
        )
        return json_answer(made, 201)

    async def expire(self, request: Request) -> Response:
        values = await read_values(request, BY)
        number = number_in_path(request, 9, "no silence is called that; use its number, which /api/v1/silences lists")
        return json_answer(await self._desk.expire(number, values["by"]))
