"""What other programs tell us: alerts of Alertmanager and Grafana, and pushes of jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.web.alerts import READERS
from monitor.web.api.answers import json_answer, route
from monitor.web.bodies import parse_object
from monitor.web.desk import Desk
from monitor.web.hooks import HookKey, check_signature, shows_secret
from monitor.web.problems import HttpProblem
from monitor.web.push_paths import PUSH_BODY, pushed
from monitor.web.requests import read_end, read_json


def routes(desk: Desk) -> list[Route]:
    api = _Intake(desk)
    return [
        route("/api/v1/alerts/{source}", api.alerts, "POST", "PUT"),
        route("/push/{token}", api.push, "GET", "POST"),
        route("/push/{token}/{event}", api.push, "GET", "POST"),
    ]


class _Intake:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def alerts(self, request: Request) -> Response:
        source = request.path_params["source"]
        if source not in READERS:
            raise HttpProblem(404, f"alerts are taken at /api/v1/alerts/{' and /api/v1/alerts/'.join(READERS)}")
        key: HookKey | None = request.app.state.hooks.get(source)
        if key is None:
            raise HttpProblem(404, f"no alerts are taken here: intake.{source} is not in the configuration")
        try:
            shown = shows_secret(request.headers, key)
            body = await read_json(request)
            if not shown:
                check_signature(request.headers, body, key, datetime.now(UTC))
            told = READERS[source](parse_object(body))
        except HttpProblem:
            self._desk.refused_alerts(source)
            raise
        taken = await self._desk.take_alerts(told)
        # 2xx all the same: whoever sends could do nothing about it, and would only send it again.
        return json_answer(taken, 200 if taken["incidents"] or not taken["counts"].get("unmatched") else 202)

    async def push(self, request: Request) -> Response:
        told = pushed(request.path_params.get("event", ""))
        push = replace(told, body=await read_end(request, PUSH_BODY))
        await self._desk.push(request.path_params["token"], push)
        return json_answer({"taken": str(push.event)})
