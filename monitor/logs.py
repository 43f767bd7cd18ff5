"""Log lines: short and coloured on a terminal, plain to a pipe, and never with a secret in them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from loguru import Record

FORMAT = "<dim>{time:HH:mm:ss}</dim> <level>{level: <7}</level> {message}"


def begin(level: str = "INFO", secrets: Iterable[str] = ()) -> None:
    """Everything logged from here on goes to stderr, with the values of *secrets* masked."""
    # The longest first: a secret that contains another must not leave its own ends behind.
    hidden = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def mask(record: Record) -> None:
        for secret in hidden:
            record["message"] = record["message"].replace(secret, "***")

    logger.remove()
    logger.configure(patcher=mask)
    # backtrace and diagnose would print the values of variables, secrets among them.
    logger.add(sys.stderr, level=level, format=FORMAT, backtrace=False, diagnose=False)
