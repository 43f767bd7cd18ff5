"""`monitor incident mitigate`: what can be done about an incident, and the yes of a person to one of it."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from monitor.cli.acting import post, user
from monitor.cli.client import DaemonAway, DaemonRefused, client_of
from monitor.cli.completing import live_incidents
from monitor.cli.naming import checked
from monitor.cli.output import Trouble, printable


def _offered(context: click.Context, ref: str) -> list[dict[str, Any]]:
    """From the daemon alone: without it nobody knows what the evidence is now."""
    from monitor.cli.main import whereabouts_of

    try:
        document = client_of(whereabouts_of(context)).get(f"/api/v1/incidents/{checked(ref)}/mitigations")
    except (DaemonAway, DaemonRefused) as error:
        raise Trouble(str(error)) from None
    found: list[dict[str, Any]] = document["mitigations"]
    return found


def _names(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    ref = context.params.get("ref")
    try:
        there = _offered(context, ref) if ref else []
    except Trouble:
        return []  # a shell has no place for a reason
    return [CompletionItem(m["name"], help=m["reason"]) for m in there if m["name"].startswith(incomplete)]


@click.command(
    epilog="""\b
Examples:
  monitor incident mitigate 42
  monitor incident mitigate INC-0042 rollback
  monitor incident mitigate INC-0042 rollback --yes --by Ada
\b
Without NAME they are listed, what the evidence speaks for first, each with its command. With NAME it is run, if run_by
in the configuration allows it; what came of it, and what it did to the numbers, goes into the timeline."""
)
@click.argument("ref", metavar="INCIDENT", shell_complete=live_incidents)
@click.argument("name", required=False, shell_complete=_names)
@click.option("--yes", is_flag=True, help="Approve it without being asked.")
@click.option("--by", default=None, metavar="PERSON", help="Who approves it.  [default: the user's name]")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def mitigate(context: click.Context, ref: str, name: str | None, yes: bool, by: str | None, style: str) -> None:
    """What can be done about it; with NAME, have that done."""
    if name is None:
        if yes:
            raise click.UsageError("--yes approves one mitigation; name it: monitor incident mitigate INCIDENT NAME")
        _list(_offered(context, ref), style)
        return
    if not yes:
        _ask(_offered(context, ref), name)
    body = {"by": by or user(), "mitigation": name}
    run = post(context, f"/api/v1/incidents/{checked(ref)}/mitigations", body)
    if style == "json":
        click.echo(json.dumps(run, indent=2))
        return
    told = f"started: {run['mitigation']} of {run['service']} for {run['incident']}, approved by {run['by']}"
    click.echo(printable(f"{told}; what comes of it is in: monitor incident show {run['incident']}"))


def _list(there: list[dict[str, Any]], style: str) -> None:
    if style == "json":
        click.echo(json.dumps({"mitigations": there}, indent=2))
        return
    if not there:
        click.echo("no mitigations: services.NAME.mitigations in the configuration are offered here")
    marks = {True: "+", False: "-", None: " "}
    for one in there:
        what = f" ({one['description']})" if one["description"] else ""
        how = "copy it" if one["run_by"] == "copy" else f"copy it, or approve it by name: run by the {one['run_by']}"
        click.echo(printable(f"{marks[one['holds']]} {one['name']}{what}: {one['reason']}"))
        click.echo(f"    {printable(one['command'])}")
        click.echo(f"    {how}")


def _ask(there: list[dict[str, Any]], name: str) -> None:
    found = [one for one in there if name in (one["name"], f"{one['service']}/{one['name']}")]
    if not found:
        known = ", ".join(one["name"] for one in there) or "none"
        raise Trouble(printable(f"no mitigation here is called {name}; there are {known}"))
    one = found[0]
    if not sys.stdin.isatty():
        raise Trouble("nobody can be asked here; --yes approves it")
    click.echo(printable(f"{one['name']} of {one['service']}: {one['reason']}"))
    click.echo(printable(f"runs: {one['command']}"))
    click.confirm("Run it now?", abort=True)
