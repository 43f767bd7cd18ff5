"""What a target wrote or a config holds, made fit for a person's eyes: one line, bounded, without credentials."""

from __future__ import annotations

from urllib.parse import urlsplit


def shown(url: str) -> str:
    """*url* without credentials, and without the query, where keys and signatures travel."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be parsed"
    query = "?..." if parts.query else ""
    return clip(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{query}")


def clip(text: str, limit: int = 200) -> str:
    """One printable line of at most *limit* characters."""
    line = "".join(c if c.isprintable() else "?" for c in text[: limit + 1])
    return line if len(line) <= limit else line[: limit - 3] + "..."
