"""`monitor validate`: says everything that is wrong with a config, and starts nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from checks.plugged import plugs
from monitor.config import Config, ConfigError, default_paths, load
from monitor.config.plugged import clashes

BAD_CONFIG = 3


@click.command(epilog="Example: monitor validate -c /etc/watchkeeper --format json")
@click.option(
    "-c",
    "--config",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file, or a folder of *.yaml files; may be repeated. [default: ./config.yaml, /etc/watchkeeper/config.yaml]",
)
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def validate(context: click.Context, paths: Sequence[Path], style: str) -> None:
    """Check the configuration. Exit code 0 when it is good, 3 with every problem listed when it is not."""
    searched = tuple(paths) or _paths_of_group(context) or default_paths()
    try:
        config = load(searched, os.environ)
        # Who uses none of what is plugged in does not hear of it when the daemon starts.
        warnings = list(dict.fromkeys((*config.warnings, *clashes(plugs()))))
    except ConfigError as error:
        if style == "json":
            click.echo(
                json.dumps({"ok": False, "problems": [asdict(p) for p in error.problems], "warnings": []}, indent=2)
            )
        else:
            click.echo(str(error), err=True)
        context.exit(BAD_CONFIG)
    if style == "json":
        click.echo(json.dumps({"ok": True, "problems": [], "warnings": warnings}, indent=2))
        return
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{', '.join(map(str, searched))}: {summary(config, len(warnings))}.")


def summary(config: Config, warnings: int) -> str:
    """`3 services, 5 checks, 2 warnings`, and modules where there is a file of them."""
    known = config.monitor.probe_modules
    counts = (
        (len(config.services), "service"),
        (len(config.all_checks()), "check"),
        *(((len(known.modules), "module"),) if known is not None else ()),
        (warnings, "warning"),
    )
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts)


def _paths_of_group(context: click.Context) -> tuple[Path, ...]:
    """What was said before the command: `monitor -c PATH validate`."""
    parent = context.parent
    return tuple(parent.params.get("paths") or ()) if parent else ()
