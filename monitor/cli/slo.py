"""`monitor slo`: what is spent of each error budget, what is left, how fast it burns, and when it is gone."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import click

from monitor.cli.client import DaemonAway, DaemonRefused, client_of
from monitor.cli.output import Cell, Trouble, colour_wanted, printable, table, width_of
from monitor.core.incident import duration_text
from monitor.core.indicator import WEIGHT

STYLES = {"within": "green", "unproven": "yellow", "spent": "bold red", "no data": "magenta"}
UNITS = {"probes": "probes", "prometheus": "requests"}
BURNS = ("5m", "1h", "6h", "3d")


@click.command(
    epilog="""\b
Examples:
  monitor slo
  monitor slo orders-service
  monitor slo --format json | jq '.slos[] | select(.budget_remaining < 0.5).name'
\b
BURN 1.00 spends the budget exactly by the window's end.
unproven: were the missing and unknown results bad, the budget would be spent."""
)
@click.argument("service", required=False)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def slo(context: click.Context, service: str | None, style: str) -> None:
    """The error budgets of all services, or of one."""
    from monitor.cli.main import config_of, whereabouts_of

    try:
        document = client_of(whereabouts_of(context)).get("/api/v1/slos")
    except (DaemonAway, DaemonRefused) as error:
        raise Trouble(str(error)) from None
    slos = [one for one in document["slos"] if service in (None, one["service"])]
    if service is not None and not slos and service not in (known := config_of(context).services):
        raise Trouble(f"no service is called {service}; there are {', '.join(known)}")
    if style == "json":
        click.echo(json.dumps({**document, "slos": slos}, indent=2))
        return
    if not slos:
        click.echo("no objectives: write services.NAME.slos: [{sli: success, objective: 99.9%}]")
        return
    click.echo(rendered(slos, width_of(sys.stdout), colour_wanted(sys.stdout)))


def rendered(slos: list[dict[str, Any]], width: int, colour: bool) -> str:
    burns = [f"BURN {name}" for name in BURNS]
    headers = ("SERVICE", "SLO", "OBJECTIVE", "OVER", "SPENT", "LEFT", "STATE", *burns, "EXHAUSTS IN", "DETAIL")
    return table(headers, [_row(one) for one in slos], width, colour)


def _row(one: dict[str, Any]) -> list[Cell]:
    return [
        printable(one["service"]),
        printable(one["name"]),
        "-" if one["objective"] is None else f"{one['objective'] * 100:.10g}%",
        one["over"],
        _share(one["budget_spent"]),
        _share(one["budget_remaining"]),
        (one["state"], STYLES.get(one["state"], "")),
        *("-" if (burn := one["burn_rates"][name]) is None else f"{burn:.2f}" for name in BURNS),
        _left(one["exhausts_in_seconds"]),
        printable(_detail(one)),
    ]


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds <= 0:
        return "spent"
    days = seconds / 86400
    return f"{days:.1f}d" if days >= 2 else duration_text(timedelta(seconds=seconds))


def _detail(one: dict[str, Any]) -> str:
    """What the numbers rest on: counts for people who doubt them, and what is not in them."""
    if one["members"]:
        weights = (f"{name} x{weight:g}" for name, weight in one["members"].items())
        return "; ".join(filter(None, (*weights, one["trouble"])))
    unit, scale = "slices" if one["budgeting"] == "timeslices" else UNITS[one["source"]], 1
    if one["sli"] == "sloth" and unit != "slices":
        unit, scale = "minutes", WEIGHT
    parts = [f"{one['bad'] / scale:.12g} of {one['allowed'] / scale:.4g} allowed bad {unit}"]
    parts += [f"{one[what] / scale:.12g} {what}" for what in ("missing", "unknown") if one[what]]
    since = f"counted since {one['counted_since']}" if one["counted_since"] else ""
    return "; ".join(filter(None, (", ".join(parts), one["burning"], since, one["trouble"])))
