"""One question that is asked of a service, and how."""

from __future__ import annotations

from typing import Annotated

from checks.command import OUTPUTS
from checks.starttls import SCRIPTS
from monitor.config.fields import (
    Attempts,
    Command,
    Comparison,
    Conditions,
    Duration,
    Groups,
    HeaderName,
    HeaderValue,
    Host,
    HostPort,
    HttpVersion,
    Interval,
    Line,
    Method,
    RawText,
    Redirects,
    Regex,
    Scopes,
    Secret,
    Size,
    Statuses,
    Switch,
    Target,
    Text,
    Url,
    Variable,
    word,
)
from monitor.config.shape.dns import Dns
from monitor.config.shape.group import Shape
from monitor.config.shape.push import Push
from monitor.config.shape.udp import Udp
from monitor.config.shape.websocket import WebSocket


class Retry(Shape):
    times: Attempts | None = None
    """Further attempts after a failed one, 1 to 5. Default 1."""
    within: Duration | None = None
    """The last attempt begins no later than this after the first has ended. Default 2s."""


class Tls(Shape):
    SHORTHAND = "target"
    target: Target | None = None
    """HOST or HOST:PORT whose certificate is asked for. Default port 443, or that of `starttls`."""
    starttls: Annotated[str | None, *word(*SCRIPTS)] = None
    """With `target`: the protocol that begins in the clear there and is asked for TLS."""
    warn: Duration | None = None
    """With `target`: a certificate that expires within this is warned of. Default 21d."""
    fail: Duration | None = None
    """With `target`: a certificate that expires within this fails the check. Default 7d."""
    name: Line | None = None
    """Of `tcp`, `websocket` and `target`: what the certificate must be for, where it is not the host that is asked."""
    certificate: Line | None = None
    """PEM file of the certificate that we show, with its key or with `key`. Relative to this file."""
    key: Line | None = None
    """PEM file of the key of `certificate`. Relative to this file."""
    verify: Switch | None = None
    """Whether the certificate must be valid. Default true."""
    ca: Line | None = None
    """PEM file of the authorities to trust instead of the system's. Relative to this file."""
    groups: Groups | None = None
    """Of `http` and `grpc`: what keys may be exchanged by, the favourite first: X25519:P-256. Default: OpenSSL's."""


class Promql(Shape):
    SHORTHAND = "query"
    query: Text | None = None
    """PromQL."""
    prometheus: Url | None = None
    """Who is asked. Default `sources.prometheus`."""
    fail: Comparison | None = None
    """A series whose value compares so fails the check, for example "> 0.05". Without it a value of 0 does."""
    warn: Comparison | None = None
    """A series whose value compares so is warned of."""
    empty: Annotated[str | None, *word("failed", "ok", "unknown")] = None
    """What it means that there is no series. Default failed."""


class Basic(Shape):
    user: Line | None = None
    """Sent with the password, and shown to the configured host alone."""
    password: Secret | None = None
    """Its password, for example ${PASSWORD}."""
    password_file: Line | None = None
    """File that holds the password."""


class OAuth2(Shape):
    token_url: Url
    """Who gives the token."""
    client_id: Line
    """As whom we ask for it."""
    client_secret: Secret | None = None
    """Its secret, for example ${CLIENT_SECRET}."""
    client_secret_file: Line | None = None
    """File that holds the secret."""
    scopes: Scopes | None = None
    """What the token is to allow, one or a list."""
    auth: Annotated[str | None, *word("basic", "post")] = None
    """How the secret is sent: as HTTP authentication, or with the form. Default basic."""
    parameters: dict[Line, Text] | None = None
    """What else the form holds, for example audience."""


class Grpc(Shape):
    SHORTHAND = "target"
    target: HostPort | None = None
    """HOST:PORT of a gRPC server with a health service."""
    service: Line | None = None
    """Whose health is asked for. Default: that of the whole server."""


class ScriptStep(Shape):
    send: RawText | None = None
    """Sent as it is written, line ends included: "PING\\r\\n". $1 is the first group of the last `expect`."""
    expect: Regex | None = None
    """A regular expression; lines are read until one matches."""
    refuse: Regex | None = None
    """With `expect`: a line that matches this fails the check at once."""
    starttls: Switch | None = None
    """true: from here on the connection is secured."""


class CheckShape(Shape):
    SHORTHAND = "http"
    http: Url | None = None
    """The URL to ask. It is ok when the status is expected."""
    collector: Url | None = None
    """Health address of an OpenTelemetry Collector, for example http://localhost:13133."""
    metrics: Url | None = None
    """With `collector`: its own metrics, to see whether its pipeline flows."""
    tcp: HostPort | None = None
    """HOST:PORT that must take a connection, and answer the `script` if there is one."""
    udp: Udp | None = None
    """A datagram for HOST:PORT, and the answer that must come."""
    unix: Line | None = None
    """Path of a socket of this machine, asked as `tcp` is. Relative to this file."""
    ssh: Target | None = None
    """HOST or HOST:PORT that must greet as an SSH server does. Default port 22."""
    command: Command | None = None
    """A program that is the check: [PROGRAM, ARGUMENT]. No shell reads it; it is ok when it ends with 0."""
    output: Annotated[str | None, *word(*OUTPUTS)] = None
    """With `command`: how it says how it went: by its status, as Nagios plugins do, by a JUnit or TAP report."""
    directory: Line | None = None
    """With `command`: where it runs. Relative to this file, which is also the default."""
    environment: dict[Variable, Text] | None = None
    """With `command`: what it finds besides the few variables that every program needs, and TRACEPARENT."""
    grpc: Grpc | None = None
    """HOST:PORT of a gRPC server that must call itself healthy. With `tls` over TLS; `headers` are sent as metadata."""
    websocket: WebSocket | None = None
    """A WebSocket that must open, and answer the `script` if there is one: text messages instead of lines."""
    promql: Promql | None = None
    """A query to Prometheus whose values must be other than 0, or as `fail` says."""
    dns: Dns | None = None
    """A name server, and a question that it must answer."""
    icmp: Host | None = None
    """A machine that must send back what it is sent, as ping does it."""
    push: Push | None = None
    """Nothing is asked: a job tells, by asking an address of ours, that it ran and how it went."""
    script: tuple[ScriptStep, ...] | None = None
    """With `tcp`, `unix` and `websocket`: what is said and heard, step by step."""
    interval: Interval | None = None
    """How often it is asked, 1s to 24h. Default 30s. Of a `push`: how often what it told is counted."""
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
    """What certificate is trusted. With `tcp`, `dns`: that TLS is spoken. HOST or `target`: a check of certificates."""
    http_version: HttpVersion | None = None
    """1.1, 2 or 3: what is spoken, and what must be answered. Default: what both sides can of 1.1 and 2."""
    compression: Switch | None = None
    """true: a compressed answer is asked for, and read decompressed. Default false."""
    proxy: Url | None = None
    """A proxy that is asked instead."""
    ip: Annotated[str | None, *word("4", "6")] = None
    """The only family of addresses that is used. Default either, whichever connects first."""
    connect_to: Target | None = None
    """HOST or HOST:PORT that is connected to instead of the one in the URL, which stays the name that is asked for."""
    cookies: Switch | None = None
    """true: what an answer sets is sent along when a redirect is followed. Default false."""
    basic: Basic | None = None
    """User and password."""
    bearer: Secret | None = None
    """A token, for example ${TOKEN}."""
    bearer_file: Line | None = None
    """File that holds the token."""
    oauth2: OAuth2 | None = None
    """Whom to ask for a token first, by client credentials. It is kept until shortly before its end."""
    max_body: Size | None = None
    """How much of the answer is read. Default 64KB."""
    data_loss: Switch | None = None
    """true: its confirmed failure means that data is lost, which is a SEV1 whatever the criticality. Default false."""
    expect: Conditions | None = None
    """Conditions on the answer, all of which must hold: [BODY].status == ok. See docs/conditions.md. With [STATUS] in
    one of them, `status` has no default."""
    warn: Conditions | None = None
    """Conditions that should hold; one that does not is a warning, of an answer that is ok."""
