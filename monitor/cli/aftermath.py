"""What `check-once` does once the verdicts are out: tells the daemon, exports spans. Neither changes the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from checks.check import Check
from checks.result import CheckResult
from monitor.cli.output import printable
from monitor.cli.verdicts import Status, Verdict

if TYPE_CHECKING:
    from monitor.cli.client import Client
    from monitor.clock import Clock
    from monitor.config import Config

FLUSH = 2.0
"""Seconds that an absent collector may hold up a pipeline."""

RUNS: Final = (
    ("GitHub Actions", ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT")),
    ("GitLab CI", ("CI_PIPELINE_ID",)),
    ("Buildkite", ("BUILDKITE_BUILD_ID",)),
    ("CircleCI", ("CIRCLE_WORKFLOW_ID",)),
    ("Azure Pipelines", ("BUILD_BUILDID",)),
    ("Jenkins", ("BUILD_TAG",)),
    ("Drone", ("DRONE_BUILD_NUMBER",)),
    ("Travis CI", ("TRAVIS_BUILD_ID",)),
)
"""Who runs us, and what names this run: a job that is repeated within one run reports nothing twice."""


def run_of(environ: Mapping[str, str]) -> tuple[str, str]:
    """The pipeline's name and its run's id; ("", "") outside of one."""
    for name, variables in RUNS:
        if environ.get(variables[0]):
            return name, "-".join(environ[v] for v in variables if environ.get(v))
    return "", ""


def report_failures(config: Config, verdicts: Sequence[Verdict], environ: Mapping[str, str], url: str = "") -> None:
    """
    One user report for each service with a failed check. What could not be asked is no report of theirs.

    Args:
        url: Of the daemon; without it, it is where the configuration says.
    """
    from monitor.cli.client import DaemonAway, DaemonRefused
    from monitor.web.token import TokenError

    failed: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.status is Status.FAILED and verdict.result.service in config.services:
            failed.setdefault(verdict.result.service, []).append(verdict)
    if not failed:
        return
    pipeline, run = run_of(environ)
    try:
        client = _client(config, environ, url)
        for service, of_service in failed.items():
            body = {
                "reporter": f"check-once, {pipeline} {run}" if pipeline else "check-once",
                "service": service,
                "symptoms": symptoms(of_service),
            }
            key = _plain(f"check-once/{pipeline}/{run}/{service}") if pipeline else ""
            incident = client.post("/api/v1/incidents", body, key)
            click.echo(f"reported {service}: {printable(str(incident.get('reference')))}", err=True)
    except (DaemonAway, DaemonRefused, TokenError) as error:
        click.echo(f"not reported: {error}", err=True)


def _client(config: Config, environ: Mapping[str, str], url: str) -> Client:
    from monitor.cli.client import client_at, writing_client_of

    if not url:
        return writing_client_of(config.whereabouts())
    token = environ.get("WATCHKEEPER_TOKEN", "")
    if not token and config.monitor.token:
        token = config.monitor.token.get_secret_value()
    return client_at(url, token)


def symptoms(verdicts: Sequence[Verdict]) -> str:
    lines = [printable(f"{verdict.result.check}: {verdict.why}") for verdict in verdicts]
    return "\n".join(lines)[:4000]


def _plain(key: str) -> str:
    return key.encode("ascii", "replace").decode()[:200]


def export(config: Config, checks: Sequence[Check], results: Sequence[CheckResult], clock: Clock) -> None:
    from uuid import uuid4

    from monitor.telemetry import Telemetry

    by_id = {check.id: check for check in checks}
    telemetry = Telemetry.start(
        config.telemetry.otlp,
        config.monitor.environment,
        config.monitor.location,
        f"check-once-{uuid4()}",
        clock,
        secrets=config.secrets(),
    )
    for result in results:
        telemetry.probe(by_id[result.id], result)
    telemetry.close(FLUSH)
