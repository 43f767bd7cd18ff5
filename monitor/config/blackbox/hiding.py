"""A module as it may be shown to whoever can ask for a probe by it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from monitor.config.document import Group, Listing, Node
from monitor.config.values import TELLING_NAME

SECRET: Final = "<secret>"  # noqa: S105 - what stands in the place of one
_SECRETS: Final = ("password", "bearer_token", "credentials", "client_secret", "body", "send", "key")
_GROUPS: Final = ("headers", "endpoint_params", "proxy_connect_header", "http_headers")
"""Of names that may be anything: those that say so hold a secret."""


def hidden(node: Node, key: str = "", within: str = "") -> object:
    """*node* as dicts, lists and text. What is sent to log in somewhere, or may be, is left out."""
    if isinstance(node, Group):
        return {name: hidden(entry.value, name, key) for name, entry in node.entries.items()}
    if isinstance(node, Listing):
        return [hidden(item, key, within) for item in node.items]
    text = node.text or ""
    if not text:
        return text
    if key in _SECRETS or (within in _GROUPS and TELLING_NAME.search(key)):
        return SECRET
    return SECRET if key.endswith("_url") and _has_login(text) else text


def _has_login(url: str) -> bool:
    try:
        return "@" in urlsplit(url).netloc
    except ValueError:
        return True
