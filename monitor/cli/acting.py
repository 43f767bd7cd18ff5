"""What commands that change something share: they ask the daemon, which alone decides, and say who asks and of when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.client import DaemonAway, DaemonRefused, writing_client_of
from monitor.cli.output import Trouble

if TYPE_CHECKING:
    from monitor.config import Config


def post(context: click.Context, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
    """The daemon's answer; raises Trouble with its refusal, or with what keeps it from answering."""
    from monitor.cli.main import whereabouts_of
    from monitor.web.token import TokenError

    try:
        return writing_client_of(whereabouts_of(context)).post(path, body, key)
    except (DaemonAway, DaemonRefused, TokenError) as error:
        raise Trouble(str(error)) from None


def user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this uid, as in many containers
        raise click.UsageError("this user has no name here; say who you are with --by NAME") from None


def instant(text: str, option: str, config: Config) -> datetime:
    """`2026-03-01T12:00Z`, or without a zone by the clock of `monitor.time_zone`; raises UsageError."""
    from zoneinfo import ZoneInfo

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{option} {text!r} is no instant; write it like 2026-03-01T12:00Z, "
            f"or like '2026-03-01 12:00' for a clock in {config.monitor.time_zone}"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(config.monitor.time_zone))).astimezone(UTC)
