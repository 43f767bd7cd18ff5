"""Where to ask, and where to listen: addresses, names of hosts, ports. Parsers as in `values.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from checks.dns_message import labels_of
from monitor.config.problems import Wrong
from monitor.config.values import line, text


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the daemon's own HTTP listens. Port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def url(value: object) -> str:
    """An http or https address with a host and no password in it: addresses are shown in logs, spans and tickets."""
    return _address(value, "http", "https")


def websocket_url(value: object) -> str:
    """As `url`, of a WebSocket."""
    return _address(value, "ws", "wss")


def _address(value: object, clear: str, secure: str) -> str:
    # No `{value}` in these messages: an address that cannot be read may still hold a key.
    found = text(value).strip()
    if re.search(r"[\s\x00-\x1f\x7f\\]", found):
        raise Wrong("holds a space, a backslash or a line break", "Write the address as a browser shows it.")
    scheme, separator, rest = found.partition("://")
    if not separator:
        raise Wrong(f"has no {clear}:// or {secure}:// in front", f"Write the whole address: {clear}://HOST:PORT/PATH.")
    if scheme.lower() not in (clear, secure):
        raise Wrong(f"is neither {clear} nor {secure}", f"Only {clear}:// and {secure}:// addresses are asked.")
    try:
        parts = urlsplit(found)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Wrong("has a host or port that cannot be", f"Write {clear}://HOST:PORT/PATH.") from None
    if "@" in parts.netloc:
        raise Wrong(
            "holds a user name or password, which logs and tickets would show",
            'Remove it; for an http check use headers: {Authorization: "Basic ${LOGIN}"}.',
        )
    if not host or not rest or port == 0:
        raise Wrong("has no host or no usable port", f"Write {clear}://HOST:PORT/PATH.")
    return found


def listen(value: object) -> Listen:
    """`127.0.0.1:8700` or `[::1]:8700`."""
    found = text(value).strip()
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})", found, re.ASCII)
    if match is None or int(match[3]) > 65535:
        raise Wrong("{value} is not HOST:PORT", "Write for example 127.0.0.1:8700, or [::1]:8700.")
    if match[1]:
        try:
            ip_address(match[1])
        except ValueError:
            raise Wrong("{value} is not HOST:PORT", "Write for example [::1]:8700.") from None
    return Listen(match[1] or match[2], int(match[3]))


def target(value: object) -> tuple[str, int | None]:
    """`example.com`, `example.com:443`, `10.0.0.1`, `[::1]:443`: where to connect to."""
    found = text(value).strip()
    fix = "Write HOST:PORT, for example mail.example.com:25 or [::1]:25."
    if "://" in found:
        raise Wrong("has a scheme in front of its host", fix)
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?", found, re.ASCII)
    if match is None or not 0 < int(match[3] or 1) < 65536:
        raise Wrong("{value} is not HOST:PORT", fix)
    if match[1]:
        try:
            ip_address(match[1])
        except ValueError:
            raise Wrong("{value} is not HOST:PORT", fix) from None
    return match[1] or match[2], int(match[3]) if match[3] else None


def host_port(value: object) -> Listen:
    """As `target`, for what has no port of its own."""
    host, port = target(value)
    if port is None:
        raise Wrong("{value} has no port", "Write {value}:PORT.")
    return Listen(host, port)


def host(value: object) -> str:
    """A name or an address alone, for what knows no ports; an IPv6 address in brackets or without."""
    found = text(value).strip()
    if re.fullmatch(r"[0-9A-Fa-f:.]+", found) and found.count(":") > 1:
        found = f"[{found}]"
    if "://" in found:
        raise Wrong("has a scheme in front of its host", "Write the host alone, for example router.example.com.")
    name, port = target(found)
    if port is not None:
        raise Wrong("{value} has a port", f"Write the host alone: {name}.")
    return name


def domain_name(value: object) -> str:
    """`example.com`, `_sip._tcp.example.com`, or `.`: what a name server is asked for."""
    found = line(value)
    try:
        labels_of(found)
    except ValueError as error:
        raise Wrong(f"{{value}} {error}", "Write a domain name, for example www.example.com.") from None
    if re.fullmatch(r"[^\s\\/:@]+", found):
        return found
    raise Wrong("{value} is not a domain name", "Write it without a scheme, a port or a path: www.example.com.")
