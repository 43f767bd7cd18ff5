"""The monitor itself: where it listens, what it keeps, where its telemetry goes, whom it asks what others measured."""

from __future__ import annotations

from typing import Annotated

from monitor.config.fields import (
    Address,
    Duration,
    Line,
    NotYet,
    SecondOrMore,
    SecretUrl,
    TimeZone,
    Url,
)
from monitor.config.shape.evidence import Grafana, Loki, Tempo
from monitor.config.shape.group import Shape


class Retention(Shape):
    minutes: Duration | None = None
    """How long 1-minute rows are kept. Default 48h."""
    five_minutes: Duration | None = None
    """How long 5-minute rows are kept. Default 35d."""
    hours: Duration | None = None
    """How long hourly rows are kept. Default 400d."""


class Heartbeat(Shape):
    SHORTHAND = "url"
    url: SecretUrl | None = None
    """The address to ask, kept secret."""
    url_file: Line | None = None
    """File that holds the address."""
    every: SecondOrMore | None = None
    """How often. Default 60s."""


class Monitor(Shape):
    environment: Line | None = None
    """`deployment.environment.name` of everything that is told. Default production."""
    location: Line | None = None
    """Where the probes come from. Default local."""
    time_zone: TimeZone | None = None
    """IANA name: the hours of the week that baselines know. Default UTC."""
    state: Line | None = None
    """Folder of ledger, history and lock. Relative to this file. Default ./state."""
    listen: Address | None = None
    """HOST:PORT of dashboard and API. Default 127.0.0.1:8700."""
    token_file: Line | None = None
    """File with the token for everything that writes. Without it one is made in the state folder."""
    online: tuple[Url, ...] | None = None
    """Reference targets, at least two: when none of them answers, we are offline and nobody else is blamed."""
    heartbeat: Heartbeat | None = None
    """An address outside that is asked regularly, and raises the alarm when we fall silent."""
    probe_modules: Line | None = None
    """Modules file of blackbox_exporter, by which GET /probe asks. Relative to this file. Default none: no /probe."""
    retention: Retention | None = None
    """How long the history is kept."""
    proxy: Annotated[Url | None, NotYet()] = None


class Telemetry(Shape):
    otlp: Url | None = None
    """OTLP over HTTP: the base address of a collector, for example http://localhost:4318."""


class Sources(Shape):
    prometheus: Url | None = None
    """Where `traffic` queries are asked, for example http://localhost:9090."""
    loki: Loki | None = None
    """Where the logs of an incident are looked for, as evidence. An address alone is its url."""
    tempo: Tempo | None = None
    """Where the failing probe's trace is looked for, as evidence. An address alone is its url."""
    grafana: Grafana | None = None
    """Whose panels are evidence: as images where it renders them, and as links."""
