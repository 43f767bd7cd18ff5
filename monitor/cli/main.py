"""
The command `monitor`: which subcommands there are, where the configuration is, and how each run ends.

A subcommand is imported when it is called, so that `check-once` in a pipeline pays for nothing but itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from monitor import __version__
from monitor.cli.output import UNKNOWN, Trouble

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.whereabouts import Whereabouts

INTERRUPTED = 130
_PATHS = "watchkeeper.paths"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a subcommand is, what the list says of it, and whether it reads the configuration."""

    module: str
    attribute: str
    summary: str
    configured: bool = True


COMMANDS: Final[Mapping[str, Entry]] = {
    "run": Entry("monitor.cli.run", "run", "The daemon: watch the services of the configuration."),
    "check-once": Entry("monitor.cli.check_once", "check_once", "Every check once, or a URL; the exit code tells."),
    "status": Entry("monitor.cli.status", "status", "What the daemon sees now."),
    "slo": Entry("monitor.cli.slo", "slo", "Error budgets: spent, left, how fast they burn, when they are gone."),
    "healthy": Entry("monitor.cli.healthy", "healthy", "Whether the daemon is well; for a container's health check."),
    "incident": Entry("monitor.cli.incident", "incident", "People's part: list, show, report, ack, note, resolve, ..."),
    "severity": Entry(
        "monitor.cli.severity", "severity", "Why an incident is as severe as it is, or what it would be if ..."
    ),
    "silence": Entry("monitor.cli.silence", "silence", "Tell nobody for a while: add, list, expire."),
    "push": Entry("monitor.cli.push", "push", "The secret addresses that jobs tell, of the push checks."),
    "deploy": Entry("monitor.cli.deploy", "deploy", "Mark a deploy of a service."),
    "baseline": Entry("monitor.cli.baseline", "baseline", "What is normal: show it, accept a new level."),
    "backup": Entry(
        "monitor.cli.backup", "backup", "One file with the ledger and what belongs to it, also beside a daemon."
    ),
    "restore": Entry(
        "monitor.cli.restore", "restore", "Put a backup in the place of the state; the daemon is stopped."
    ),
    "backtest": Entry(
        "monitor.cli.backtest",
        "backtest",
        "Which incidents would have opened, from what Prometheus or the daemon recorded.",
    ),
    "validate": Entry("monitor.cli.validate", "validate", "Check the configuration; start nothing."),
    "import": Entry("monitor.cli.importing", "import_from", "What other tools have written, as configuration.", False),
    "export": Entry("monitor.cli.openslo", "export_to", "The objectives as OpenSLO documents, for other tools."),
    "schema": Entry("monitor.cli.schema", "schema", "The configuration's JSON Schema, for editors.", False),
    "demo": Entry("monitor.cli.demo", "demo", "The whole life of an incident in minutes, embedded.", False),
}


HIDDEN: Final[Mapping[str, Entry]] = {
    "mitigate-exec": Entry("monitor.cli.mitigate_exec", "mitigate_exec", "What monitor-mitigate@.service runs."),
}
"""Of no use to people: not in the list, and nothing completes to them."""


def config_option() -> click.Option:
    return click.Option(
        ["-c", "--config", "paths"],
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="PATH",
        envvar="WATCHKEEPER_CONFIG",
        help="A file, or a folder of *.yaml files; may be repeated.  "
        "[env: WATCHKEEPER_CONFIG; default: ./config.yaml, /etc/watchkeeper/config.yaml]",
    )


def _later_config_option() -> click.Option:
    """The same after the subcommand's name, where most people write it. It reaches `config_of` through the context."""

    def keep(context: click.Context, _: click.Parameter, value: tuple[Path, ...]) -> None:
        if value:
            context.meta[_PATHS] = value

    option = config_option()
    option.envvar, option.expose_value, option.callback = None, False, keep
    return option


def _accept_config(command: click.Command) -> None:
    taken = {name for parameter in command.params for name in parameter.opts}
    if "-c" not in taken:
        option = _later_config_option()
        option.opts = [name for name in option.opts if name not in taken]  # backtest compares with its --config
        command.params.append(option)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _accept_config(below)


class Commands(click.Group):
    """Loads a subcommand when it is needed, and ends every run with one of our own exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        entry = COMMANDS.get(cmd_name) or HIDDEN.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}:{entry.attribute} is not a command")
        if entry.configured:
            _accept_config(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and name not in HIDDEN and not name.startswith("-"):
            close = get_close_matches(name, COMMANDS, n=1)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {close[0]}?" if close else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """click's own, but bad usage ends with 3 and never with 2: to a pipeline 2 says that a check failed."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")  # a name in Cyrillic must not end a run under LANG=C
        try:
            code = super().main(args, prog_name, complete_var, False, **extra)
        except click.Abort:
            sys.exit(INTERRUPTED)
        except click.ClickException as error:
            error.show()
            sys.exit(UNKNOWN)
        except Exception:
            # Python's own status for this is 1, which would read as "warning".
            sys.excepthook(*sys.exc_info())
            sys.exit(UNKNOWN)
        sys.exit(code if isinstance(code, int) else 0)


EPILOG = """\b
Examples:
  monitor check-once https://example.org/healthz
  monitor -c config.yaml check-once orders-service --format junit
  monitor run
  monitor incident list
\b
Exit codes: 0 ok, 1 warning, 2 failed, 3 unknown (could not ask, bad config, bad usage), 130 interrupted.
\b
Completion: put one of these lines into your shell's start-up file.
  bash  eval "$(_MONITOR_COMPLETE=bash_source monitor)"
  zsh   eval "$(_MONITOR_COMPLETE=zsh_source monitor)"
  fish  _MONITOR_COMPLETE=fish_source monitor | source
"""


@click.group(
    cls=Commands,
    params=[config_option()],
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="watchkeeper", message="%(prog)s %(version)s")
def monitor(paths: tuple[Path, ...]) -> None:
    """Watchkeeper stands watch over services and keeps the log."""


def config_paths(context: click.Context) -> tuple[Path, ...]:
    """What was named after the subcommand, else before it or in the environment; empty for the default places."""
    later: tuple[Path, ...] = context.meta.get(_PATHS, ())
    return later or tuple(context.find_root().params.get("paths") or ())


def config_of(context: click.Context) -> Config:
    """The configuration, or Trouble with everything that is wrong with it."""
    from monitor.config import ConfigError, load

    try:
        return load(config_paths(context), os.environ)
    except ConfigError as error:
        raise Trouble(str(error)) from None


def whereabouts_of(context: click.Context) -> Whereabouts:
    """Where the daemon is. Trouble only where the whole configuration has to be read for it, and is wrong."""
    from monitor.whereabouts import whereabouts

    return whereabouts(config_paths(context), os.environ) or config_of(context).whereabouts()
