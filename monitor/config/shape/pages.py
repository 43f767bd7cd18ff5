"""Who is woken, by what."""

from __future__ import annotations

from monitor.config.fields import Line, Secret, Url
from monitor.config.shape.group import Shape


class Pagerduty(Shape):
    routing_key: Secret | None = None
    """The integration key of a service there, of an integration of the kind Events API v2."""
    routing_key_file: Line | None = None
    """File that holds the key."""
    url: Url | None = None
    """Where events go: https://events.eu.pagerduty.com in Europe. Default https://events.pagerduty.com."""


class Pages(Shape):
    pagerduty: Pagerduty | None = None
    """A service in PagerDuty."""
