"""`monitor incident`: people's part. Reading goes without a daemon, writing needs it: the daemon alone decides."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from monitor.cli.acting import post, user
from monitor.cli.announcing import publish, update
from monitor.cli.client import DaemonRefused
from monitor.cli.completing import live_incidents
from monitor.cli.looking import look
from monitor.cli.mitigate import mitigate
from monitor.cli.naming import checked
from monitor.cli.output import Trouble, colour_wanted, printable, width_of
from monitor.cli.postmortem import action, postmortem
from monitor.cli.status import incident_table

Command = Callable[..., Any]


def _by(command: Command) -> Command:
    return click.option("--by", default=None, metavar="NAME", help="Who does it.  [default: the user's name]")(command)


def _format(command: Command) -> Command:
    kinds = click.Choice(["table", "json"])
    return click.option("--format", "style", type=kinds, default="table", show_default=True)(command)


@click.group(
    epilog="""\b
Examples:
  monitor incident list
  monitor incident show INC-0042
  monitor incident report --service orders --symptoms "customers cannot pay"
  monitor incident ack 42
  monitor incident role 42 scribe Lin
  monitor incident mitigate 42 rollback
  monitor incident resolve 42 --why "rolled back to 1.4.2"
\b
An incident goes by its number (42, INC-0042) or its ULID."""
)
def incident() -> None:
    """People's part in an incident: report, take, note, mitigate, tell, resolve, learn."""


incident.add_command(postmortem)
incident.add_command(action)
incident.add_command(mitigate)
incident.add_command(update)
incident.add_command(publish)


@incident.command("list", epilog="Example: monitor incident list --state all --format json")
@click.option(
    "--state",
    type=click.Choice(["live", "open", "recovering", "resolved", "all"]),
    default="live",
    show_default=True,
    help="live is open or recovering.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="The newest so many.")
@_format
@click.pass_context
def list_(context: click.Context, state: str, limit: int, style: str) -> None:
    """Incidents, newest first."""
    looked = _look(
        context,
        f"/api/v1/incidents?state={state}&limit={limit}",
        lambda ledger: {"incidents": ledger.incidents(state, limit)},
    )
    incidents = looked.document["incidents"]
    if style == "json":
        click.echo(json.dumps(looked.document, indent=2))
        return
    looked.tell()
    if not incidents:
        more = "; --state all lists earlier ones" if state == "live" else ""
        click.echo(f"no {state} incidents{more}" if state != "all" else "no incidents yet")
        return
    click.echo(incident_table(incidents, width_of(sys.stdout), colour_wanted(sys.stdout)))


@incident.command(epilog="Example: monitor incident show INC-0042")
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@_format
@click.pass_context
def show(context: click.Context, ref: str, style: str) -> None:
    """One incident with its timeline, services, tickets and alerts."""
    from monitor.cli.story import story

    plain = checked(ref)
    looked = _look(context, f"/api/v1/incidents/{plain}", lambda ledger: ledger.incident(plain))
    if looked.document is None:
        raise Trouble(f"no incident is called {printable(ref)}; monitor incident list --state all lists them")
    if style == "json":
        click.echo(json.dumps(looked.document, indent=2))
        return
    looked.tell()
    click.echo(story(looked.document, width_of(sys.stdout), colour_wanted(sys.stdout)))


@incident.command(epilog='Example: monitor incident report --service orders --symptoms "customers cannot pay"')
@click.option("--service", required=True, help="As the configuration names it.")
@click.option("--symptoms", required=True, help="What users see, in their words.")
@click.option("--reporter", default=None, help="Who saw it.  [default: the user's name]")
@click.option("--severity", type=click.Choice(["SEV1", "SEV2", "SEV3", "SEV4"]), default=None, help="If you know it.")
@click.option("--key", default="", help="The same key twice is one report.")
@click.pass_context
def report(
    context: click.Context, service: str, symptoms: str, reporter: str | None, severity: str | None, key: str
) -> None:
    """Open an incident for what users see, or add to the live one."""
    body = {"service": service, "symptoms": symptoms, "reporter": reporter or user()}
    if severity:
        body["severity"] = severity
    _say(post(context, "/api/v1/incidents", body, key), "reported")


@incident.command(epilog="Example: monitor incident ack 42 --by Grace")
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@_by
@click.pass_context
def ack(context: click.Context, ref: str, by: str | None) -> None:
    """Take it: repeats and escalation stop, updates go on."""
    _say(_act(context, ref, "ack", {"by": by or user()}), "acknowledged")


@incident.command(epilog='Example: monitor incident note 42 "the connection pool is full"')
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.argument("text")
@_by
@click.pass_context
def note(context: click.Context, ref: str, text: str, by: str | None) -> None:
    """Write a line into its timeline."""
    _say(_act(context, ref, "note", {"by": by or user(), "text": text}), "noted")


@incident.command(epilog="Example: monitor incident role 42 incident_commander Grace")
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.argument("role")
@click.argument("holder", metavar="NAME")
@_by
@click.pass_context
def role(context: click.Context, ref: str, role: str, holder: str, by: str | None) -> None:
    """Give a role to somebody: incident_commander, scribe, or one of the contacts'."""
    _say(_act(context, ref, "role", {"by": by or user(), "role": role, "holder": holder}), f"{holder} is {role}")


@incident.command(epilog='Example: monitor incident resolve 42 --why "rolled back to 1.4.2"')
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.option("--why", required=True, help="What ended it; goes into the timeline and the ticket.")
@_by
@click.pass_context
def resolve(context: click.Context, ref: str, why: str, by: str | None) -> None:
    """Say that it is over, without waiting for the proof."""
    _say(_act(context, ref, "resolve", {"by": by or user(), "why": why}), "resolved")


@incident.command("mitigated", epilog="Example: monitor incident mitigated 42")
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@_by
@click.pass_context
def mitigated(context: click.Context, ref: str, by: str | None) -> None:
    """Say that it is mitigated, so that a reported incident may recover."""
    _say(_act(context, ref, "mitigated", {"by": by or user()}), "marked as mitigated")


@incident.command(epilog="Example: monitor incident confirm orders")
@click.argument("service")
@_by
@click.pass_context
def confirm(context: click.Context, service: str, by: str | None) -> None:
    """Agree to open what is pending, with `incidents.open: suggest`."""
    from urllib.parse import quote

    path = f"/api/v1/services/{quote(service, safe='')}/confirm"
    _say(post(context, path, {"by": by or user()}), "confirmed")


def _look(context: click.Context, path: str, instead: Callable[[Any], Any]) -> Any:
    try:
        return look(context, path, instead)
    except DaemonRefused as refusal:
        raise Trouble(str(refusal)) from None


def _act(context: click.Context, ref: str, what: str, body: dict[str, object]) -> dict[str, Any]:
    return post(context, f"/api/v1/incidents/{checked(ref)}/{what}", body)


def _say(document: dict[str, Any], done: str) -> None:
    severity = f", {document['severity']}" if document.get("severity") else ""
    click.echo(printable(f"{done}: {document['reference']} {document['service']} ({document['state']}{severity})"))
