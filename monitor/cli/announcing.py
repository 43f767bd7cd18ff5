"""`monitor incident update` and `publish`: what the team and the public are told, and a person's part in it."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from monitor.cli.acting import post, user
from monitor.cli.client import DaemonAway, DaemonRefused, client_of
from monitor.cli.completing import live_incidents
from monitor.cli.naming import checked
from monitor.cli.output import Trouble, printable


def _waiting(context: click.Context, ref: str) -> dict[str, Any]:
    from monitor.cli.main import whereabouts_of

    try:
        return client_of(whereabouts_of(context)).get(f"/api/v1/incidents/{checked(ref)}/announcements")
    except (DaemonAway, DaemonRefused) as error:
        raise Trouble(str(error)) from None


@click.command(
    epilog="""\b
Examples:
  monitor incident update 42
  monitor incident update 42 --send
  monitor incident update 42 "rolled back to 1.4.2, watching the queue"
  monitor incident update 42 "waiting for the provider" --later
\b
Without TEXT the draft is shown, which incidents.auto_send_after keeps until it is sent by itself."""
)
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.argument("text", required=False)
@click.option("--send", is_flag=True, help="Send the draft as it is.")
@click.option("--later", is_flag=True, help="Put TEXT in the place of the draft; it is sent when its time has come.")
@click.option("--by", default=None, metavar="PERSON", help="Who says so.  [default: the user's name]")
@click.pass_context
def update(context: click.Context, ref: str, text: str | None, send: bool, later: bool, by: str | None) -> None:
    """Tell the team how it stands: the draft, or your own words."""
    if (send and text) or (later and not text):
        raise click.UsageError("--send sends the draft and takes no TEXT; --later needs one")
    if not send and not text:
        draft = _waiting(context, ref)["update"]
        click.echo(lines(draft["text"]) if draft else "no update is drafted")
        return
    where = f"/api/v1/incidents/{checked(ref)}/update" + ("/draft" if later else "")
    told = post(context, where, {"by": by or user(), "text": text or ""})
    click.echo(printable(f"{'drafted' if later else 'sent'}: update of {told['reference']} {told['service']}"))


@click.command(
    epilog="""\b
Examples:
  monitor incident publish 42
  monitor incident publish 42 --yes
  monitor incident publish 42 --yes --text "Payments work again." --stage monitoring --notify
\b
Without --yes the text that waits for approval is shown, and you are asked."""
)
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.option("--yes", is_flag=True, help="Approve it without being asked.")
@click.option("--text", default="", help="Another text than the draft's.")
@click.option(
    "--stage",
    default="",
    type=click.Choice(["", "investigating", "identified", "monitoring", "resolved"]),
    help="Another stage than the draft's.",
)
@click.option(
    "--notify/--no-notify", default=None, help="Whether subscribers are sent a message.  [default: as configured]"
)
@click.option("--by", default=None, metavar="PERSON", help="Who approves it.  [default: the user's name]")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def publish(
    context: click.Context, ref: str, yes: bool, text: str, stage: str, notify: bool | None, by: str | None, style: str
) -> None:
    """Approve what the public is told."""
    if not yes:
        there = _waiting(context, ref)
        if style == "json":
            click.echo(json.dumps(there, indent=2))
            return
        if not _shown(there, text, stage):
            return
        click.confirm("Publish it now?", abort=True)
    body = {"by": by or user(), "text": text, "stage": stage}
    if notify is not None:
        body["notify"] = "true" if notify else "false"
    told = post(context, f"/api/v1/incidents/{checked(ref)}/publish", {k: v for k, v in body.items() if v})
    if style == "json":
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(printable(f"published: {told['stage']} of {ref}, text {told['number']}, approved by {body['by']}"))


def _shown(there: dict[str, Any], text: str, stage: str) -> bool:
    """Whether there is a text that somebody who sits here can be asked about."""
    draft = there["public"] or {"title": "", "text": "", "stage": ""}
    if not text and not draft["text"]:
        last = there["published"]
        known = f"; published last: {last['stage']}, at {last['at']}" if last else ""
        click.echo(printable(f"no text for the public waits for a yes{known}"))
        return False
    click.echo(printable(f"{stage or draft['stage']}: {draft['title']}"))
    click.echo(lines(text or draft["text"]))
    return sys.stdin.isatty()


def lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))
