"""What a target names, as each prober of blackbox_exporter reads it. Raises NoTarget for what is none."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from checks.blackbox.modules import Module
from checks.urls import clip


class NoTarget(ValueError):
    """The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Target:
    """
    Attributes:
        host: A name, or an address without brackets. Its address is looked up.
        port: None where the target names none.
        url: As it was read; only of what is asked by HTTP.
    """

    host: str
    port: int | None
    url: SplitResult | None = None


def target_of(module: Module, text: str) -> Target:
    if module.prober in ("http", "grpc"):
        return _by_url(text)
    if module.prober == "icmp":
        return Target(text, None)
    host, port = _split(text)
    if port is None and module.prober == "tcp":
        raise NoTarget(f"{clip(text)} has no port")
    return Target(host, port)


def _by_url(text: str) -> Target:
    try:
        url = urlsplit(text if text.startswith(("http://", "https://")) else f"http://{text}")
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if not host:
        raise NoTarget(f"{clip(text.rpartition('@')[2])} is no URL")
    return Target(host, port, url)


def _split(text: str) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return text.strip("[]"), None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise NoTarget(f"{clip(text)} has a port that is none")
    return host.strip("[]"), int(port)


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def place(host: str, port: int) -> str:
    return f"{bracketed(host)}:{port}"
