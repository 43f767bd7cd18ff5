"""`monitor mitigate-exec`: what monitor-mitigate@.service runs. People use `monitor incident mitigate`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from monitor.cli.output import Trouble, printable

FOLDER = Path("/run/watchkeeper")


@click.command("mitigate-exec", hidden=True)
@click.argument("unit", metavar="SERVICE:NAME")
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True)
@click.pass_context
def mitigate_exec(context: click.Context, unit: str, folder: Path) -> int:
    """Run a mitigation, if the monitor says that a person approved it. The approval is on standard input."""
    from monitor.cli.main import config_paths
    from monitor.config import ConfigError
    from monitor.config.alone import mitigation_alone
    from monitor.core.mitigations import RunBy
    from monitor.running.runner import LONGEST_APPROVAL, speak

    service, _, name = unit.partition(":")
    try:
        mitigation = mitigation_alone(config_paths(context), service, name)
    except ConfigError as error:
        raise Trouble(str(error)) from None
    if mitigation.run_by is not RunBy.UNIT:
        raise Trouble(printable(f"services.{service}.mitigations.{name}.run_by is {mitigation.run_by}, not unit"))
    approval = sys.stdin.readline(LONGEST_APPROVAL).strip()
    return speak(folder, approval, mitigation.run, mitigation.timeout)
