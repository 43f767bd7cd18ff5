"""`monitor import openslo` and `monitor export openslo`: objectives from OpenSLO v1 documents, and as such."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml

from monitor.cli.output import UNKNOWN, Trouble, printable
from monitor.terminal import escaped

if TYPE_CHECKING:
    from monitor.config import Problem
    from monitor.config.openslo.reading import Carried

UTC = "UTC"
"""What `monitor.time_zone` is when nobody says."""

INCOMPLETE = 1
"""Exit code when something was carried over and something was not."""


@click.group(name="export", epilog="Example: monitor export openslo orders-service > orders.yaml")
def export_to() -> None:
    """What the configuration says, for other tools."""


@click.command(
    "openslo",
    epilog="""\b
Examples:
  monitor import openslo checkout.yaml > slos.yaml
  monitor import openslo slos/*.yaml slis/*.yaml > slos.yaml
\b
Exit codes: 0 all carried over, 1 something is not, 3 nothing is. Each is told with its place and its remedy.
The services still need checks: write them beside, or merge the file with -c config.yaml -c slos.yaml.""",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@click.pass_context
def import_openslo(context: click.Context, files: Sequence[Path]) -> None:
    """Print the objectives of OpenSLO v1 documents as services of a configuration."""
    from monitor.config.load import read_openslo
    from monitor.config.openslo.merging import sound
    from monitor.config.openslo.reading import read_objectives

    roots, unreadable = read_openslo(files)
    if unreadable:
        raise Trouble("\n".join(map(str, unreadable)))
    found = read_objectives(roots, None)
    slos, problems = sound(found.slos)
    problems = sorted([*found.findings.refused, *problems], key=lambda problem: (problem.file, problem.line))
    for problem in problems:
        click.echo(told("not carried over", problem), err=True)
    for problem in found.findings.left_out:
        click.echo(told("left out", problem), err=True)
    if not slos:
        click.echo("no objective was carried over" if problems else "there is no SLO in these files", err=True)
        context.exit(UNKNOWN)
    zone = "" if found.zone in (None, UTC) else f"the calendar windows are those of {found.zone}"
    if zone:
        click.echo(f"left out: {zone}\n    Set monitor: {{time_zone: {found.zone}}}.", err=True)
        click.echo(f"# {zone[0].upper()}{zone[1:]}: set monitor: {{time_zone: {found.zone}}}.")
    click.echo(in_our_words(slos), nl=False)
    if problems or found.findings.left_out or zone:
        context.exit(INCOMPLETE)


@export_to.command(
    "openslo",
    epilog="""\b
Examples:
  monitor export openslo > objectives.yaml
  monitor export openslo orders-service -c /etc/watchkeeper
\b
Exit codes: 0 all written, 1 something cannot be said in OpenSLO, 3 nothing is.
`monitor import openslo` makes the same objectives of what is printed.""",
)
@click.argument("services", nargs=-1)
@click.pass_context
def export_openslo(context: click.Context, services: tuple[str, ...]) -> None:
    """Print the objectives of all services, or of some, as OpenSLO v1 documents."""
    from monitor.cli.main import config_of
    from monitor.config.openslo.writing import written
    from monitor.config.writing import dumped

    config = config_of(context)
    if unknown := [name for name in services if name not in config.services]:
        raise Trouble(f"no service is called {unknown[0]}; there are {', '.join(config.services)}")
    found = written(config, services)
    for what, fix in found.left_out:
        click.echo(f"{printable(what)}\n    {fix}", err=True)
    if not found.documents:
        click.echo("there is no objective to write", err=True)
        context.exit(UNKNOWN)
    click.echo("---\n".join(dumped(document, _Values) for document in found.documents), nl=False)
    if found.left_out:
        context.exit(INCOMPLETE)


def told(what: str, problem: Problem) -> str:
    return "\n".join(escaped(line) for line in f"{what}: {problem}".split("\n"))


def in_our_words(slos: Sequence[Carried]) -> str:
    """The part `services:` of a configuration."""
    from monitor.config.document import plain
    from monitor.config.writing import dumped

    services: dict[str, dict[str, list[object]]] = {}
    for carried in slos:
        services.setdefault(carried.service, {"slos": []})["slos"].append(plain(carried.slo))
    return dumped({"services": services})


class _Values(yaml.SafeDumper):
    """For other tools: numbers as numbers, and never as 1e-05, which not every reader of YAML takes for one."""


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", format(Decimal(repr(value)), "f"))


_Values.add_representer(float, _number)
