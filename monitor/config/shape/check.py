"""One question that is asked of a service, and how."""

from __future__ import annotations

from typing import Annotated

from checks.command import OUTPUTS
from monitor.config.fields import (
    Attempts,
    Command,
    Comparison,
    Duration,
    Host,
    HostPort,
    Interval,
    Line,
    MinuteToHour,
    Name,
    RawText,
    Regex,
    Switch,
    Target,
    Text,
    Url,
    Variable,
    word,
)
from monitor.config.shape.dns import Dns
from monitor.config.shape.group import Shape
from monitor.config.shape.http import HttpShape
from monitor.config.shape.journey import JourneyStep
from monitor.config.shape.push import Push
from monitor.config.shape.udp import Udp
from monitor.config.shape.websocket import WebSocket


class Retry(Shape):
    times: Attempts | None = None
    """Further attempts after a failed one, 1 to 5. Default 1."""
    within: Duration | None = None
    """The last attempt begins no later than this after the first has ended. Default 2s."""


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


class CheckShape(HttpShape):
    SHORTHAND = "http"
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
    journey: tuple[JourneyStep, ...] | None = None
    """Steps over HTTP that pass values on: log in, order, check."""
    script: tuple[ScriptStep, ...] | None = None
    """With `tcp`, `unix` and `websocket`: what is said and heard, step by step."""
    interval: Interval | None = None
    """How often it is asked, 1s to 24h. Default 30s. Of a `push`: how often what it told is counted."""
    timeout: Duration | None = None
    """For one whole attempt; shorter than the interval. Default 80% of the interval, 10s at most."""
    retry: Retry | None = None
    """Further attempts that tell a confirmed failure from an unconfirmed one; they never erase the first."""
    cookies: Switch | None = None
    """true: what an answer sets is sent along when a redirect is followed. Default false."""
    needs: Name | None = None
    """The contact who joins when it fails, by role: database."""
    keep_alive: MinuteToHour | None = None
    """For how long one connection is used again. Default: each probe makes its own, as a newcomer does."""
    data_loss: Switch | None = None
    """true: its confirmed failure means that data is lost, which is a SEV1 whatever the criticality. Default false."""
