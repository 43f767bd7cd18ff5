"""`monitor run`: the daemon."""

from __future__ import annotations

import click


@click.command(epilog="Example: monitor -c /etc/watchkeeper/config.yaml run")
@click.option("--log-level", default="INFO", show_default=True, help="DEBUG, INFO, WARNING or ERROR.")
@click.pass_context
def run(context: click.Context, log_level: str) -> None:
    """Watch the services of the configuration until it is told to stop (SIGTERM, Ctrl-C)."""
    import asyncio

    from monitor import logs
    from monitor.cli.main import config_of
    from monitor.ledger.lock import AlreadyRunning, StateLock

    config = config_of(context)
    logs.begin(log_level, config.secrets())
    config.monitor.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        lock = StateLock.acquire(config.monitor.state)
    except AlreadyRunning as running:
        raise click.ClickException(str(running)) from None
    from monitor.daemon.daemon import Daemon

    try:
        asyncio.run(_run(Daemon, config))
    finally:
        lock.release()


async def _run(daemon: type, config: object) -> None:
    await daemon(config).run()
