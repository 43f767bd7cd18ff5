"""How every route answers: JSON that nobody keeps, and problem+json for what went wrong, whoever is at fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from loguru import logger
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.core.reference import plain_reference
from monitor.web.desk import DeskRefusal
from monitor.web.problems import HttpProblem

Endpoint = Callable[[Request], Awaitable[Response]]

NOT_KEPT = {"Cache-Control": "no-store"}


def route(path: str, endpoint: Endpoint, *methods: str) -> Route:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HttpProblem as problem:
            return problem_answer(problem)
        except DeskRefusal as refusal:
            return problem_answer(HttpProblem(refusal.status, refusal.detail))
        except Exception:
            logger.exception(f"{' or '.join(methods)} {path}: the request could not be answered")
            return problem_answer(HttpProblem(500, "an error of our own; the daemon's log has the details"))

    return Route(path, answer, methods=methods)


def json_answer(
    document: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    # The loop waits for it: a status of ten thousand checks is megabytes, which msgspec writes in a fifth of the time.
    return Response(msgspec.json.encode(document), status, {**NOT_KEPT, **(headers or {})}, "application/json")


def problem_answer(problem: HttpProblem) -> Response:
    headers = {**NOT_KEPT, **problem.headers}
    return JSONResponse(problem.document(), problem.status, headers, media_type="application/problem+json")


def incident_reference(request: Request) -> str:
    ref = plain_reference(request.path_params["ref"])
    if len(ref) > 40 or not (ref.isascii() and ref.isalnum()):
        raise HttpProblem(404, "no incident is called that; use its number, INC-0007, or its ULID")
    return ref


def number_in_path(request: Request, most_digits: int, otherwise: str) -> int:
    number: str = request.path_params["number"]
    if not (number.isascii() and number.isdigit() and len(number) <= most_digits):
        raise HttpProblem(404, otherwise)
    return int(number)
