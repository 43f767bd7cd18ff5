"""Whom an incident reaches, by what, and who answers."""

from __future__ import annotations

from typing import Annotated

from monitor.config.fields import Day, Duration, Line, NotYet, Secret, Url, word
from monitor.config.shape.group import Shape


class Webhook(Shape):
    url: Url
    """Where incidents are posted as JSON."""
    secret: Secret | None = None
    """Signs what is posted."""
    secret_file: Line | None = None
    """File that holds the secret."""


class Jira(Shape):
    url: Url
    project: Line
    user: Line | None = None
    token: Secret | None = None
    token_file: Line | None = None


class Tracker(Shape):
    folder: Line | None = None
    """Folder of Markdown tickets. Relative to this file. Default STATE/tickets when there is no other tracker."""
    webhook: Webhook | None = None
    """A program of yours that takes incidents."""
    jira: Annotated[Jira | None, NotYet()] = None


class Slack(Shape):
    token: Secret | None = None
    token_file: Line | None = None
    channel: Line


class Chat(Shape):
    slack: Slack | None = None


class Pagerduty(Shape):
    routing_key: Secret | None = None
    routing_key_file: Line | None = None


class Pages(Shape):
    pagerduty: Pagerduty | None = None


class StatusPage(Shape):
    folder: Line
    template: Line | None = None
    publish: Annotated[str | None, *word("on approval", "at once")] = None


class Hook(Shape):
    secret: Secret | None = None
    secret_file: Line | None = None


class Intake(Shape):
    alertmanager: Hook | None = None
    grafana: Hook | None = None


class Contact(Shape):
    primary: Line
    """Who is asked first."""
    backup: Line | None = None
    """Who is asked otherwise."""


class PlaybookShape(Shape):
    reviewed: Day | None = None
    """When your playbook was last reviewed, year-month-day."""
    review_every: Duration | None = None
    """How often it should be. Default 90d."""
