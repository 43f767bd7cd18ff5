"""`monitor import`: what other tools have written, as configuration of ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.openslo import INCOMPLETE, import_openslo, told
from monitor.cli.output import UNKNOWN, Trouble

if TYPE_CHECKING:
    from monitor.config.document import Group
    from monitor.config.foreign.plan import Plan

_EXIT_CODES = "Exit codes: 0 all carried over, 1 something is not, 3 nothing is. Each is told with its place."


@click.group(name="import", epilog="Example: monitor import gatus gatus.yaml -o config.yaml")
def import_from() -> None:
    """What other tools have written, as configuration of ours."""


import_from.add_command(import_openslo)

_files = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE..."
)
_output = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write the configuration, instead of printing it. A file that is there stays as it is.",
)


@import_from.command(
    "gatus",
    epilog=f"""\b
Examples:
  monitor import gatus config.yaml > watchkeeper.yaml
  monitor import gatus config/*.yaml -o watchkeeper.yaml
\b
{_EXIT_CODES}
A group becomes a service, an endpoint a check. docs/import.md says what carries over.""",
)
@_files
@_output
@click.pass_context
def import_gatus(context: click.Context, files: Sequence[Path], output: Path | None) -> None:
    """Print the endpoints of gatus as services of a configuration."""
    from monitor.config.foreign.gatus import read_gatus

    def read_into(plan: Plan) -> None:
        for root in _roots(files):
            read_gatus(root, plan)

    _carry_over(context, output, read_into)


@import_from.command(
    "blackbox",
    epilog=f"""\b
Examples:
  monitor import blackbox blackbox.yml --prometheus prometheus.yml > watchkeeper.yaml
  monitor import blackbox blackbox.yml --target http_2xx=https://example.com/ --target icmp=192.0.2.1
\b
{_EXIT_CODES}
A module says how something is asked, and not what: that is in the scrape configurations, whose jobs become services,
or is named here. docs/import.md says what carries over.""",
)
@_files
@click.option(
    "--prometheus",
    "scraping",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A configuration of Prometheus whose jobs ask /probe; may be repeated.",
)
@click.option(
    "--target", "targets", multiple=True, metavar="MODULE=TARGET", help="A target of a module; may be repeated."
)
@_output
@click.pass_context
def import_blackbox(
    context: click.Context,
    files: Sequence[Path],
    scraping: Sequence[Path],
    targets: Sequence[str],
    output: Path | None,
) -> None:
    """Print what blackbox_exporter is asked as services of a configuration."""
    from monitor.config.document import Scalar
    from monitor.config.foreign.blackbox import read_blackbox
    from monitor.config.foreign.place import Place
    from monitor.config.foreign.scraped import Asked, targets_of
    from monitor.config.foreign.secret import shown

    def read_into(plan: Plan) -> None:
        asked: list[Asked] = []
        for root in _roots(scraping):
            asked += targets_of(root, plan.told)
        for named in targets:
            module, separator, target = named.partition("=")
            if not separator or not module or not target:
                raise Trouble(
                    f"--target {shown(named)}: is not MODULE=TARGET; write for example http_2xx=https://example.com/"
                )
            place = Place(Scalar("--target", 0, target), plan.told, f"{module}={shown(target)}")
            asked.append(Asked(place, module, target))
        read_blackbox(_roots(files), asked, plan)

    _carry_over(context, output, read_into)


@import_from.command(
    "uptime-kuma",
    epilog=f"""\b
Examples:
  monitor import uptime-kuma Uptime_Kuma_Backup.json > watchkeeper.yaml
\b
{_EXIT_CODES}
A backup is made with Settings, Backup, Export. A group becomes a service, a monitor a check. docs/import.md says what
carries over.""",
)
@_files
@_output
@click.pass_context
def import_uptime_kuma(context: click.Context, files: Sequence[Path], output: Path | None) -> None:
    """Print the monitors of a backup of Uptime Kuma as services of a configuration."""
    from monitor.config.foreign.uptime_kuma import read_uptime_kuma

    def read_into(plan: Plan) -> None:
        for root in _roots(files):
            read_uptime_kuma(root, plan)

    _carry_over(context, output, read_into)


@import_from.command(
    "prometheus-rules",
    epilog=f"""\b
Examples:
  monitor import prometheus-rules rules/*.yml > alerts.yaml
  monitor import prometheus-rules alerts.yml --prometheus http://prometheus:9090 -o alerts.yaml
\b
{_EXIT_CODES}
A group becomes a service, an alert a promql check. docs/import.md says what carries over.""",
)
@_files
@click.option(
    "--prometheus",
    default="http://localhost:9090",
    show_default=True,
    metavar="URL",
    help="Whom the checks ask.",
)
@_output
@click.pass_context
def import_prometheus_rules(
    context: click.Context, files: Sequence[Path], prometheus: str, output: Path | None
) -> None:
    """Print alerting rules of Prometheus as services of a configuration."""
    from monitor.config.foreign.prometheus_rules import read_rules
    from monitor.config.places import url
    from monitor.config.problems import Wrong

    try:
        address = url(prometheus)
    except Wrong as wrong:
        raise Trouble(f"--prometheus {wrong.found}; {wrong.fix}") from None

    def read_into(plan: Plan) -> None:
        plan.prometheus = address.replace("$", "$$")
        for root in _roots(files):
            read_rules(root, plan)

    _carry_over(context, output, read_into)


def _roots(files: Sequence[Path]) -> list[Group]:
    """Raises Trouble with everything that keeps them from being read."""
    from monitor.config.load import read_foreign

    roots, unreadable = read_foreign(files)
    if unreadable:
        raise Trouble("\n".join(map(str, unreadable)))
    return roots


def _carry_over(context: click.Context, output: Path | None, read_into: Callable[[Plan], None]) -> None:
    """Makes a plan, tells what is not carried over, and prints or writes the rest."""
    from monitor.config.foreign.plan import Plan
    from monitor.config.foreign.sound import make_sound
    from monitor.config.foreign.text import printed

    if output is not None and output.exists():
        raise Trouble(f"{output}: is there already; name another file, or remove it")
    plan = Plan()
    read_into(plan)
    folder = (output.parent if output is not None else Path()).absolute()
    make_sound(plan, os.environ, folder)
    for word, problem in plan.told.listed():
        click.echo(told(word, problem), err=True)
    if plan.is_empty:
        click.echo("no check was carried over", err=True)
        context.exit(UNKNOWN)
    text = printed(plan, os.environ, folder)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
    if not plan.told.is_complete:
        context.exit(INCOMPLETE)


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise Trouble(f"{output}: cannot be written: {error.strerror}") from None
