"""`monitor severity explain`: why an incident is as severe as it is, or would be if something were so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.client import DaemonRefused
from monitor.cli.completing import live_incidents
from monitor.cli.looking import look
from monitor.cli.output import Trouble, colour_wanted, printable, width_of

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.core.severity import Evidence
    from monitor.core.severity_table import Table

Command = Callable[..., Any]

_COUNT = click.IntRange(0, 100_000)
_RATE = click.FloatRange(0)


class Share(click.ParamType[float]):
    """`50%` or `0.5`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"{value!r} is no share; write 50% or 0.5", param, ctx)
        return share


@click.group(
    epilog="""\b
Examples:
  monitor severity explain INC-0042
  monitor severity explain --service orders-service --failing 1"""
)
def severity() -> None:
    """How severe an incident is, by the severity table."""


def _supposed(command: Command) -> Command:
    """The options that invent evidence: each is one signal of the table."""
    options = (
        click.option("--service", metavar="NAME", help="A service of the configuration: its criticality and checks."),
        click.option(
            "--criticality", type=click.Choice(["critical", "high", "medium", "low"]), help="[default: medium]"
        ),
        click.option("--checks", type=click.IntRange(1, 100_000), help="How many checks it has.  [default: 1]"),
        click.option("--failing", type=_COUNT, help="How many of them are confirmed failing."),
        click.option("--data-loss", is_flag=True, default=None, help="Data is declared to be lost."),
        click.option("--dependents-failing", type=_COUNT, help="How many services that depend on it fail."),
        click.option("--traffic-errors", type=Share(), metavar="SHARE", help="The share of requests that fails."),
        click.option("--within-baseline/--above-baseline", default=None, help="Whether that is as usual."),
        click.option("--burn", type=_RATE, help="The burn rate that both windows of a pair agree on."),
        click.option("--burn-short", type=_RATE, help="The same of the quickest pair."),
        click.option("--latency-shift", is_flag=True, default=None, help="Latency has shifted."),
        click.option("--queue-anomaly", is_flag=True, default=None, help="More waits than usually does."),
        click.option("--restart", is_flag=True, default=None, help="A target was restarted."),
        click.option("--blind", is_flag=True, default=None, help="The monitor sees nothing."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@severity.command(
    epilog="""\b
Examples:
  monitor severity explain INC-0042
  monitor severity explain --criticality high --checks 3 --failing 1
  monitor severity explain --service orders-service --failing 2 --traffic-errors 20% --above-baseline
  monitor severity explain --burn 6.5 --json | jq -r .row
\b
Without an incident the options say what is to be supposed; what is left out is well, and not known of traffic.
The table is that of the configuration, and the playbook's where there is none."""
)
@click.argument("ref", metavar="[INCIDENT]", required=False, shell_complete=live_incidents)
@_supposed
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.pass_context
def explain(context: click.Context, /, ref: str | None, as_json: bool, **supposed: Any) -> None:
    """The row of the table that decides, what was looked at, and what would make it one step higher or lower."""
    from monitor.cli.severity_text import rendered

    given = {name: value for name, value in supposed.items() if value is not None}
    if ref is not None and given:
        option = "--" + next(iter(given)).replace("_", "-")
        raise click.UsageError(f"an incident has its own evidence; leave {option} out, or the incident")
    if ref is None and not given:
        raise click.UsageError("name an incident, or say what is to be supposed, for example --checks 2 --failing 1")
    source = ""
    if ref is not None:
        document, source = _of_incident(context, ref)
    else:
        document = _of_evidence(context, given)
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    if source:
        click.echo(source, err=True)
    click.echo(rendered(document, width_of(sys.stdout), colour_wanted(sys.stdout)))


def _of_incident(context: click.Context, ref: str) -> tuple[dict[str, Any], str]:
    from monitor.cli.main import config_of
    from monitor.cli.naming import checked

    plain = checked(ref)
    try:
        looked = look(
            context,
            f"/api/v1/incidents/{plain}/severity",
            lambda ledger: ledger.severity(plain, config_of(context).severity),
        )
    except DaemonRefused as refusal:
        raise Trouble(str(refusal)) from None
    if looked.document is None:
        raise Trouble(f"no incident is called {printable(ref)}; monitor incident list --state all lists them")
    return looked.document, looked.source


def _of_evidence(context: click.Context, given: dict[str, Any]) -> dict[str, Any]:
    from monitor.core.severity_table import suggest
    from monitor.web.severity import explanation

    config = _config_if_any(context, needed="service" in given)
    if (name := given.get("service")) is not None and config is not None:
        if name not in config.services:
            known = ", ".join(sorted(config.services))
            raise Trouble(f"no service is called {printable(name)}; there are {known}")
        service = config.services[name]
        given = {"criticality": str(service.criticality), "checks": len(service.checks)} | given
    return dict(explanation(suggest(evidence_of(given), _table(config))))


def _config_if_any(context: click.Context, needed: bool) -> Config | None:
    """None where nobody named one and there is none: the playbook's table needs no configuration."""
    from monitor.cli.main import config_of, config_paths
    from monitor.config import default_paths

    if not needed and not config_paths(context) and not any(path.exists() for path in default_paths()):
        return None
    return config_of(context)


def _table(config: Config | None) -> Table:
    from monitor.core.severity_table import TABLE

    return TABLE if config is None else config.severity


def evidence_of(given: dict[str, Any]) -> Evidence:
    """Raises click.UsageError where what is supposed cannot be."""
    from monitor.core.recovery import percent
    from monitor.core.severity import Criticality, Evidence, TrafficView

    checks = given.get("checks", max(1, given.get("failing", 0)))
    failing = given.get("failing", 0)
    if failing > checks:
        raise click.UsageError(f"{failing} of {checks} checks cannot fail; add --checks {failing}")
    errors, within = given.get("traffic_errors"), given.get("within_baseline")
    if within is not None and errors is None:
        name = "within" if within else "above"
        raise click.UsageError(f"--{name}-baseline is said of errors; add --traffic-errors, for example 1%")
    traffic = None
    if errors is not None:
        usual = {True: ", as usual", False: ", more than usual", None: ""}[within]
        text = f"{percent(errors)} errors{usual} (supposed)"
        traffic = TrafficView(error_ratio=errors, requests=1.0, within_baseline=within, fresh=True, text=text)

    def told(name: str) -> str:
        return "supposed" if given.get(name) else ""

    return Evidence(
        criticality=Criticality(given.get("criticality", Criticality.MEDIUM)),
        checks=checks,
        failing=tuple(f"check {number}" for number in range(1, failing + 1)),
        data_loss=("supposed",) if given.get("data_loss") else (),
        dependents_failing=tuple(f"dependent {number}" for number in range(1, given.get("dependents_failing", 0) + 1)),
        traffic=traffic,
        burn_short=given.get("burn_short"),
        burn=given.get("burn"),
        latency_shift=told("latency_shift"),
        queue_anomaly=told("queue_anomaly"),
        restarted=told("restart"),
        blind=told("blind"),
    )
