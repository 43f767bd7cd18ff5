"""`monitor baseline`: what is normal for a service, drawn, and a person's word that it is something else now."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from monitor.cli.acting import instant, post, user
from monitor.cli.output import Trouble, colour_wanted, printable

if TYPE_CHECKING:
    from monitor.cli.week import Week
    from monitor.config import Config
    from monitor.core.baseline import Baseline


@click.group(
    epilog="""\b
Examples:
  monitor baseline show orders-service
  monitor baseline show orders-service --traffic errors --svg week.svg
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


@baseline.command(
    epilog="""\b
Examples:
  monitor baseline show orders-service
  monitor baseline show orders-service --check ready
  monitor baseline show orders-service --traffic latency --svg week.svg
\b
Read from the state folder, with a daemon and without. Today's traffic is asked of Prometheus."""
)
@click.argument("service")
@click.option("--check", default=None, metavar="NAME", help="The latency of this check's probes.")
@click.option(
    "--traffic", type=click.Choice(["errors", "latency", "queue_depth"]), default=None, help="What users see."
)
@click.option("--svg", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Draw it into a file.")
@click.pass_context
def show(context: click.Context, service: str, check: str | None, traffic: str | None, svg: Path | None) -> None:
    """The week with what is usual in each hour, and today on it; how old it is and how good."""
    from monitor.cli.main import config_of
    from monitor.cli.week_svg import week_svg
    from monitor.cli.week_text import ASCII, UNICODE, week_text

    if check and traffic:
        raise click.UsageError("--check and --traffic are two baselines; ask for one of them")
    config = config_of(context)
    found = _baselines(config, service)
    wanted = f"--check {check}" if check else f"--traffic {traffic}" if traffic else next(iter(found))
    if wanted not in found:
        raise Trouble(f"{printable(service)} has no baseline for {printable(wanted)}; there is {', '.join(found)}")
    week = _week(config, found[wanted], datetime.now(UTC))
    if svg is not None:
        _write(svg, week_svg(week))
        click.echo(f"drawn: {printable(str(svg))}")
        return
    can_draw = "utf" in (sys.stdout.encoding or "").lower()
    click.echo(week_text(week, colour_wanted(sys.stdout), UNICODE if can_draw else ASCII))
    if others := [name for name in found if name != wanted]:
        click.echo(f"\nalso: {printable(', '.join(others))}")


def _baselines(config: Config, service: str) -> dict[str, Baseline]:
    """The option that asks for each -> the baseline; at least one, or Trouble."""
    from monitor.core.baseline import Signal
    from monitor.sources.fitting import BaselineStore

    if service not in config.services:
        known = ", ".join(sorted(config.services))
        raise Trouble(f"no service is called {printable(service)}; there are {known}")
    store = BaselineStore(config.monitor.state / "baselines")
    kept: dict[str, Any] = {
        f"--check {check.name}": store.get(service, Signal.PROBE_LATENCY, check.name)
        for check in config.services[service].checks
    }
    kept["--traffic errors"] = store.get(service, Signal.ERROR_RATIO)
    kept["--traffic latency"] = store.get(service, Signal.LATENCY)
    kept["--traffic queue_depth"] = store.get(service, Signal.QUEUE_DEPTH)
    found = {name: baseline for name, baseline in kept.items() if baseline is not None}
    if not found:
        raise Trouble(
            f"{printable(service)} has no baseline yet; the daemon fits one at its start and every night "
            "from its own minutes and from Prometheus"
        )
    return found


def _week(config: Config, baseline: Baseline, now: datetime) -> Week:
    from monitor.cli.measured import NotMeasured, today
    from monitor.cli.week import week_of
    from monitor.core.baseline import zone_of

    midnight = now.astimezone(zone_of(baseline.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return week_of(baseline, today(config, baseline, midnight.astimezone(UTC), now), now)
    except NotMeasured as why:
        return week_of(baseline, (), now, str(why))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{printable(str(path))} cannot be written: {(error.strerror or 'refused').lower()}") from None
