"""A request over HTTP, and what its answer must be."""

from __future__ import annotations

from typing import Annotated

from checks.starttls import SCRIPTS
from monitor.config.fields import (
    Conditions,
    Duration,
    Groups,
    HeaderName,
    HeaderValue,
    HttpVersion,
    Line,
    Method,
    MinuteToHour,
    Redirects,
    Scopes,
    Secret,
    Size,
    Statuses,
    Switch,
    Target,
    Text,
    Url,
    word,
)
from monitor.config.shape.group import Shape


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
    resume: MinuteToHour | None = None
    """Of `http` and `grpc`: for how long handshakes resume the session of a full one. Default: each is a full one."""


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


class HttpShape(Shape):
    """What is asked of a URL: by an http check, and by each step of a journey."""

    http: Url | None = None
    """The URL to ask. It is ok when the status is expected."""
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
    ip: Annotated[str | None, *word("4", "6", "prefer 4", "prefer 6")] = None
    """The only family of addresses that is used, or the one that is where the name has an address of it. Default
    either, whichever connects first."""
    connect_to: Target | None = None
    """HOST or HOST:PORT that is connected to instead of the one in the URL, which stays the name that is asked for."""
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
    expect: Conditions | None = None
    """Conditions on the answer, all of which must hold: [BODY].status == ok. See docs/conditions.md. With [STATUS] in
    one of them, `status` has no default."""
    warn: Conditions | None = None
    """Conditions that should hold; one that does not is a warning, of an answer that is ok."""
