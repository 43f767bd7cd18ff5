"""`monitor silence`: nobody is told for a while. Incidents open and tickets are kept as ever."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from monitor.cli.acting import instant, post, user
from monitor.cli.client import DaemonRefused
from monitor.cli.looking import look
from monitor.cli.output import Cell, Trouble, colour_wanted, printable, table, width_of


@click.group(
    epilog="""\b
Examples:
  monitor silence add orders-service --for 2h --comment "known: the new pool"
  monitor silence add orders-service/ready --until 2026-12-01T06:00Z --comment "INC-0042"
  monitor silence add tag:checkout --for 30m --comment "failover test"
  monitor silence list
  monitor silence expire 3"""
)
def silence() -> None:
    """Tell nobody for a while: evaluation and tickets go on, pages and messages do not."""


@silence.command(epilog='Example: monitor silence add orders-service --for 2h --comment "known: the new pool"')
@click.argument("subject", metavar="SERVICE|SERVICE/CHECK|tag:TAG")
@click.option("--for", "length", default=None, metavar="DURATION", help="How long, for example 30m or 2h.")
@click.option("--until", default=None, metavar="INSTANT", help="Or until when.")
@click.option("--comment", required=True, help="Why; whoever looks at the incident reads it.")
@click.option("--author", default=None, metavar="NAME", help="Who says so.  [default: the user's name]")
@click.pass_context
def add(
    context: click.Context, subject: str, length: str | None, until: str | None, comment: str, author: str | None
) -> None:
    """Silence a service, one of its checks, or the services with a tag."""
    from monitor.cli.main import config_of

    if (length is None) == (until is None):
        raise click.UsageError("say how long: --for 2h, or --until 2026-12-01T06:00Z")
    body = {"subject": subject, "comment": comment, "by": author or user()}
    if length is not None:
        body["for"] = length
    if until is not None:
        body["until"] = instant(until, "--until", config_of(context)).isoformat()
    made = post(context, "/api/v1/silences", body)
    click.echo(printable(f"silenced: {made['subject']} until {made['until']} (silence {made['id']})"))


@silence.command("list", epilog="Example: monitor silence list --expired --format json")
@click.option("--expired", is_flag=True, help="Those that are over as well, newest first.")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def list_(context: click.Context, expired: bool, style: str) -> None:
    """Which silences there are, by whom, why and until when."""
    path = "/api/v1/silences" + ("?expired=true" if expired else "")
    try:
        looked = look(context, path, lambda ledger: {"silences": ledger.silences(expired)})
    except DaemonRefused as refusal:
        raise Trouble(str(refusal)) from None
    if style == "json":
        click.echo(json.dumps(looked.document, indent=2))
        return
    looked.tell()
    found = looked.document["silences"]
    if not found:
        click.echo("no silences yet" if expired else "no active silences; --expired lists earlier ones")
        return
    click.echo(_table(found, width_of(sys.stdout), colour_wanted(sys.stdout)))


@silence.command(epilog="Example: monitor silence expire 3")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--by", default=None, metavar="NAME", help="Who does it.  [default: the user's name]")
@click.pass_context
def expire(context: click.Context, number: int, by: str | None) -> None:
    """End a silence now: people are told at once of what is still open."""
    ended = post(context, f"/api/v1/silences/{number}/expire", {"by": by or user()})
    click.echo(printable(f"expired: silence {ended['id']} of {ended['subject']}"))


def _table(silences: list[dict[str, Any]], width: int, colour: bool) -> str:
    rows: list[list[Cell]] = []
    for one in silences:
        end = "" if one["active"] else f"{one['expired_at'] or one['until']} by {one['expired_by'] or 'watchkeeper'}"
        rows.append(
            [str(one["id"]), printable(one["subject"]), printable(one["author"]), printable(one["until"]),
             printable(end or "active"), printable(one["comment"])]
        )  # fmt: skip
    return table(("ID", "SUBJECT", "BY", "UNTIL", "ENDED", "COMMENT"), rows, width, colour)
