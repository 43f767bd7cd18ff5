"""`monitor deploy`: says that a service was deployed, so that incidents show it and baselines leave it out."""

from __future__ import annotations

import click

from monitor.cli.acting import instant, post, user
from monitor.cli.output import printable


@click.command(
    epilog="""\b
Examples:
  monitor deploy orders-service 1.4.2
  monitor deploy orders-service "$CI_COMMIT_SHORT_SHA" --by "pipeline $CI_PIPELINE_ID"
  monitor deploy orders-service 1.4.1 --at 2026-03-01T12:00Z
\b
The same version twice within two hours is one deploy."""
)
@click.argument("service")
@click.argument("version")
@click.option("--at", default=None, metavar="INSTANT", help="When it was made.  [default: now]")
@click.option("--by", default=None, metavar="NAME", help="Who made it.  [default: the user's name]")
@click.pass_context
def deploy(context: click.Context, service: str, version: str, at: str | None, by: str | None) -> None:
    """Mark a deploy: incidents show it, and the two hours after it are no word on what is normal."""
    from monitor.cli.main import config_of

    body = {"service": service, "version": version, "by": by or user()}
    if at is not None:
        body["at"] = instant(at, "--at", config_of(context)).isoformat()
    told = post(context, "/api/v1/deploys", body)
    done = "already marked" if told["known"] else "marked"
    shown = f", shown in {told['incident']}" if told["incident"] else ""
    click.echo(printable(f"{done}: {told['service']} {told['version']} at {told['at']}{shown}"))
