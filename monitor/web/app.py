"""
The HTTP API: health, status, incidents, and people's part in them.

A request can produce an answer and nothing else: whatever it holds, the daemon behind the desk sees only checked
values, and what goes wrong on the way is a problem+json answer and, when the fault is ours, a line in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from loguru import logger
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.core.severity import Severity
from monitor.telemetry.exposition import dialect_of
from monitor.web import probe
from monitor.web.alerts import READERS
from monitor.web.bodies import Field, day, instant, parse_object
from monitor.web.desk import Desk, DeskRefusal
from monitor.web.documents import (
    STATES,
    AcceptedDocument,
    ActionDocument,
    DeployDocument,
    IncidentDocument,
    TakenDocument,
    plain_reference,
)
from monitor.web.hooks import HookKey, check_signature, shows_secret
from monitor.web.hosts import host_allowed
from monitor.web.problems import HttpProblem
from monitor.web.push_paths import PUSH_BODY, pushed
from monitor.web.requests import authorise, idempotency_key, read_end, read_fields, read_json, read_query
from monitor.web.silences import SILENCE, SilenceDocument, until_of

Endpoint = Callable[[Request], Awaitable[Response]]

REPORT = (
    Field(name="reporter"),
    Field(name="symptoms", limit=4000, lines=True),
    Field(name="service"),
    Field(name="severity", required=False, choices=tuple(s.name for s in Severity)),
)
BY = (Field(name="by"),)
ROLE = (*BY, Field(name="role"), Field(name="holder"))
NOTE = (*BY, Field(name="text", limit=4000, lines=True))
RESOLVE = (*BY, Field(name="why", limit=4000, lines=True))
ACTION = (*BY, Field(name="what", limit=500), Field(name="owner"), Field(name="due"))
DEPLOY = (Field(name="service"), Field(name="version"), *BY, Field(name="at", required=False))
ACCEPT = (*BY, Field(name="since"), Field(name="reason", limit=4000, lines=True))

MAX_INCIDENTS = 1000
_NOT_KEPT = {"Cache-Control": "no-store"}


def create_app(desk: Desk, token: str, listen_host: str = "127.0.0.1") -> Starlette:
    """
    Args:
        token: What whoever writes must show.
        listen_host: Where the server listens: decides which Host headers are ours.
    """
    api = _Api(desk)
    routes = [
        _route("/healthz", api.alive, "GET"),
        _route("/healthz/ready", api.ready, "GET"),
        _route("/metrics", api.metrics, "GET"),
        _route("/probe", api.probe, "GET"),
        _route("/api/v1/status", api.status, "GET"),
        _route("/api/v1/slos", api.slos, "GET"),
        _route("/api/v1/incidents", api.incidents, "GET"),
        _route("/api/v1/incidents", api.report, "POST"),
        _route("/api/v1/incidents/{ref}", api.incident, "GET"),
        _route("/api/v1/incidents/{ref}/severity", api.severity, "GET"),
        _route("/api/v1/incidents/{ref}/ack", api.acknowledge, "POST"),
        _route("/api/v1/incidents/{ref}/note", api.note, "POST"),
        _route("/api/v1/incidents/{ref}/resolve", api.resolve, "POST"),
        _route("/api/v1/incidents/{ref}/role", api.assign, "POST"),
        _route("/api/v1/incidents/{ref}/mitigated", api.mitigated, "POST"),
        _route("/api/v1/incidents/{ref}/postmortem", api.postmortem, "GET"),
        _route("/api/v1/incidents/{ref}/postmortem/held", api.postmortem_held, "POST"),
        _route("/api/v1/incidents/{ref}/actions", api.add_action, "POST"),
        _route("/api/v1/incidents/{ref}/actions/{number}/done", api.action_done, "POST"),
        _route("/api/v1/services/{service}/confirm", api.confirm, "POST"),
        _route("/api/v1/services/{service}/baseline/accept", api.accept, "POST"),
        _route("/api/v1/deploys", api.deploy, "POST"),
        _route("/api/v1/alerts/{source}", api.alerts, "POST", "PUT"),
        _route("/api/v1/silences", api.silences, "GET"),
        _route("/api/v1/silences", api.silence, "POST"),
        _route("/api/v1/silences/{number}/expire", api.expire, "POST"),
        _route("/push/{token}", api.push, "GET", "POST"),
        _route("/push/{token}/{event}", api.push, "GET", "POST"),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(HostGuard, listen_host=listen_host)],
        exception_handlers={HTTPException: _no_such_route},
    )
    # Read with each request: the file that holds it may be changed while we serve.
    app.state.token = token
    app.state.hooks = {}
    # A redirect would repeat the request's own Host back to it, and hide a mistyped path.
    app.router.redirect_slashes = False
    return app


class _Api:
    """One method for each route: read, ask the desk, answer."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def alive(self, _request: Request) -> Response:
        alive = self._desk.alive()
        return _json({"status": "ok" if alive else "stalled"}, 200 if alive else 503)

    async def ready(self, _request: Request) -> Response:
        ready, missing = self._desk.ready()
        return _json({"ready": ready, "missing": missing}, 200 if ready else 503)

    async def status(self, _request: Request) -> Response:
        return _json(self._desk.status())

    async def slos(self, _request: Request) -> Response:
        return _json({"slos": self._desk.slos()})

    async def metrics(self, request: Request) -> Response:
        dialect = dialect_of(",".join(request.headers.getlist("accept")))
        pieces = self._desk.metrics(dialect)
        return StreamingResponse(_by_turns(pieces), headers={"Content-Type": dialect, **_NOT_KEPT, "Vary": "Accept"})

    async def probe(self, request: Request) -> Response:
        return await probe.answer(request, self._desk)

    async def incidents(self, request: Request) -> Response:
        query = read_query(request, ("state", "limit"))
        state, limit = query.get("state", "live"), query.get("limit", "100")
        if state not in STATES:
            raise HttpProblem(400, f"state is none of {', '.join(STATES)}")
        if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= MAX_INCIDENTS):
            raise HttpProblem(400, f"limit is not a number from 1 to {MAX_INCIDENTS}")
        return _json({"incidents": await asyncio.to_thread(self._desk.incidents, state, int(limit))})

    async def incident(self, request: Request) -> Response:
        ref = _reference(request)
        found = await asyncio.to_thread(self._desk.incident, ref)
        if found is None:
            raise HttpProblem(404, f"no incident is called {ref}; /api/v1/incidents?state=all lists them")
        return _json(found)

    async def severity(self, request: Request) -> Response:
        return _json(self._desk.severity(_reference(request)))

    async def report(self, request: Request) -> Response:
        values = await self._values(request, REPORT)
        incident = await self._desk.report(
            values["reporter"],
            values["symptoms"],
            values["service"],
            values["severity"] or None,
            idempotency_key(request),
        )
        return _json(incident, 201, {"Location": f"/api/v1/incidents/{incident['number']}"})

    async def acknowledge(self, request: Request) -> Response:
        values = await self._values(request, BY)
        return _json(await self._desk.acknowledge(_reference(request), values["by"]))

    async def note(self, request: Request) -> Response:
        values = await self._values(request, NOTE)
        return _json(await self._desk.note(_reference(request), values["by"], values["text"]))

    async def resolve(self, request: Request) -> Response:
        values = await self._values(request, RESOLVE)
        return _json(await self._desk.resolve(_reference(request), values["by"], values["why"]))

    async def assign(self, request: Request) -> Response:
        values = await self._values(request, ROLE)
        return _json(await self._desk.assign(_reference(request), values["by"], values["role"], values["holder"]))

    async def mitigated(self, request: Request) -> Response:
        values = await self._values(request, BY)
        return _json(await self._desk.mitigated(_reference(request), values["by"]))

    async def postmortem(self, request: Request) -> Response:
        return _json({"markdown": await asyncio.to_thread(self._desk.postmortem, _reference(request))})

    async def postmortem_held(self, request: Request) -> Response:
        values = await self._values(request, BY)
        return _json(await self._desk.postmortem_held(_reference(request), values["by"]))

    async def add_action(self, request: Request) -> Response:
        values = await self._values(request, ACTION)
        due = day(values, "due")
        ref = _reference(request)
        return _json(await self._desk.add_action(ref, values["what"], values["owner"], due, values["by"]), 201)

    async def action_done(self, request: Request) -> Response:
        values = await self._values(request, BY)
        number = request.path_params["number"]
        if not (number.isascii() and number.isdigit() and len(number) < 6):
            raise HttpProblem(404, "action items have numbers; GET the incident lists them")
        return _json(await self._desk.action_done(_reference(request), int(number), values["by"]))

    async def confirm(self, request: Request) -> Response:
        values = await self._values(request, BY)
        return _json(await self._desk.confirm(request.path_params["service"], values["by"]))

    async def deploy(self, request: Request) -> Response:
        values = await self._values(request, DEPLOY)
        at = instant(values, "at")
        deploy = await self._desk.deploy(values["service"], values["version"], values["by"], at)
        return _json(deploy, 200 if deploy["known"] else 201)

    async def accept(self, request: Request) -> Response:
        values = await self._values(request, ACCEPT)
        since = instant(values, "since")
        assert since is not None  # the field is required
        service = request.path_params["service"]
        return _json(await self._desk.accept(service, values["by"], since, values["reason"]), 201)

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
        return _json(taken, 200 if taken["incidents"] or not taken["counts"].get("unmatched") else 202)

    async def silences(self, request: Request) -> Response:
        expired = read_query(request, ("expired",)).get("expired", "false")
        if expired not in ("true", "false"):
            raise HttpProblem(400, "expired is neither true nor false")
        return _json({"silences": await asyncio.to_thread(self._desk.silences, expired == "true")})

    async def silence(self, request: Request) -> Response:
        values = await self._values(request, SILENCE)
        made = await self._desk.silence(
            values["subject"], values["by"], values["comment"], lambda wall: until_of(values, wall)
        )
        return _json(made, 201)

    async def expire(self, request: Request) -> Response:
        values = await self._values(request, BY)
        number = request.path_params["number"]
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise HttpProblem(404, "no silence is called that; use its number, which /api/v1/silences lists")
        return _json(await self._desk.expire(int(number), values["by"]))

    async def push(self, request: Request) -> Response:
        told = pushed(request.path_params.get("event", ""))
        push = replace(told, body=await read_end(request, PUSH_BODY))
        await self._desk.push(request.path_params["token"], push)
        return _json({"taken": str(push.event)})

    async def _values(self, request: Request, fields: tuple[Field, ...]) -> dict[str, str]:
        # The token first: a stranger's body is not even read.
        authorise(request, request.app.state.token)
        return await read_fields(request, fields)


async def _by_turns(pieces: Iterator[str]) -> AsyncIterator[bytes]:
    """What fails ends the answer in its middle, which a scraper takes for a failed scrape."""
    try:
        for piece in pieces:
            if piece:
                # A letter that has no UTF-8, as a half of a pair, must not cost the whole scrape.
                yield piece.encode("utf-8", "replace")
            await asyncio.sleep(0)
    except Exception:
        logger.exception("GET /metrics: the answer could not be finished")
        raise


def _reference(request: Request) -> str:
    ref = plain_reference(request.path_params["ref"])
    if len(ref) > 40 or not (ref.isascii() and ref.isalnum()):
        raise HttpProblem(404, "no incident is called that; use its number, INC-0007, or its ULID")
    return ref


def _json(
    document: Mapping[str, object]
    | IncidentDocument
    | DeployDocument
    | AcceptedDocument
    | TakenDocument
    | ActionDocument
    | SilenceDocument,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return JSONResponse(document, status, {**_NOT_KEPT, **(headers or {})})


def _problem(problem: HttpProblem) -> Response:
    headers = {**_NOT_KEPT, **problem.headers}
    return JSONResponse(problem.document(), problem.status, headers, media_type="application/problem+json")


def _route(path: str, endpoint: Endpoint, *methods: str) -> Route:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HttpProblem as problem:
            return _problem(problem)
        except DeskRefusal as refusal:
            return _problem(HttpProblem(refusal.status, refusal.detail))
        except Exception:
            logger.exception(f"{' or '.join(methods)} {path}: the request could not be answered")
            return _problem(HttpProblem(500, "an error of our own; the daemon's log has the details"))

    return Route(path, answer, methods=methods)


async def _no_such_route(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    details = {404: "there is nothing at this path", 405: "this path does not take that method"}
    return _problem(HttpProblem(status, details.get(status, "the request cannot be answered"), headers=headers))


class HostGuard:
    """Refuses a request that was meant for somebody else, before anything else looks at it."""

    def __init__(self, app: ASGIApp, listen_host: str) -> None:
        self._app = app
        self._listen_host = listen_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and host_allowed(hosts[0], self._listen_host):
            await self._app(scope, receive, send)
            return
        detail = (
            "the Host header is not a name of this server; ask by localhost or by the host in monitor.listen, "
            "and let a proxy in between set it so"
        )
        await _problem(HttpProblem(421, detail))(scope, receive, send)
