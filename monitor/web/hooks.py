"""Who may send alerts: whoever shows the secret, as a token, as a password, or by a signature over the body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from monitor.web.problems import HttpProblem

SIGNATURE: Final = "x-grafana-alerting-signature"
SIGNED_WITHIN: Final = 300.0
"""Seconds between a signature's timestamp and now, either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookKey:
    """
    Attributes:
        timestamp_header: What a signature covers besides the body; None: the body alone.
        takes_signature: Grafana signs; Alertmanager cannot.
    """

    secret: str = field(repr=False)
    timestamp_header: str | None = None
    takes_signature: bool = False


def shows_secret(headers: Mapping[str, str], key: HookKey) -> bool:
    """
    By the Authorization header. False where there is none and a signature may follow; raises HttpProblem 401.

    Asked before the body is read: a stranger's is not.
    """
    authorization = headers.get("authorization", "")
    if not authorization:
        if key.takes_signature and headers.get(SIGNATURE):
            return False
        raise _refused("no secret", key)
    scheme, _, shown = authorization.partition(" ")
    shown = shown.strip()
    match scheme.lower():
        case "bearer":
            found = shown.encode("latin-1")  # the bytes that came: HTTP knows no other letters
        case "basic":
            found = _password(shown)
        case _:
            raise _refused("neither a bearer token nor a password", key)
    # Compared as bytes and in constant time: neither a common beginning nor a letter like é tells anything.
    if not hmac.compare_digest(found, key.secret.encode()):
        raise _refused("a wrong secret", key)
    return True


def check_signature(headers: Mapping[str, str], body: bytes, key: HookKey, wall: datetime) -> None:
    """HMAC-SHA256 in hex, over the body, or over the timestamp, a colon and the body. Raises HttpProblem 401."""
    signed = body
    if key.timestamp_header is not None:
        stamp = headers.get(key.timestamp_header.lower(), "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 14):
            raise _refused(f"no timestamp in {key.timestamp_header}", key)
        if abs(wall.timestamp() - int(stamp)) > SIGNED_WITHIN:
            raise _refused(f"a signature that is more than {SIGNED_WITHIN:.0f} s from now", key)
        signed = stamp.encode() + b":" + body
    wanted = hmac.new(key.secret.encode(), signed, hashlib.sha256).hexdigest()
    shown = headers.get(SIGNATURE, "").strip().lower()
    if not hmac.compare_digest(shown.encode("latin-1", "replace"), wanted.encode()):
        raise _refused("a signature that is not of this body and secret", key)


def _password(shown: str) -> bytes:
    """Empty where there is none; no secret is."""
    try:
        decoded = base64.b64decode(shown, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded.partition(b":")[2]


def _refused(found: str, key: HookKey) -> HttpProblem:
    ways = "send it as `Authorization: Bearer SECRET` or as the password of basic authentication"
    if key.takes_signature:
        ways += ", or sign the body with it"
    return HttpProblem(401, f"{found}; {ways}", headers={"WWW-Authenticate": "Bearer"})
