"""Whose certificates `requests` believes, and how to tell that there is nobody to believe."""

from __future__ import annotations

import os
from typing import Final

NO_AUTHORITIES: Final = "no CA certificates can be read; install ca-certificates, or point SSL_CERT_FILE to a bundle"
_SIGNS: Final = ("certificate bundle", "no certificate or crl found", "no start line")


def trusted_authorities() -> str | bool:
    """A file of our user's certificate authorities, by the two usual names; True for the usual ones."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True


def lacks_authorities(error: BaseException) -> bool:
    """Whether it was our own file that failed: a bad certificate of the other side is another thing."""
    text = str(error).lower()
    return any(sign in text for sign in _SIGNS)
