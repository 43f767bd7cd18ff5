"""
`monitor healthy`: whether the daemon turns its rounds, as an exit code. For a container's HEALTHCHECK.

Asked every half minute for years: it reads no configuration where it can help it, because that costs more CPU than the
daemon's own work does in the meantime. A daemon writes into its state folder where it listens.
"""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.client import Client, DaemonAway, DaemonRefused, client_of, split
from monitor.ledger.lock import address_in

UNHEALTHY = 1
"""Docker knows no other code for it."""

PATIENCE = 4.0
"""Seconds. Below the five after which the image's HEALTHCHECK is cut off: only we can say what was wrong."""


@click.command(
    epilog="""\b
Examples:
  monitor healthy
  monitor healthy --ready --state /var/lib/watchkeeper
\b
Exit codes: 0 healthy, 1 not, 3 bad usage or bad config."""
)
@click.option(
    "--state",
    "folder",
    type=click.Path(path_type=Path),
    envvar="STATE_DIRECTORY",
    metavar="FOLDER",
    help="The daemon's state folder; without it, or with no daemon there, the configuration is read.  "
    "[env: STATE_DIRECTORY]",
)
@click.option("--ready", is_flag=True, help="Also: every check was heard and the ledger can be written.")
@click.pass_context
def healthy(context: click.Context, folder: Path | None, ready: bool) -> None:
    """Ask the running daemon whether it is well, and tell by the exit code."""
    address = split(address_in(folder)) if folder else None
    client = Client(*address, timeout=PATIENCE) if address else _configured(context)
    try:
        document = client.get("/healthz/ready" if ready else "/healthz")
    except (DaemonAway, DaemonRefused) as trouble:
        click.echo(str(trouble))
        context.exit(UNHEALTHY)
    click.echo(f"{'ready' if ready else document.get('status')}, at {client.address}")


def _configured(context: click.Context) -> Client:
    from monitor.cli.main import whereabouts_of

    return client_of(whereabouts_of(context), PATIENCE)
