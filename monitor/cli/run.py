"""`monitor run`: the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.daemon.signals import Signals
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

    from monitor.daemon.signals import Signals

    signals = Signals()
    signals.install()
    from monitor import logs
    from monitor.cli.main import config_of
    from monitor.ledger.lock import AlreadyRunning, StateLock

    config = config_of(context)
    logs.begin(log_level, config.secrets(), log_format)
    state = config.monitor.state
    try:
        lock = StateLock.acquire(state)
    except AlreadyRunning as running:
        raise click.ClickException(str(running)) from None
    except OSError as problem:
        raise click.ClickException(
            f"monitor.state: {state} cannot be written by user {os.geteuid()}: {problem.strerror}; "
            f"give it to that user (chown {os.geteuid()} {state}), or name another folder"
        ) from None
    from monitor.ledger.database import LedgerError
    from monitor.web.serve import ListenError
    from monitor.web.token import TokenError

    # `schedule` compares naive local times; in UTC there is no hour that comes twice.
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        asyncio.run(_run(config, context, signals, lock))
    except (ListenError, TokenError, LedgerError) as problem:
        raise click.ClickException(str(problem)) from None
    finally:
        logs.flush()
        lock.release()


async def _run(config: Config, context: click.Context, signals: Signals, lock: StateLock) -> None:
    import os

    from monitor.cli.main import config_paths
    from monitor.config import default_paths
    from monitor.daemon.daemon import Daemon
    from monitor.daemon.reload import Source

    source = Source(config_paths(context) or default_paths(), os.environ)
    await Daemon(config, lock.tell, source).run(signals)
