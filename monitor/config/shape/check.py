"""One question that is asked of a service, and how."""

from __future__ import annotations

from typing import Annotated

from monitor.config.fields import (
    Attempts,
    Duration,
    HeaderName,
    HeaderValue,
    Interval,
    Line,
    Method,
    NotYet,
    Redirects,
    Size,
    Statuses,
    Switch,
    Text,
    Url,
)
from monitor.config.shape.group import Shape


class Retry(Shape):
    times: Attempts | None = None
    """Further attempts after a failed one, 1 to 5. Default 1."""
    within: Duration | None = None
    """The last attempt begins no later than this after the first has ended. Default 2s."""


class Tls(Shape):
    verify: Switch | None = None
    """Whether the certificate must be valid. Default true."""
    ca: Line | None = None
    """PEM file of the authorities to trust instead of the system's. Relative to this file."""


class CheckShape(Shape):
    SHORTHAND = "http"
    http: Url | None = None
    """The URL to ask. It is ok when the status is expected."""
    collector: Url | None = None
    """Health address of an OpenTelemetry Collector, for example http://localhost:13133."""
    metrics: Url | None = None
    """With `collector`: its own metrics, to see whether its pipeline flows."""
    interval: Interval | None = None
    """How often it is asked, 1s to 24h. Default 30s."""
    timeout: Duration | None = None
    """For one whole attempt; shorter than the interval. Default 80% of the interval, 10s at most."""
    retry: Retry | None = None
    """Further attempts that tell a confirmed failure from an unconfirmed one; they never erase the first."""
    method: Method | None = None
    """GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS. Default GET."""
    headers: dict[HeaderName, HeaderValue] | None = None
    """Sent with the request, and dropped when a redirect leads to another host."""
    body: Text | None = None
    """Sent with the request."""
    status: Statuses | None = None
    """Accepted statuses: 200, 2xx, 200-299, or a list of them. Default 2xx."""
    redirects: Redirects | None = None
    """false: a redirect is the answer; a number: how many are followed. Default 10."""
    tls: Tls | None = None
    """What certificate is trusted."""
    max_body: Size | None = None
    """How much of the answer is read. Default 64KB."""
    data_loss: Switch | None = None
    """true: its confirmed failure means that data is lost, which is a SEV1 whatever the criticality. Default false."""
    expect: Annotated[tuple[Text, ...] | None, NotYet()] = None
    warn: Annotated[tuple[Text, ...] | None, NotYet()] = None
