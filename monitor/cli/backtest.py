"""`monitor backtest`: which incidents this configuration would have opened, from what was recorded or kept."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.output import Trouble, colour_wanted, printable, table, width_of
from monitor.core.incident import duration_text

if TYPE_CHECKING:
    from monitor.backtest.replay import Replay
    from monitor.cli.backtest_sources import Found
    from monitor.config import Config
    from monitor.response.case import Case

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _span(_: click.Context, __: click.Parameter, text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in _UNITS or int(number) == 0 or int(number) > 100_000:
        raise click.BadParameter(f"{text!r} is no span: write it like 12h, 30d or 6w")
    return timedelta(seconds=int(number) * _UNITS[unit])


def _series(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for check, _sign, selector in pairs:
        if "/" not in check or not selector:
            raise click.BadParameter(f'{check!r}: write it like orders/ready=probe_success{{job="blackbox"}}')
    return {check: selector for check, _sign, selector in pairs}


@click.command(
    epilog="""\b
Examples:
  monitor backtest --since 30d
  monitor backtest --since 30d --config stricter.yaml
  monitor backtest --since 400d --from history
  monitor backtest --series 'orders/ready=probe_success{job="blackbox",instance="orders"}' --format json
\b
The configuration is named with -c, as everywhere; --config names the one to compare it with."""
)
@click.option("--since", callback=_span, default="30d", show_default=True, help="How far back: 12h, 30d, 6w.")
@click.option(
    "--from",
    "source",
    type=click.Choice(["prometheus", "history"]),
    help="Prometheus, or what the daemon kept in its state folder. Without it: Prometheus where one is configured.",
)
@click.option("--config", "other", type=click.Path(path_type=Path), metavar="PATH", help="Compare with this one.")
@click.option(
    "--series",
    callback=_series,
    multiple=True,
    metavar="SERVICE/CHECK=SELECTOR",
    help="The series of 0 and 1 that stands for a check; may be repeated. Without it "
    'probe_success{instance="<url of the check>"} is tried, then our own synthetic_check_up.',
)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="One page with pictures.")
@click.pass_context
def backtest(
    context: click.Context,
    since: timedelta,
    source: str | None,
    other: Path | None,
    series: dict[str, str],
    style: str,
    html: Path | None,
) -> None:
    """
    Replay the past through the daemon's own rules: incidents, severities, delays, budgets.

    The past is what Prometheus recorded, or, without one, what the daemon kept itself.
    """
    from monitor.cli.backtest_sources import from_history, from_prometheus
    from monitor.cli.main import config_of

    end = datetime.now(UTC).replace(second=0, microsecond=0)
    configs = [config_of(context), *([_read(other)] if other is not None else [])]
    documents = []
    for config in configs:
        if (source or ("prometheus" if configs[0].sources.prometheus else "history")) == "history":
            # What -c's daemon kept is the one past that both configurations are played.
            found = from_history(config, configs[0].monitor.state, series, end - since, end)
        else:
            found = from_prometheus(config, series, end - since, end)
        documents.append(_replayed(config, found, end))
    names = ["the configuration"] if other is None else ["-c", f"--config {other}"]
    if html is not None:
        _write_page(html, list(zip(names, documents, strict=True)))
    if style == "json":
        click.echo(
            json.dumps(documents[0] if other is None else {"first": documents[0], "other": documents[1]}, indent=2)
        )
        return
    blocks = [rendered(document, width_of(sys.stdout), colour_wanted(sys.stdout)) for document in documents]
    if other is not None:
        blocks = [f"{printable(name)}: {block}" for name, block in zip(names, blocks, strict=True)]
    click.echo("\n\n".join(blocks))


def _write_page(path: Path, found: list[tuple[str, dict[str, Any]]]) -> None:
    from monitor.backtest.page import page

    try:
        path.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{printable(str(path))}: cannot be written: {error.strerror}") from None


def _read(path: Path) -> Config:
    from monitor.config import ConfigError, load

    try:
        return load([path], os.environ)
    except ConfigError as error:
        raise Trouble(str(error)) from None


def _replayed(config: Config, found: Found, end: datetime) -> dict[str, Any]:
    from monitor.backtest.history import as_recorded, past_of
    from monitor.backtest.learning import Baselines
    from monitor.backtest.replay import Replay

    traffic = found.traffic
    one = as_recorded(config, found.checks, frozenset(readings[0].service for readings in traffic if readings))
    began = min(recorded.began for recorded in found.checks.values())
    replay = Replay(one, began, Baselines(config.monitor.time_zone))
    replay.play(past_of(found.checks, traffic))
    return document(replay, found, [c.id for c in config.all_checks() if c.id not in found.checks], began, end)


def document(replay: Replay, found: Found, lacking: list[str], began: float, end: datetime) -> dict[str, Any]:
    """What was found, for machines; the table is made of it."""
    return {
        "since": datetime.fromtimestamp(began, UTC).isoformat(),
        "until": end.isoformat(),
        "source": found.source,
        "notes": found.notes,
        "checks": [one.described() for one in found.checks.values()],
        "without_history": lacking,
        "incidents": [_incident(case, found) for case in replay.cases],
        "budgets": _budgets(replay),
    }


def _budgets(replay: Replay) -> list[dict[str, Any]]:
    """Of each objective that has data, by the hour."""
    curves: dict[tuple[str, str], list[Any]] = {}
    for point in replay.objectives.curve:
        curves.setdefault((point.service, point.objective), []).append([point.at.isoformat(), round(point.left, 6)])
    return [
        {
            "service": name,
            "objective": slo.name,
            "target": slo.objective,
            "over": slo.over if isinstance(slo.over, str) else f"{slo.over / timedelta(days=1):g}d",
            "remaining": curve[-1][1],
            "curve": curve,
        }
        for name, service in replay.config.services.items()
        for slo in service.slos
        if (curve := curves.get((name, slo.name)))
    ]


def _incident(case: Case, found: Found) -> dict[str, Any]:
    incident = case.incident
    opened, first, resolved = incident.opened_at, incident.first_failure_at, incident.resolved_at
    return {
        "number": incident.number,
        "service": incident.service,
        "services": list(case.services()),
        "severity": str(incident.severity),
        "first_failure_at": first and first.isoformat(),
        "opened_at": opened and opened.isoformat(),
        "delay_seconds": (opened - first).total_seconds() if opened and first and not incident.reopened else None,
        "resolved_at": resolved and resolved.isoformat(),
        "unsharp_seconds": found.unsharp_at(case.services(), opened or incident.since),
        "reopened": incident.reopened,
        "reason": incident.reason,
    }


def _budget_row(budget: dict[str, Any]) -> tuple[str, ...]:
    at, lowest = min(budget["curve"], key=lambda point: point[1])
    return (
        printable(budget["service"]),
        printable(budget["objective"]),
        f"{100 * budget['target']:.6g} %",
        budget["over"],
        f"{budget['remaining']:.1%}",
        f"{lowest:.1%}",
        _short(at),
    )


def _short(at: str) -> str:
    return at[:16].replace("T", " ")


def rendered(document: dict[str, Any], width: int, colour: bool) -> str:
    head = f"{_short(document['since'])} to {_short(document['until'])} UTC, {len(document['checks'])} checks replayed"
    incidents = document["incidents"]
    rows = [
        (
            _short(i["opened_at"]),
            printable(i["service"]),
            i["severity"],
            "-" if i["delay_seconds"] is None else duration_text(timedelta(seconds=i["delay_seconds"])),
            _short(i["resolved_at"] or "not resolved"),
            printable(i["reason"]),
        )
        for i in incidents
    ]
    blocks = ["\n".join([head, *map(printable, document["notes"])])]
    if document["without_history"]:
        blocks[0] += f"\nwithout history: {printable(', '.join(document['without_history']))}"
    headers = ("OPENED", "SERVICE", "SEVERITY", "DELAY", "RESOLVED", "REASON")
    blocks.append(table(headers, rows, width, colour) if rows else "no incident would have opened")
    if budgets := list(map(_budget_row, document["budgets"])):
        columns = ("SERVICE", "OBJECTIVE", "TARGET", "OVER", "BUDGET LEFT", "LOWEST", "AT")
        blocks.append(table(columns, budgets, width, colour))
    return "\n\n".join(blocks)
