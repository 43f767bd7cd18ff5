"""An address that may be shown: credentials, signatures and configured secrets are replaced."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from monitor.logs.redact import spellings

REDACTED = "REDACTED"

SIGNATURE_KEYS = frozenset({"awsaccesskeyid", "signature", "sig", "x-goog-signature", "x-amz-signature"})
"""Query keys whose values OpenTelemetry's conventions want redacted, in lower case; and AWS's newer one."""


def masker(secrets: Iterable[str]) -> tuple[str, ...]:
    """Every spelling of the secrets, longest first; short ones too, since an address has no words to be spoilt."""
    return spellings(secrets, shortest=1)


def mask(value: str, hidden: tuple[str, ...]) -> str:
    for secret in hidden:
        value = value.replace(secret, REDACTED)
    return value


def shown_url(url: str, hidden: tuple[str, ...] = ()) -> str:
    """Total: what cannot be read as an address is not shown at all."""
    try:
        parts = urlsplit(url)
        credentials, at, address = parts.netloc.rpartition("@")
        if at:
            address = f"{REDACTED}:{REDACTED}@{address}" if ":" in credentials else f"{REDACTED}@{address}"
        shown = urlunsplit(parts._replace(netloc=address, query=_shown_query(parts.query)))
    except ValueError:
        return REDACTED
    return mask(shown, hidden)


def _shown_query(query: str) -> str:
    def shown(pair: str) -> str:
        key, equals, _ = pair.partition("=")
        return f"{key}={REDACTED}" if equals and key.lower() in SIGNATURE_KEYS else pair

    return "&".join(shown(pair) for pair in query.split("&"))
