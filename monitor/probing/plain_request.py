"""
Which requests need nothing but HTTP/1.1 over one TCP connection, and their bytes, which are those libcurl would send.

Whatever is not surely understood here in libcurl's way is left to libcurl. Pure.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pycurl

from checks.exchange import HttpRequest
from monitor.probing.hops import MOST_KEPT, Headers, Hop

_URL: Final = re.compile(
    r"http://(?:(?P<v4>[0-9.]+)|\[(?P<v6>[0-9a-f:]+)\]|(?P<name>localhost))(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*)?(?P<query>\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*)?"
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# libcurl reads these itself, and does something about them.
_READ_BY_LIBCURL: Final = frozenset(
    {"connection", "content-length", "expect", "range", "te", "trailer", "transfer-encoding", "upgrade"}
)
_USER_AGENT: Final = f"User-Agent: {pycurl.version}\r\n"


@dataclass(frozen=True, slots=True)
class Place:
    """
    Attributes:
        addresses: Where to connect, each with its family, one after the other until one answers.
        host: As it stands in the Host header.
        target: Path and query, as they stand in the request line.
        near: Whether it is this machine.
    """

    addresses: tuple[tuple[socket.AddressFamily, tuple[str, int]], ...]
    host: str
    target: str
    near: bool


@lru_cache(maxsize=MOST_KEPT)
def place_of(url: str) -> Place | None:
    """Where to ask *url* and for what; None where that is for libcurl to find out."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    v4, v6, name, port, path, query = found.groups()
    path = path or "/"
    if any(segment in (".", "..") for segment in path.replace("%2E", ".").split("/")):
        return None
    number = int(port or 80)
    if number > 65_535:
        return None
    # RFC 6761: this name is never looked up.
    hosts = ["::1", "127.0.0.1"] if name else [v4 or v6]
    addresses = []
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if not _is_canonical(family, host):
            return None
        addresses.append((family, (host, number)))
    shown = name or v4 or f"[{v6}]"
    near = hosts[0] == "::1" or hosts[0].startswith("127.")
    return Place(tuple(addresses), shown if number == 80 else f"{shown}:{number}", path + (query or ""), near)


def _is_canonical(family: socket.AddressFamily, host: str) -> bool:
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, host)) == host
    except OSError:
        return False


def wire_of(request: HttpRequest, hop: Hop, own: Headers, place: Place) -> bytes | None:
    """What to send; None where it is better left to libcurl."""
    if hop.method == "GET" and hop.body is None and not (request.headers and hop.trusted) and len(own) == 2:
        # Nearly every request: ours are the trace and the user agent.
        (name, value), (name2, value2) = own
        if name2 == "User-Agent":
            return (
                f"GET {place.target} HTTP/1.1\r\nHost: {place.host}\r\nAccept: */*\r\n"
                f"{name}: {value}\r\n{name2}: {value2}\r\n\r\n"
            ).encode()
    return _general(request, hop, own, place)


def _general(request: HttpRequest, hop: Hop, own: Headers, place: Place) -> bytes | None:
    body = hop.body
    if _TOKEN.fullmatch(hop.method) is None or hop.method == "CONNECT":
        return None
    configured = request.headers if hop.trusted else ()
    if not all(_is_plain(name, value) for name, value in configured):
        return None
    named = {name.lower() for name, _ in configured}
    pairs = [*configured, *((name, value) for name, value in own if name.lower() not in named)]
    named.update(name.lower() for name, _ in own)
    host = next((f" {value}" if value else "" for name, value in configured if name.lower() == "host"), None)
    lines = [f"{hop.method} {place.target} HTTP/1.1\r\nHost:{f' {place.host}' if host is None else host}\r\n"]
    if "user-agent" not in named:
        lines.append(_USER_AGENT)
    if "accept" not in named:
        lines.append("Accept: */*\r\n")
    lines += [f"{name}: {value}\r\n" if value else f"{name}:\r\n" for name, value in pairs if name.lower() != "host"]
    if body is None or hop.method == "HEAD":
        return ("".join(lines) + "\r\n").encode()
    return ("".join(lines) + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def _is_plain(name: str, value: str) -> bool:
    if _TOKEN.fullmatch(name) is None or name.lower() in _READ_BY_LIBCURL:
        return False
    return value.strip() == value and not any(c in "\r\n\0" for c in value)
