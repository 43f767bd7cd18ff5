"""
What is asked of those who answer in datagrams, and what they said, as data.

`ip` of a request: the addresses of the name that are used; None: one after the other, as the system orders them.
`source`: the address of ours to ask from; empty: as the system chooses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checks.exchange import Answer
from checks.family import Family
from checks.stream import Security

if TYPE_CHECKING:
    from checks.dns_message import Message, Query  # which only those need who ask a name server


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsRequest:
    """
    Attributes:
        url: `udp://HOST:PORT`, or `tcp://HOST:PORT` to ask over a connection from the beginning.
        security: How that connection is secured. None: not at all.
        timeout: Seconds for everything, from the lookup of the server's own name on.
    """

    url: str
    query: Query
    security: Security | None = None
    timeout: float = 10.0
    ip: Family | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatagramRequest:
    """*url*: `udp://HOST:PORT`. *timeout*: seconds, from the lookup of its name on. The answer's body: what came."""

    url: str
    send: bytes = field(repr=False)  # may be a password
    timeout: float = 10.0
    ip: Family | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoRequest:
    """
    Attributes:
        url: `icmp://HOST`.
        timeout: Seconds, from the lookup of its name on.
        payload: Bytes that are sent and have to come back.
        hop_limit: Of what is sent (IPv4: TTL); 0: what the system uses.
        fragment: Whether it may be cut on its way.
    """

    url: str
    timeout: float = 10.0
    payload: int = 56
    hop_limit: int = 0
    fragment: bool = True
    ip: Family | None = None
    source: str = ""


@dataclass(slots=True, kw_only=True)
class EchoAnswer(Answer):
    """*hop_limit*: Of the packet that came back, when it was here (IPv4: TTL). None where it is not told."""

    hop_limit: int | None = None


@dataclass(slots=True, kw_only=True)
class DnsAnswer(Answer):
    """*message*: None when none came, or none that can be read; `error` then says which."""

    message: Message | None = None
