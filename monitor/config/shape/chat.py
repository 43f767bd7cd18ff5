"""Where people talk of an incident."""

from __future__ import annotations

from pydantic import ConfigDict

from monitor.config.fields import Line, Secret, SlackChannel, Url
from monitor.config.shape.group import Shape


class Slack(Shape):
    # As in SloShape: rules say what is missing.
    model_config = ConfigDict(json_schema_extra={"required": ["channel"]})

    channel: SlackChannel | None = None
    """The channel that threads are begun in: its name, or its id. The app must be in it."""
    token: Secret | None = None
    """Bot token of the app."""
    token_file: Line | None = None
    """File that holds the token."""
    signing_secret: Secret | None = None
    """By which Slack signs what it sends. With it commands are taken at /api/v1/chat/slack."""
    signing_secret_file: Line | None = None
    """File that holds the signing secret."""
    url: Url | None = None
    """Of the API. Default https://slack.com/api."""


class Chat(Shape):
    slack: Slack | None = None
    """A channel in Slack."""
