"""`monitor status`: what the daemon sees now, or, without one, what the ledger last knew."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click

from monitor.cli.client import DaemonRefused
from monitor.cli.formats import milliseconds
from monitor.cli.looking import Looked, look
from monitor.cli.output import Cell, Trouble, colour_wanted, printable, table, width_of
from monitor.core.incident import duration_text

STYLES = {
    "ok": "green",
    "failed": "bold red",
    "unknown": "magenta",
    "open": "bold red",
    "recovering": "yellow",
    "pending": "yellow",
}


@click.command(
    epilog="""\b
Examples:
  monitor status
  monitor status --format json | jq '.services[] | select(.state != "clear").name'"""
)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def status(context: click.Context, style: str) -> None:
    """What the daemon sees now: services, checks, incidents, and the daemon's own parts."""
    from monitor.cli.main import config_of

    try:
        looked = look(context, "/api/v1/status", lambda ledger: ledger.status(config_of(context)))
    except DaemonRefused as refusal:
        raise Trouble(str(refusal)) from None
    if style == "json":
        click.echo(json.dumps(looked.document, indent=2))
        return
    looked.tell()
    click.echo(rendered(looked, width_of(sys.stdout), colour_wanted(sys.stdout)))


def rendered(looked: Looked, width: int, colour: bool) -> str:
    document = looked.document
    blocks = [_headline(document)]
    rows = [row for service in document["services"] for row in _rows(service)]
    if rows:
        headers = ("SERVICE", "STATE", "BUDGET", "BURN", "CHECK", "LAST", "LATENCY", "DETAIL")
        blocks.append(table(headers, rows, width, colour))
    incidents = document["incidents"]
    blocks.append(incident_table(incidents, width, colour) if incidents else "no live incidents")
    blocks += [recovery(one) for one in document.get("recovery") or []]
    blocks += ["\n".join(lines)] if (lines := list(_muted(document))) else []
    if unusual := [line for service in document["services"] for line in _unusual(service)]:
        blocks.append("\n".join(unusual))
    if parts := [_part(name, facts) for name, facts in (document.get("parts") or {}).items()]:
        blocks.append("\n".join(parts))
    return "\n\n".join(blocks)


def recovery(lacking: dict[str, Any]) -> str:
    """What a live incident still lacks to be over: the stable time, then each condition, then what is proven."""
    left, since = lacking["stable_left_seconds"], lacking["stable_since"]
    head = f"{lacking['incident']} {lacking['service']}: "
    head += "flapping, " if lacking.get("flapping") else ""
    head += "not recovering" if left is None else f"stable since {since}, {duration_text(timedelta(seconds=left))} left"
    if lacking["unproven_since"]:
        head += f"; unproven since {lacking['unproven_since']}"
    if lacking["asked_at"]:
        head += f", asked to close or wait at {lacking['asked_at']}"
    if roles := lacking.get("roles"):
        head += "; " + "; ".join(f"{name.replace('_', ' ').capitalize()}: {who}" for name, who in roles.items())
    words = {True: "met", False: "not met", None: "unproven"}
    lines = [
        (words[condition["met"]], condition["text"] + (f", since {since}" if (since := condition.get("since")) else ""))
        for condition in lacking["conditions"]
    ]
    lines += [("left out", note) for note in lacking["notes"]]
    if lacking["proof"]:
        lines.append(("proof", lacking["proof"]))
    return "\n".join([printable(head), *(f"  {word:8}  {printable(text)}" for word, text in lines)])


def _muted(document: dict[str, Any]) -> Iterator[str]:
    """`muted: orders by silence 3 of grace until 2026-12-01 06:00 UTC: known`, one line for each service."""
    for service in document["services"]:
        if service.get("muted_by"):  # a daemon of before does not say
            yield printable(f"muted: {service['name']} by {service['muted_by']}")
    for one in document.get("silences") or []:
        # Of the others the services say it.
        if "/" in one["subject"]:
            yield printable(
                f"silence {one['id']}: {one['subject']} until {one['until']}, {one['author']}: {one['comment']}"
            )


def _unusual(service: dict[str, Any]) -> list[str]:
    """`unusual: orders requests 90.1, score 0.94 since 2026-03-11T12:00Z: 86.2 where 172.9 was expected`."""
    return [
        printable(
            f"unusual: {service['name']} {one['name']} {one['value']:.4g}, score {one['unusual_score']:.2f} since "
            f"{one['unusual_since']}: {one['unusual_value']:.4g} where {one['expected']:.4g} was expected"
        )
        for one in service.get("series", ())
        if one["unusual_since"]
    ]


def _part(name: str, facts: dict[str, Any]) -> str:
    """`prober: pid 4711, restarts 0`; what is empty has nothing to say."""
    return printable(f"{name}: {_facts(facts)}")


def _facts(facts: dict[str, Any]) -> str:
    told = [f"{key.replace('_', ' ')} {_fact(value)}" for key, value in facts.items() if value not in (None, "", {})]
    return ", ".join(told) or "-"


def _fact(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):  # one of several, by name
        return "; ".join(f"{name} ({_facts(facts)})" for name, facts in value.items())
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _headline(document: dict[str, Any]) -> str:
    ready = "ready" if document["ready"] else "not ready: " + "; ".join(document["missing"])
    where = f"{document['environment']}, {document['location']}"
    return printable(f"watchkeeper {document['version']}, {where}, {document['now']}: {ready}")


def _rows(service: dict[str, Any]) -> list[list[Cell]]:
    """One line for each check; the service's own columns stand in its first line alone."""
    budget, burn = service["budget_remaining"], service["burn_rate"]
    state = service["state"] + (f" {service['incident']}" if service["incident"] else "")
    head: list[Cell] = [
        printable(service["name"]),
        (printable(state), STYLES.get(service["state"], "")),
        "-" if budget is None else f"{budget:.1%}" + _since(service["budget_incomplete_since"]),
        "-" if burn is None else f"{burn:.1f}",
    ]
    rows = []
    for check in service["checks"] or [None]:
        rows.append([*head, *_check(check)])
        head = ["", "", "", ""]
    return rows


def _since(incomplete: str | None) -> str:
    return printable(f", incomplete since {incomplete[:16]}Z") if incomplete else ""


def _check(check: dict[str, Any] | None) -> list[Cell]:
    if check is None:
        return ["-", "-", "-", ""]
    outcome = check["outcome"] or "no result yet"
    remarks = [*check["warnings"], *check["notes"]]
    why = f"{check['reason']}: {check['detail']}" if check["reason"] else "; ".join(remarks)
    why = "; ".join(filter(None, ["in maintenance" if check.get("maintenance") else "", why]))
    unconfirmed = outcome == "failed" and not check["failing"]
    return [
        printable(check["id"].partition("/")[2]),
        (outcome + (" (unconfirmed)" if unconfirmed else ""), STYLES.get(outcome, "")),
        milliseconds(check["latency_seconds"]),
        printable(why),
    ]


def incident_table(incidents: list[dict[str, Any]], width: int, colour: bool) -> str:
    rows: list[list[Cell]] = [
        [
            printable(incident["reference"]),
            incident["severity"] or "-",
            (incident["state"], STYLES.get(incident["state"], "")),
            printable(incident["service"]),
            printable(incident["opened_at"] or "-"),
            printable(incident["acknowledged_by"] or "-"),
            printable(incident["reason"]),
        ]
        for incident in incidents
    ]
    return table(("INCIDENT", "SEVERITY", "STATE", "SERVICE", "OPENED", "TAKEN BY", "REASON"), rows, width, colour)
