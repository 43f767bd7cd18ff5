"""What people type in a chat."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
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
from monitor.web.slack import SIGNATURE, Typed, check_signature, check_timestamp, typed

ANSWERED_WITHIN: Final = 2.5
"""Seconds. Slack tells whoever typed it that a command failed when no answer comes within three."""
_REMEMBERED: Final = 10_000
"""Requests of the last minutes. Only those whose signature is right are, so that nobody can push others out."""
_LONGEST: Final = 3_000


def routes(desk: Desk) -> list[Route]:
    return [route("/api/v1/chat/slack", _Chat(desk).slack, "POST")]


class _Chat:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._taken: OrderedDict[str, None] = OrderedDict()
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
        if not self._is_new(request.headers[SIGNATURE]):
            return _told("This very request was taken before.")
        return _told(await self._within(said))

    def _is_new(self, signature: str) -> bool:
        """A request that somebody recorded and sends again is signed as well as the first time."""
        if signature in self._taken:
            return False
        self._taken[signature] = None
        if len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)
        return True

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
