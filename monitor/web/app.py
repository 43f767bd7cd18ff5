"""
The HTTP API: health, status, incidents, and people's part in them.

A request can produce an answer and nothing else: whatever it holds, the daemon behind the desk sees only checked
values, and what goes wrong on the way is a problem+json answer and, when the fault is ours, a line in the log.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.web.api import aftermath, announcements, chat, incidents, intake, mitigations, services, silences, standing
from monitor.web.api.answers import problem_answer
from monitor.web.desk import Desk
from monitor.web.hosts import host_allowed
from monitor.web.problems import HttpProblem

ROOMS = (announcements, standing, incidents, mitigations, aftermath, services, intake, silences, chat)


def create_app(desk: Desk, token: str, listen_host: str = "127.0.0.1") -> Starlette:
    """
    Args:
        token: What whoever writes must show.
        listen_host: Where the server listens: decides which Host headers are ours.
    """
    app = Starlette(
        routes=[route for room in ROOMS for route in room.routes(desk)],
        middleware=[Middleware(HostGuard, listen_host=listen_host)],
        exception_handlers={HTTPException: _no_such_route},
    )
    # Read with each request: the file that holds it may be changed while we serve.
    app.state.token = token
    app.state.hooks = {}
    app.state.slack_secret = ""
    # A redirect would repeat the request's own Host back to it, and hide a mistyped path.
    app.router.redirect_slashes = False
    return app


async def _no_such_route(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    details = {404: "there is nothing at this path", 405: "this path does not take that method"}
    return problem_answer(HttpProblem(status, details.get(status, "the request cannot be answered"), headers=headers))


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
        await problem_answer(HttpProblem(421, detail))(scope, receive, send)
