"""What people type in a chat."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from loguru import logger
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.web import slack_commands
from monitor.web.api.answers import json_answer, route
from monitor.web.desk import Desk
from monitor.web.problems import HttpProblem
from monitor.web.requests import read_form
from monitor.web.slack import SIGNATURE, Taken, Typed, check_signature, check_timestamp, typed

ANSWERED_WITHIN: Final = 2.5
"""Seconds. Slack tells whoever typed it that a command failed when no answer comes within three."""
_LONGEST: Final = 3_000


def routes(desk: Desk) -> list[Route]:
    return [route("/api/v1/chat/slack", _Chat(desk, Taken(datetime.now(UTC))).slack, "POST")]


class _Chat:
    def __init__(self, desk: Desk, taken: Taken) -> None:
        self._desk = desk
        self._taken = taken
        self._under_way: set[asyncio.Task[str]] = set()

    async def slack(self, request: Request) -> Response:
        secret: str = request.app.state.slack_secret
        if not secret:
            detail = "no commands are taken here: chat.slack.signing_secret is not in the configuration"
            raise HttpProblem(404, detail)
        stamp = check_timestamp(request.headers, datetime.now(UTC))
        body = await read_form(request)
        check_signature(request.headers, stamp, body, secret)
        said = typed(body)
        if not self._taken.is_new(request.headers[SIGNATURE], stamp):
            return _told("This very request was taken before, or sent before the monitor was started. Type it again.")
        return _told(await self._within(said))

    async def _within(self, said: Typed) -> str:
        task = asyncio.create_task(slack_commands.answer(self._desk, said))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=ANSWERED_WITHIN)
        return task.result() if done else "It takes longer than usual and goes on: look at the incident's thread."

    def _ended(self, task: asyncio.Task[str]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).debug("a command of Slack ended with an error of our own")


def _told(text: str) -> Response:
    """To whoever typed it, and to nobody else. Plain text: nothing in it calls anybody or is a link."""
    block = {"type": "section", "text": {"type": "plain_text", "text": text[:_LONGEST], "emoji": False}}
    return json_answer({"response_type": "ephemeral", "blocks": [block]})
