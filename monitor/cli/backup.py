"""`monitor backup`: everything that a new machine needs to go on, in one file."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.output import Trouble

INCOMPLETE = 1
"""Exit code of a backup that was made and lacks the history, because that is damaged."""


@click.command(
    epilog="""\b
Examples:
  monitor backup "/var/backups/watchkeeper-$(date -u +%F).tar.gz"
  monitor backup --force /var/backups/watchkeeper.tar.gz
  monitor -c /etc/watchkeeper/config.yaml backup --no-history ledger.tar.gz
\b
Exit codes: 0 made, 1 made without the history, which is damaged, 3 not made."""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--history/--no-history", default=True, show_default=True, help="Minutes, detectors: what may be lost.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.pass_context
def backup(context: click.Context, file: Path, history: bool, force: bool) -> None:
    """
    Write ledger, history and baselines to FILE, one gzipped tar.

    It is consistent while the daemon runs, needs no daemon, and leaves nothing behind in the state folder. What is
    written was checked for damage and read back before FILE gets its name. Tokens and the configuration are not in it.
    """
    from datetime import UTC, datetime

    from monitor.cli.main import config_of
    from monitor.ledger.backup import write_backup
    from monitor.ledger.database import LedgerError

    state = config_of(context).monitor.state
    try:
        contents = write_backup(state, file, datetime.now(UTC), with_history=history, replace=force)
    except LedgerError as error:
        raise Trouble(str(error)) from None
    click.echo(f"{file}: {size(file.stat().st_size)}, {contents}")
    if contents.left_out:
        click.echo(f"warning: {contents.left_out}", err=True)
        context.exit(INCOMPLETE)


def size(count: int) -> str:
    """`812 bytes`, `4.1 MB`."""
    if count < 1000:
        return f"{count} bytes"
    kilo = count / 1000
    return f"{kilo:.1f} kB" if kilo < 1000 else f"{kilo / 1000:.1f} MB"
