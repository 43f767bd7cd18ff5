"""How things stand: health, status, objectives, metrics, and a probe on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from loguru import logger
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from monitor.telemetry.exposition import dialect_of
from monitor.web import probe
from monitor.web.api.answers import NOT_KEPT, json_answer, route
from monitor.web.desk import Desk


def routes(desk: Desk) -> list[Route]:
    api = _Standing(desk)
    return [
        route("/healthz", api.alive, "GET"),
        route("/healthz/ready", api.ready, "GET"),
        route("/metrics", api.metrics, "GET"),
        route("/probe", api.probe, "GET"),
        route("/api/v1/status", api.status, "GET"),
        route("/api/v1/slos", api.slos, "GET"),
    ]


class _Standing:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def alive(self, _request: Request) -> Response:
        alive = self._desk.alive()
        return json_answer({"status": "ok" if alive else "stalled"}, 200 if alive else 503)

    async def ready(self, _request: Request) -> Response:
        ready, missing = self._desk.ready()
        return json_answer({"ready": ready, "missing": missing}, 200 if ready else 503)

    async def status(self, _request: Request) -> Response:
        return json_answer(self._desk.status())

    async def slos(self, _request: Request) -> Response:
        return json_answer({"slos": self._desk.slos()})

    async def metrics(self, request: Request) -> Response:
        dialect = dialect_of(",".join(request.headers.getlist("accept")))
        pieces = self._desk.metrics(dialect)
        return StreamingResponse(_by_turns(pieces), headers={"Content-Type": dialect, **NOT_KEPT, "Vary": "Accept"})

    async def probe(self, request: Request) -> Response:
        return await probe.answer(request, self._desk)


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
