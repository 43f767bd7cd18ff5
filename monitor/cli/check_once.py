"""
`monitor check-once`: every check once, judged as the daemon judges, for pipelines and for people.

Takes no lock and writes no ledger. What a plain URL does not need (configuration, telemetry, baselines) is not imported
for it, so that the start costs less than the probe.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from checks.check import Check
from checks.result import CheckResult, Outcome
from monitor.cli.formats import FORMATS, as_table, nagios_line
from monitor.cli.output import Trouble, colour_wanted, printable, width_of
from monitor.cli.selection import NOT_ASKED, UnknownName, askable, check_of_url, is_url, select, unasked
from monitor.cli.verdicts import EXIT_CODES, Status, Verdict, overall
from monitor.clock import SteadyClock

if TYPE_CHECKING:
    from monitor.config import Config

BASELINE_PROBES = 5
"""Their median is compared: a single slow answer is not a slow service."""

PAUSE = 1.0
"""Seconds between two rounds of --wait."""


UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def seconds(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """`60s`, `2m`, `1m30s`, or a plain number of seconds."""
    part = r"(\d+(?:\.\d+)?)(ms|s|m|h)"
    if not re.fullmatch(rf"(?:{part})+|\d+(?:\.\d+)?", text, re.ASCII):
        raise click.BadParameter(f"{text!r} is not a duration; write it as 60s, 2m or 1m30s")
    parts = re.findall(part, text, re.ASCII) or [(text, "")]
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def _address(_context: click.Context, _parameter: click.Parameter, url: str) -> str:
    if url:
        from monitor.cli.client import client_at

        try:
            client_at(url, "")
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return url


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{printable(str(path))}: cannot be written: {error.strerror}") from None


@dataclass(slots=True)
class Job:
    """
    What one run asks.

    Attributes:
        config: None when only URLs were named.
        results: Of every round, for telemetry.
    """

    checks: tuple[Check, ...]
    config: Config | None
    clock: SteadyClock
    samples: int = 1
    results: list[CheckResult] = field(default_factory=list)

    def ask(self) -> list[CheckResult]:
        from monitor.probing.once import run_once

        references = self.config.monitor.online if self.config else ()
        asked = [check for check in self.checks if check.question.kind != "push"]
        found = run_once(asked, references, self.clock, samples=self.samples) if asked else []
        if self.config is not None and (secrets := self.config.secrets()):
            from monitor.probing.hiding import Hiding

            found = [*map(Hiding(secrets).of, found)]
        self.results += found
        return found

    def unasked(self) -> list[CheckResult]:
        """Of the checks that were named though nobody can ask them. No further round would change it."""
        return [unasked(check, self.clock.now()) for check in self.checks if check.question.kind == "push"]


@click.command(
    name="check-once",
    epilog="""\b
Examples:
  monitor check-once                                  every check of the configuration
  monitor check-once orders-service payments/live     these alone
  monitor check-once http://localhost:8080/healthz    a URL, without any configuration
  monitor check-once --wait 60s --format github --junit checks.xml
\b
Exit codes: 0 ok, 1 warning, 2 failed, 3 unknown (could not ask, bad config, bad usage).
A check that was ok only after a second attempt says so and counts as ok.""",
)
@click.argument("names", nargs=-1, metavar="[SERVICE|SERVICE/CHECK|URL]...")
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table", show_default=True)
@click.option(
    "--wait",
    default="0",
    metavar="TIME",
    callback=seconds,
    help="Ask again until all are ok or this time is over: 60s, 2m.",
)
@click.option(
    "--against-baseline",
    is_flag=True,
    help=f"Ask {BASELINE_PROBES} times and warn of a median latency above this hour's usual 99 %.",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write JUnit XML there, beside what --format prints.",
)
@click.option("--report", is_flag=True, help="Tell the running daemon of what failed, as a user report.")
@click.option(
    "--report-to",
    "url",
    metavar="URL",
    default="",
    envvar="WATCHKEEPER_URL",
    callback=_address,
    help="--report, to the daemon there, with the token in WATCHKEEPER_TOKEN.  "
    "[env: WATCHKEEPER_URL, together with --report; default: monitor.listen]",
)
@click.pass_context
def check_once(
    context: click.Context,
    names: tuple[str, ...],
    style: str,
    wait: float,
    against_baseline: bool,
    junit: Path | None,
    report: bool,
    url: str,
) -> None:
    """Ask every check once, or those that are named, and tell by the exit code."""
    report = report or (context.get_parameter_source("url") is ParameterSource.COMMANDLINE and bool(url))
    try:
        job = _job(context, names, BASELINE_PROBES if against_baseline else 1, needs_config=against_baseline or report)
    except Trouble as trouble:
        if style == "nagios":  # its readers look at the first line of the output and at nothing else
            click.echo(f"CHECKS {nagios_line(Status.UNKNOWN, trouble.message)}")
        raise
    progress = Progress(watched=wait > 0 and sys.stderr.isatty())
    results = [*until_ok(job.ask, wait, progress.tell), *job.unasked()]
    progress.clear()
    verdicts = _verdicts(job, results, against_baseline)
    if junit is not None:
        _write(junit, FORMATS["junit"](verdicts))
    if style == "table":
        click.echo(as_table(verdicts, width_of(sys.stdout), colour_wanted(sys.stdout)))
    else:
        click.echo(FORMATS[style](verdicts))
    sys.stdout.flush()
    if job.config is not None:
        from monitor.cli.aftermath import export, report_failures

        if report:
            report_failures(job.config, verdicts, os.environ, url)
        if job.config.telemetry.otlp:
            export(job.config, job.checks, job.results, job.clock)
    context.exit(EXIT_CODES[overall(verdicts)])


def _job(context: click.Context, names: Sequence[str], samples: int, needs_config: bool) -> Job:
    """What was meant; the configuration is read only when something in it is."""
    config = None
    chosen: tuple[Check, ...] = ()
    try:
        if needs_config or not names or not all(map(is_url, names)):
            from monitor.cli.main import config_of

            config = config_of(context)
            chosen, left_out = askable(select(config.all_checks(), names), names)
            for check in left_out:
                click.echo(printable(f"{check.id} is left out: {NOT_ASKED}"), err=True)
        chosen += tuple(check_of_url(name) for name in dict.fromkeys(names) if is_url(name))
    except UnknownName as error:
        raise Trouble(printable_lines(str(error))) from None
    if not chosen:
        raise Trouble("there is no check to ask; add one under services: in the configuration, or name a URL")
    return Job(chosen, config, SteadyClock.begin(), samples)


def printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))


def until_ok(
    ask: Callable[[], list[CheckResult]],
    wait: float,
    tell: Callable[[Sequence[CheckResult], float], None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[CheckResult]:
    """
    The last round's results: all ok at the first attempt, or no other round may begin within *wait* seconds.

    Every round asks every check: one that was ok a minute ago proves nothing about a deployment that goes on.
    """
    until = now() + wait
    while True:
        results = ask()
        left = until - now()
        if left <= PAUSE or all(result.outcome is Outcome.OK for result in results):
            return results
        tell(results, left)
        sleep(PAUSE)


@dataclass(frozen=True, slots=True)
class Progress:
    """One line on the terminal that is written over; nothing where nobody watches."""

    watched: bool

    def tell(self, results: Sequence[CheckResult], left: float) -> None:
        waiting = [result for result in results if result.outcome is not Outcome.OK]
        first = waiting[0]
        text = f"{left:.0f} s left, {len(waiting)} of {len(results)} not ok; {first.id}: {first.reason}: {first.detail}"
        self._write(printable(text)[: width_of(sys.stderr) - 1])

    def clear(self) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        if self.watched:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def _verdicts(job: Job, results: Sequence[CheckResult], against_baseline: bool) -> list[Verdict]:
    """One for each check, in the order in which they were chosen; of several samples the worst speaks."""
    samples: dict[str, list[CheckResult]] = {check.id: [] for check in job.checks}
    for result in results:
        samples[result.id].append(result)
    found = {check.id: ("", "") for check in job.checks}
    if against_baseline and job.config is not None:
        from monitor.cli.usual import compare

        found = {check.id: compare(job.config, check, samples[check.id], job.clock.now()) for check in job.checks}
    planned = {check.service: _planned(job.config, check.service) for check in job.checks}
    verdicts = []
    for check in job.checks:
        worst = min(samples[check.id], key=lambda result: _WORST_FIRST.index(result.outcome))
        warning, note = found[check.id]
        notes = (*worst.notes, *filter(None, (note, planned[check.service])))
        warnings = (*worst.warnings, warning) if warning else worst.warnings
        verdicts.append(Verdict(result=worst, warnings=warnings, notes=notes))
    return verdicts


def _planned(config: Config | None, service: str) -> str:
    """A note that the service is in maintenance. No status rests on it: a pipeline wants to know how it is."""
    windows = config.services[service].maintenance if config is not None and service in config.services else ()
    if not windows:
        return ""
    from monitor.core.maintenance import stand

    inside = stand(windows, datetime.now(UTC)).inside
    return f"in {inside.text}" if inside is not None else ""


_WORST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.OK)
