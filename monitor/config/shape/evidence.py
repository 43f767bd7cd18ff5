"""What is gathered as an incident opens, and of whom it is asked: logs, traces, panels."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from monitor.config.evidence_values import log_query, panel
from monitor.config.fields import Line, Name, Secret, Switch, Url
from monitor.config.shape.group import Shape

LogQuery = Annotated[
    str,
    PlainValidator(log_query),
    WithJsonSchema({"type": "string", "examples": ['{service_name="{service}"} | trace_id="{trace_id}"']}),
]
Panel = Annotated[str, PlainValidator(panel), WithJsonSchema({"type": "string", "pattern": r"^[^/]+/[0-9]+$"})]


class Loki(Shape):
    SHORTHAND = "url"
    url: Url
    """Its base address, for example http://localhost:3100."""
    token: Secret | None = None
    """Sent as a bearer token."""
    token_file: Line | None = None
    """File that holds the token."""
    tenant: Line | None = None
    """Whose logs they are, where Loki has several tenants: sent as X-Scope-OrgID."""
    queries: tuple[LogQuery, ...] | None = None
    """LogQL, tried in order until one finds lines; {trace_id} and {service} are filled in."""


class Tempo(Shape):
    SHORTHAND = "url"
    url: Url
    """Its base address, for example http://localhost:3200."""
    token: Secret | None = None
    """Sent as a bearer token."""
    token_file: Line | None = None
    """File that holds the token."""
    tenant: Line | None = None
    """Whose traces they are, where Tempo has several tenants: sent as X-Scope-OrgID."""


class Grafana(Shape):
    SHORTHAND = "url"
    url: Url
    """Its address as people reach it, for example http://localhost:3000: links in tickets begin with it."""
    token: Secret | None = None
    """Of a service account that may view dashboards."""
    token_file: Line | None = None
    """File that holds the token."""
    panels: dict[Name, Panel] | None = None
    """What they show, and which panel it is, as UID/NUMBER: {latency: abc123/4, errors: abc123/5}."""


class EvidenceOfIncident(Shape):
    bodies: Switch | None = None
    """false: what targets answered is not shown in tickets. Default true: up to 2 KB, secrets masked."""
