"""What makes the address of a push secret: a configured token, or one that is derived from the daemon's own."""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b, sha256

from checks.check import Check
from checks.push import Question


def token_of(secret: str, check: Check) -> str:
    """
    Args:
        secret: The daemon's token. It cannot be found from what is derived from it.
    """
    configured = check.question.token if isinstance(check.question, Question) else ""
    if configured:
        return configured
    derived = hmac.digest(secret.encode(), f"push {check.id}".encode(), sha256)
    return urlsafe_b64encode(derived[:24]).decode()


class Tokens:
    """
    Args:
        tokens: By the identity of the check.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._key = os.urandom(32)
        self._known = {self._digest(token): (check_id, token.encode()) for check_id, token in tokens.items()}

    def whose(self, shown: str) -> str | None:
        """The check, looked up in a time that tells nothing of how much of a token was right."""
        # By a digest whose key nobody knows: which tokens share its first letters cannot be chosen.
        check_id, token = self._known.get(self._digest(shown), (None, b""))
        return check_id if hmac.compare_digest(token, shown.encode("utf-8", "replace")) else None

    def _digest(self, token: str) -> bytes:
        return blake2b(token.encode("utf-8", "replace"), key=self._key, digest_size=32).digest()
