"""
How a token endpoint is asked, and what its answer means. Pure.

Source: RFC 6749, 4.4 and 5.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from checks.exchange import HttpAnswer, HttpRequest
from checks.http import status_text
from checks.oauth2 import OAuth2
from checks.urls import clip, shown
from checks.way import Way

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class NoToken(Exception):
    """Why there is none, in words without a secret of ours."""


@dataclass(frozen=True, slots=True)
class Token:
    """*lasts*: seconds for which it is good; None where nobody says."""

    value: str = field(repr=False)
    lasts: float | None


def token_request(oauth2: OAuth2, request: HttpRequest, timeout: float) -> HttpRequest:
    """
    Args:
        request: That needs the token. Whoever it trusts, and a proxy, are the same for the token endpoint. That one is
            verified even where the target is not: it is shown our secret.
    """
    form = [("grant_type", "client_credentials")]
    headers = [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")]
    if oauth2.scopes:
        form.append(("scope", " ".join(oauth2.scopes)))
    if oauth2.auth == "post":
        form += [("client_id", oauth2.client_id), ("client_secret", oauth2.client_secret)]
    else:
        login = f"{quote_plus(oauth2.client_id)}:{quote_plus(oauth2.client_secret)}"
        headers.append(("Authorization", f"Basic {b64encode(login.encode()).decode()}"))
    proxy = request.way.proxy if request.way is not None else ""
    return HttpRequest(
        url=oauth2.token_url,
        method="POST",
        headers=tuple(headers),
        body=urlencode([*form, *oauth2.parameters]).encode(),
        timeout=timeout,
        max_redirects=0,
        ca_file=request.ca_file,
        way=Way(proxy=proxy) if proxy else None,
    )


def token_of(answer: HttpAnswer) -> Token:
    """Raises NoToken. Total, whatever came."""
    if answer.error is not None:
        raise NoToken(answer.error.detail)
    where, said = shown(answer.url), _read(answer)
    if answer.status != 200:
        why = ": ".join(clip(said[key]) for key in ("error", "error_description") if isinstance(said.get(key), str))
        raise NoToken(f"{where} answered {status_text(answer.status or 0)}{f': {why}' if why else ''}")
    value, kind = said.get("access_token"), said.get("token_type", "Bearer")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise NoToken(f"{where} answered without an access_token that could be sent")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise NoToken(f"{where} answered with a token of the type {clip(str(kind), 40)}, wanted Bearer")
    return Token(value, _seconds(said.get("expires_in")))


def _read(answer: HttpAnswer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _seconds(written: object) -> float | None:
    """A number, or one in quotes as some write it."""
    if isinstance(written, bool) or not isinstance(written, (int, float, str)):
        return None
    try:
        seconds = float(written)
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if isfinite(seconds) else None
