"""
Which Host headers are ours. A page that a browser was tricked into resolving to us (DNS rebinding) brings its own name.

Such an attack needs a name that a stranger can give an address, so an address itself is never one, and neither is a
name without a dot, as containers and machines of one network use among themselves.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address


def host_allowed(header: str, listen_host: str) -> bool:
    """
    Args:
        header: The Host header as sent, with or without a port.
        listen_host: Where the server listens. On loopback only loopback names are ours.
    """
    name = host_of(header)
    if name is None:
        return False
    if name == "localhost" or name.endswith(".localhost") or name == host_of(listen_host):
        return True
    address = _address(name)
    if address is not None and address.is_loopback:
        return True
    return not _is_loopback(listen_host) and (address is not None or "." not in name)


def host_of(header: str) -> str | None:
    """The name or address without port and brackets, in lower case; None for what is neither."""
    text = header.strip().lower()
    if text.startswith("["):
        inner, closed, port = text[1:].partition("]")
        return inner if closed and (not port or (port[0] == ":" and _is_port(port[1:]))) and _address(inner) else None
    if _address(text) is not None:
        return text  # an IPv6 address without brackets, as a configuration may have it
    name, colon, port = text.partition(":")
    name = name.removesuffix(".")
    if not name or (colon and not _is_port(port)):
        return None
    return name if all(char.isascii() and (char.isalnum() or char in "-._") for char in name) else None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_loopback(host: str) -> bool:
    address = _address(host.strip("[]"))
    return address.is_loopback if address is not None else host.lower() == "localhost"


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
