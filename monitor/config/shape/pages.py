"""Who is woken, by what."""

from __future__ import annotations

from pydantic import ConfigDict

from monitor.config.fields import Line, Secret, Url
from monitor.config.shape.group import Shape


class Pagerduty(Shape):
    routing_key: Secret | None = None
    """The integration key of a service there, of an integration of the kind Events API v2."""
    routing_key_file: Line | None = None
    """File that holds the key."""
    url: Url | None = None
    """Where events go: https://events.eu.pagerduty.com in Europe. Default https://events.pagerduty.com."""


class Alertmanager(Shape):
    # As in SloShape: rules say what is missing.
    model_config = ConfigDict(json_schema_extra={"required": ["url"]})

    url: Url | None = None
    """Where it is, with the path that it is served under."""
    token: Secret | None = None
    """Bearer token, where something in front of it asks for one."""
    token_file: Line | None = None
    """File that holds the token."""


class Apprise(Shape):
    urls: tuple[Secret, ...] | None = None
    """Addresses as apprise knows them: mailto://, smtps://, ntfy://, ... Each gets every page."""
    urls_file: Line | None = None
    """File that holds them, one a line."""


class Pages(Shape):
    pagerduty: Pagerduty | None = None
    """A service in PagerDuty."""
    alertmanager: Alertmanager | None = None
    """An Alertmanager, whose routes and silences apply."""
    apprise: Apprise | None = None
    """E-mail, and the hundred other ways that apprise knows."""
