"""`monitor baseline`: what is normal for a service, and a person's word that it is something else from now on."""

from __future__ import annotations

from urllib.parse import quote

import click

from monitor.cli.acting import instant, post, user
from monitor.cli.output import printable


@click.group(
    epilog="""\b
Examples:
  monitor baseline accept orders-service --since 2026-03-01T12:00Z --reason "1.4 signs every answer"
"""
)
def baseline() -> None:
    """What is normal for each hour of the week."""


@baseline.command(
    epilog="""\b
Example: monitor baseline accept orders-service --since "2026-03-01 12:00" --reason "1.4 signs every answer"
\b
What came before judges no more and is not kept. Until enough came after, the whole day or the whole week answers."""
)
@click.argument("service")
@click.option("--since", required=True, metavar="INSTANT", help="When the new level began.")
@click.option("--reason", required=True, help="Why it is as it should be; goes into the ledger.")
@click.option("--by", default=None, metavar="NAME", help="Who says so.  [default: the user's name]")
@click.pass_context
def accept(context: click.Context, service: str, since: str, reason: str, by: str | None) -> None:
    """Say that a lasting new level is the normal one."""
    from monitor.cli.main import config_of

    began = instant(since, "--since", config_of(context)).isoformat()
    body = {"since": began, "reason": reason, "by": by or user()}
    told = post(context, f"/api/v1/services/{quote(service, safe='')}/baseline/accept", body)
    click.echo(printable(f"accepted: what is normal for {told['service']} begins at {told['since']}"))
