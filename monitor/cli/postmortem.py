"""`monitor incident postmortem` and `action`: what people make of an incident when it is over."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.acting import post, user
from monitor.cli.client import DaemonAway, DaemonRefused, client_of
from monitor.cli.completing import live_incidents
from monitor.cli.naming import checked
from monitor.cli.output import Trouble, printable

_PATIENCE = 60.0
"""Seconds: the daemon asks Prometheus first, and one that is away is waited for."""

_UPDATES = ("runbook", "alert", "test")
"""As the daemon knows them; what they stand for is not loaded for a command."""
_DAY = click.DateTime(["%Y-%m-%d"])
_by = click.option("--by", default=None, metavar="NAME", help="Who says so.  [default: the user's name]")


@click.command(
    epilog="""\b
Examples:
  monitor incident postmortem 42 > postmortem.md
  monitor incident postmortem INC-0042 --to postmortem.md
  monitor incident postmortem 42 --held
\b
A draft lies in the folder of postmortems as soon as an incident is resolved; this one is made of what is known now."""
)
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.option("--to", "path", type=click.Path(dir_okay=False, path_type=Path), help="A new file to write it to.")
@click.option("--held", is_flag=True, help="Say that it was held, so that nobody is reminded.")
@_by
@click.pass_context
def postmortem(context: click.Context, ref: str, path: Path | None, held: bool, by: str | None) -> None:
    """Its draft as of now, in Markdown; or say that it was held."""
    if held:
        if path is not None:
            raise click.UsageError("--held says that it was held and writes nothing; leave out --to")
        told = post(context, f"/api/v1/incidents/{checked(ref)}/postmortem/held", {"by": by or user()})
        click.echo(printable(f"held: the postmortem of {told['reference']} {told['service']}"))
        return
    text = _draft(context, ref)
    if path is None:
        click.echo("\n".join(map(printable, text.splitlines())))
        return
    try:
        # Never over a file that is there: people have written theirs into it.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Trouble(f"{printable(str(path))} is there already; name a new file") from None
    except OSError as error:
        raise Trouble(f"{printable(str(path))}: cannot be written: {error.strerror}") from None


def _draft(context: click.Context, ref: str) -> str:
    from monitor.cli.main import whereabouts_of

    try:
        client = client_of(whereabouts_of(context), timeout=_PATIENCE)
        document = client.get(f"/api/v1/incidents/{checked(ref)}/postmortem")
    except (DaemonAway, DaemonRefused) as error:
        raise Trouble(str(error)) from None
    return str(document["markdown"])


@click.group(
    epilog="""\b
Examples:
  monitor incident action add 42 "an alert on the age of the queue" --owner Grace --due 2026-12-01
  monitor incident action add 42 "what to do when the queue is full" --updates runbook --owner Ada --due 2026-12-01
  monitor incident action done 42 1
\b
monitor incident show lists them; one that is late is told, once."""
)
def action() -> None:
    """What is done so that it does not happen again."""


@action.command(epilog='Example: monitor incident action add 42 "test the fallback" --owner Ada --due 2026-12-01')
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.argument("what")
@click.option("--owner", required=True, help="Who does it.")
@click.option(
    "--due", type=_DAY, required=True, metavar="DAY", help="The last day on which it is in time, like 2026-12-01."
)
@click.option("--updates", type=click.Choice(_UPDATES), default=None, help="What it brings up to date.")
@_by
@click.pass_context
def add(
    context: click.Context, ref: str, what: str, owner: str, due: datetime, updates: str | None, by: str | None
) -> None:
    """Somebody does something until a day."""
    day: date = due.date()
    body = {"what": what, "owner": owner, "due": day.isoformat(), "by": by or user()}
    if updates is not None:
        body["updates"] = updates
    _say(post(context, f"/api/v1/incidents/{checked(ref)}/actions", body), "added")


@action.command(epilog="Example: monitor incident action done 42 1")
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.argument("number", type=click.IntRange(1, 99_999))
@_by
@click.pass_context
def done(context: click.Context, ref: str, number: int, by: str | None) -> None:
    """It is done."""
    _say(post(context, f"/api/v1/incidents/{checked(ref)}/actions/{number}/done", {"by": by or user()}), "done")


def _say(told: dict[str, Any], what: str) -> None:
    updates = f"{told['updates']} update: " if told.get("updates") else ""
    text = (
        f"{what}: {told['incident']} action {told['number']}: {updates}{told['what']} "
        f"({told['owner']}, by {told['due']})"
    )
    click.echo(printable(text))
