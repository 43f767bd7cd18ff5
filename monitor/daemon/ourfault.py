"""What is our own fault and nobody else's, said in one line when it begins and in one when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from loguru import logger

from checks.result import CheckResult, Outcome, Reason
from monitor.probing.shortage import remedy
from monitor.web.serve import SHORT

_SAID_EVERY: Final = timedelta(minutes=1)


class Unasked:
    """Checks that could not be asked because of us: unknown to everybody, so that without a line nobody would know."""

    def __init__(self) -> None:
        self._checks: set[str] = set()

    def take(self, results: Iterable[CheckResult]) -> None:
        before = len(self._checks)
        detail = ""
        for result in results:
            if result.outcome is Outcome.UNKNOWN and result.reason is Reason.INTERNAL:
                self._checks.add(result.id)
                detail = detail or f"{result.id}: {result.detail}"
            elif self._checks:
                self._checks.discard(result.id)
        if not before and self._checks:
            logger.error("checks cannot be asked, which is our own trouble and blames no service: {}", detail)
        elif before and not self._checks:
            logger.info("every check can be asked again")


class LoopTrouble:
    """
    What the event loop cannot tell anybody: above all that no connection can be accepted any more. It tries again each
    second by itself, and would say so each time.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._said: dict[str, datetime] = {}

    def __call__(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error, what = context.get("exception"), str(context.get("message", ""))
        if isinstance(error, OSError) and error.errno in SHORT:
            text = f"the web cannot take connections: {remedy(error.errno)}"
        else:
            text = f"an error of our own in the loop, going on: {what}: {type(error).__name__}"
        now = self._now()
        if now - self._said.get(text, now - _SAID_EVERY) >= _SAID_EVERY:
            self._said[text] = now
            logger.opt(exception=error if not isinstance(error, OSError) else None).error("{}", text)
