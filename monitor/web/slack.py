"""
What Slack sends when somebody types a command: whether it is from Slack, and who says what. Pure and total.

Slack signs each request (docs.slack.dev/authentication/verifying-requests-from-slack): `X-Slack-Signature: v0=`
hex(hmac-sha256(signing secret, "v0:" + `X-Slack-Request-Timestamp` + ":" + body)).
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

from monitor.web.problems import HttpProblem

SIGNATURE: Final = "x-slack-signature"
TIMESTAMP: Final = "x-slack-request-timestamp"
SIGNED_WITHIN: Final = 300.0
"""Seconds between a request's timestamp and now, either way."""
_REMEMBERED: Final = 10_000
"""Requests of the last minutes. Only those whose signature is right are, so that nobody can push others out."""
_LONGEST_NAME: Final = 80
_MOST_FIELDS: Final = 40


@dataclass(frozen=True, slots=True)
class Typed:
    """
    Attributes:
        by: The name of whoever typed it, or their id where Slack gives no name.
        text: Behind the command's own name.
    """

    by: str
    text: str


def check_timestamp(headers: Mapping[str, str], wall: datetime) -> str:
    """Asked before the body is read: a stranger's is not. Raises HttpProblem 401."""
    stamp = headers.get(TIMESTAMP, "")
    if not headers.get(SIGNATURE) or not (stamp.isascii() and stamp.isdigit() and len(stamp) < 14):
        raise HttpProblem(401, "no signature of Slack; let a command of your Slack app send here")
    if abs(wall.timestamp() - int(stamp)) > SIGNED_WITHIN:
        raise HttpProblem(
            401, f"signed more than {SIGNED_WITHIN:.0f} s from now; see that this machine's clock is right"
        )
    return stamp


def check_signature(headers: Mapping[str, str], stamp: str, body: bytes, secret: str) -> None:
    """Raises HttpProblem 401."""
    wanted = sign(secret, stamp, body)
    # Compared as bytes and in constant time: a common beginning tells nothing.
    if not hmac.compare_digest(headers.get(SIGNATURE, "").encode("latin-1", "replace"), wanted.encode()):
        detail = "a signature that is not of this body and secret; chat.slack.signing_secret is the Signing Secret "
        raise HttpProblem(401, f"{detail}under Basic Information of the Slack app")


def sign(secret: str, stamp: str, body: bytes) -> str:
    signed = b"v0:" + stamp.encode("ascii") + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class Taken:
    """
    A request that somebody recorded and sends again is signed as well as the first time: it is known, or older than
    what is known.

    Args:
        since: By the wall clock, when this memory begins. What was signed before may have been carried out by the
            process before this one.
    """

    def __init__(self, since: datetime) -> None:
        self._since = int(since.timestamp())
        self._signatures: OrderedDict[str, None] = OrderedDict()

    def is_new(self, signature: str, stamp: str) -> bool:
        if int(stamp) < self._since or signature in self._signatures:
            return False
        self._signatures[signature] = None
        if len(self._signatures) > _REMEMBERED:
            self._signatures.popitem(last=False)
        return True


def typed(body: bytes) -> Typed:
    """Of a form; raises HttpProblem 400."""
    try:
        form = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise HttpProblem(400, "the body is not a form in UTF-8") from None
    by = next((name for key in ("user_name", "user_id") if (name := form.get(key, [""])[0].strip())), "")
    if not by or "command" not in form:
        raise HttpProblem(400, "the form names no command or nobody who typed it; send a slash command here")
    return Typed("".join(sign for sign in by if sign.isprintable())[:_LONGEST_NAME], form.get("text", [""])[0].strip())
