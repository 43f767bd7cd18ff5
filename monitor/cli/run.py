"""`monitor run`: the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.ledger.lock import StateLock


@click.command(epilog="Example: monitor -c /etc/watchkeeper/config.yaml run")
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    envvar="WATCHKEEPER_LOG_LEVEL",
    default="INFO",
    show_default=True,
    help="The least that is logged.  [env: WATCHKEEPER_LOG_LEVEL]",
)
@click.option(
    "--log-format",
    type=click.Choice(["auto", "text", "json"]),
    envvar="WATCHKEEPER_LOG_FORMAT",
    default="auto",
    show_default=True,
    help="auto: text, with colours on a terminal; text: never with colours; json: an object a line.  "
    "[env: WATCHKEEPER_LOG_FORMAT]",
)
@click.pass_context
def run(context: click.Context, log_level: str, log_format: str) -> None:
    """Watch the services of the configuration until it is told to stop (SIGTERM, Ctrl-C)."""
    import asyncio
    import os
    import time

    from loguru import logger

    from monitor import logs
    from monitor.cli.main import config_of
    from monitor.ledger.lock import StateLock

    config = config_of(context)
    logs.begin(log_level, config.secrets(), log_format)
    from monitor.ledger.database import LedgerError

    try:
        lock = StateLock.acquire(config.monitor.state)
    except LedgerError as problem:
        raise click.ClickException(str(problem)) from None
    from monitor.web.serve import ListenError
    from monitor.web.token import TokenError

    # `schedule` compares naive local times; in UTC there is no hour that comes twice.
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        asyncio.run(_run(config, lock))
        logger.info("stopped")
    except (ListenError, TokenError, LedgerError) as problem:
        raise click.ClickException(str(problem)) from None
    finally:
        logs.flush()
        lock.release()


async def _run(config: Config, lock: StateLock) -> None:
    from monitor.daemon.daemon import Daemon

    await Daemon(config, lock.tell).run()
