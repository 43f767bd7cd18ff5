"""A service: its checks, its objectives, its traffic."""

from __future__ import annotations

from typing import Annotated

from monitor.config.fields import Always, Command, Line, MinuteToDay, Name, SecondToHour, Switch, Text, word
from monitor.config.shape.check import CheckShape
from monitor.config.shape.group import Shape
from monitor.config.shape.maintenance import MaintenanceShape
from monitor.config.shape.slo import SloShape


class Traffic(Shape):
    requests: Text | None = None
    """PromQL: requests per second."""
    errors: Text | None = None
    """PromQL: failed requests per second. A rate, not a ratio."""
    latency: Text | None = None
    """PromQL: a quantile of the latency, in seconds."""
    queue_depth: Text | None = None
    """PromQL: how much waits. Above its baseline it is evidence for the severity."""


class QueryShape(Shape):
    promql: Text
    """PromQL that gives one number, or nothing."""
    data_loss: Switch | None = None
    """true: a number above 0 means that data is lost, which is a SEV1 whatever the criticality."""


class When(Shape):
    SHORTHAND = "always"
    deployed_within: MinuteToDay | None = None
    """A deploy of the service so long before the first failure speaks for it."""
    above_baseline: Annotated[str | None, *word("errors", "latency", "queue_depth")] = None
    """That key of `traffic` above its baseline speaks for it."""
    always: Always | None = None
    """It is an option whatever the evidence."""


class MitigationShape(Shape):
    description: Line | None = None
    """What it does, for who has to decide."""
    when: When | None = None
    """What speaks for it. Default always."""
    run: Command | None = None
    """The program and its arguments; no shell reads them. A relative program is looked for beside this file."""
    run_by: Annotated[str | None, *word("copy", "daemon", "unit")] = None
    """Who runs it once a person has approved by name. copy: nobody, people copy the command. Default copy."""
    timeout: SecondToHour | None = None
    """How long it may take. Default 5m."""


class ServiceShape(Shape):
    criticality: Annotated[str | None, *word("critical", "high", "medium", "low")] = None
    """How much depends on it; decides the severity. Default medium."""
    tags: tuple[Line, ...] | None = None
    """Words of your own, shown and sent along."""
    depends_on: tuple[Name, ...] | None = None
    """Services whose failure explains this one's: one incident, not two."""
    checks: dict[Name, CheckShape] | None = None
    """The questions that are asked of it. A URL alone is an http check that wants a 2xx."""
    slos: tuple[SloShape, ...] | None = None
    """Objectives with an error budget."""
    traffic: Traffic | None = None
    """What real users see, from Prometheus."""
    queries: dict[Name, QueryShape] | None = None
    """Signals of your own, from Prometheus."""
    deploys: Text | None = None
    """PromQL whose answer is another one after each deploy: count by (version) (app_info)."""
    alert_labels: dict[Line, Line] | None = None
    """Labels, all of which an alert of it has that another system sends (`intake`)."""
    maintenance: tuple[MaintenanceShape, ...] | None = None
    """Planned windows: nobody is told, and what is measured in them is no word on its SLO."""
    mitigations: dict[Name, MitigationShape] | None = None
    """What people can do about it, offered in its incidents by evidence."""
    logs: Line | None = None
    """The command that shows its logs, for the ticket. Default docker compose logs -f SERVICE."""
