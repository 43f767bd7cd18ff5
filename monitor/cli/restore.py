"""`monitor restore`: a backup becomes the state that the next `monitor run` goes on from."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from monitor.cli.output import Trouble


@click.command(
    epilog="""\b
Examples:
  systemctl stop monitor
  monitor restore /var/backups/watchkeeper.tar.gz
  systemctl start monitor
  monitor restore state/ledger.sqlite.before-schema-2"""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def restore(context: click.Context, file: Path) -> None:
    """
    Put the backup in FILE in the place of the state. The daemon must be stopped.

    FILE is what monitor backup made, or a ledger alone. It is checked first. What is in the state folder now is moved
    aside, not removed; a history or baselines that FILE does not hold stay. Effects that were waiting when the backup
    was made may have been sent since: each tracker that can tell is asked before one of them is sent again.
    """
    from datetime import UTC, datetime

    from monitor.cli.backup import size
    from monitor.cli.main import config_of
    from monitor.ledger.database import LedgerError
    from monitor.ledger.restore import restore as put_back

    state = config_of(context).monitor.state
    try:
        restored = put_back(state, file, datetime.now(UTC))
    except LedgerError as error:
        raise Trouble(str(error)) from None
    click.echo(f"restored into {state}, as it was at {restored.contents.made_at}: {restored.contents}")
    if restored.aside is not None:
        held = size(_held(restored.aside))
        click.echo(f"what was there before ({held}) stays until you remove it: rm -r {quote(str(restored.aside))}")
    if restored.earlier:
        held = size(sum(map(_held, restored.earlier)))
        paths = " ".join(quote(str(path)) for path in restored.earlier)
        click.echo(f"what earlier restores have set aside ({held}) is still there: rm -r {paths}")
    click.echo("go on from here with: monitor run")


def _held(folder: Path) -> int:
    """Bytes of all its files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
