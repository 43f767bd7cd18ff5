"""
Modules of blackbox_exporter as data: how something is asked, and not what. They cross to the prober.

Regular expressions are Python's by now; `regexes.py` has made them of Go's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from checks.oauth2 import OAuth2
from checks.stream import Security

NOERROR = "NOERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """*missing*: Whether the rule holds where there is no such header."""

    header: str
    pattern: str
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """
    Attributes:
        statuses: Valid ones; empty: those that begin with 2.
        versions: `HTTP/1.1`, `HTTP/2.0`; empty: any.
        host: The value of the header Host, which is in no other place; empty: what the target's URL has.
        headers: What logs us in among them.
        compression: What the body must be compressed with, `gzip` or `deflate`; empty: it is taken as it comes.
        body_limit: Bytes; 0: none.
        resolve: Whether a name is looked up here though a proxy is asked.
    """

    statuses: tuple[int, ...] = ()
    versions: tuple[str, ...] = ()
    method: str = "GET"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # often a secret
    body: str | None = field(default=None, repr=False)
    follow: bool = True
    fail_if_ssl: bool = False
    fail_if_not_ssl: bool = False
    body_matches: tuple[str, ...] = ()
    body_not_matches: tuple[str, ...] = ()
    header_matches: tuple[HeaderRule, ...] = ()
    header_not_matches: tuple[HeaderRule, ...] = ()
    compression: str = ""
    body_limit: int = 0
    proxy: str = field(default="", repr=False)
    resolve: bool = True
    http2: bool = True
    tls: Security = Security()  # noqa: RUF009 - frozen
    oauth2: OAuth2 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One of a conversation: a line that is waited for, then one that is sent, then TLS."""

    expect: str = ""
    send: str = field(default="", repr=False)  # may be a password
    starttls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """*source*: Address of ours to ask from; empty: as the system chooses."""

    entries: tuple[Entry, ...] = ()
    secured: bool = False
    tls: Security = Security()  # noqa: RUF009 - frozen
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    What the records of a section must be like.

    Attributes:
        none: A record that matches one of these fails.
        every: A record that does not match each of these fails, and so does an empty section.
        some: No record that matches any of these fails.
    """

    none: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    some: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    name: str
    rtype: str = "ANY"
    rclass: str = "IN"
    recursion: bool = True
    transport: str = "udp"
    secured: bool = False
    tls: Security = Security()  # noqa: RUF009 - frozen
    rcodes: tuple[str, ...] = (NOERROR,)
    answer: Rules = Rules()
    authority: Rules = Rules()
    additional: Rules = Rules()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Icmp:
    """*payload*: Bytes. *ttl*: the hop limit of what is sent."""

    payload: int
    ttl: int = 64
    dont_fragment: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grpc:
    service: str = ""
    secured: bool = False
    tls: Security = Security()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """
    Attributes:
        prober: Which of the others is set: `http`, `tcp`, `dns`, `icmp` or `grpc`.
        timeout: Seconds; 0: what whoever scrapes gives.
        ip: 4 or 6, the family of addresses that is preferred. *fallback*: whether the other one does as well.
    """

    prober: str
    timeout: float = 0.0
    ip: int = 6
    fallback: bool = True
    http: Http | None = None
    tcp: Tcp | None = None
    dns: Dns | None = None
    icmp: Icmp | None = None
    grpc: Grpc | None = None
