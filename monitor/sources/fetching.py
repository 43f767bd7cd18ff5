"""
One question to a source of evidence: bounded in size and time, past every proxy, without a redirect. What it says of a
failure holds neither address nor token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from monitor.config import Source
from monitor.sources.authorities import trusted_authorities
from monitor.sources.prometheus import SourceAway, why

MAX_BODY: Final = 1_000_000
LONGEST_SAID: Final = 1_000
"""Characters, for whoever masks and cuts it."""
_CHUNK: Final = 65_536


class Answered(SourceAway):
    """It is there, and has not given what was asked; `status` says in which way."""

    def __init__(self, status: int, said: str = "") -> None:
        super().__init__(_in_words(status) + (f": {said}" if said else ""))
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    media_type: str
    body: bytes = field(repr=False)


def fetch(
    source: Source, path: str, parameters: Mapping[str, str], until: float, *, most: int = MAX_BODY, accept: str = ""
) -> Reply:
    """
    Args:
        until: When to give up, by `time.monotonic`.
        most: Bytes of a body; a longer one is not read to its end and counts as none.

    Raises:
        SourceAway: No usable answer came in time; `Answered` where one came that is no success.
    """
    import requests  # 20 MB that only a configured source needs
    from urllib3.exceptions import HTTPError

    patience = until - monotonic()
    if patience <= 0:
        raise SourceAway("not asked, there was no time left")
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment would see the token
        session.verify = trusted_authorities()
        try:
            with session.get(
                source.url.rstrip("/") + path,
                params=dict(parameters),
                headers=_headers(source, accept),
                timeout=patience,
                stream=True,
                allow_redirects=False,
            ) as response:
                body = _read(response, until, most)
                if response.status_code != 200:
                    raise Answered(response.status_code, _said(body))
                return Reply(response.headers.get("Content-Type", ""), body)
        except (requests.RequestException, HTTPError, OSError, ValueError) as problem:
            # The exception's own text would hold the address; its kind is what a person needs.
            raise SourceAway(why(problem, round(patience, 1))) from None


def fetch_json(source: Source, path: str, parameters: Mapping[str, str], until: float) -> dict[str, Any]:
    """A JSON object. Raises as `fetch`, and for whatever else it is."""
    reply = fetch(source, path, parameters, until, accept="application/json")
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):  # RecursionError: ten thousand brackets are a megabyte of nothing
        found = None
    if not isinstance(found, dict):
        raise SourceAway("answered with something that is not its JSON")
    return found


def _headers(source: Source, accept: str) -> dict[str, str]:
    # Uncompressed: the bound on the body is then a bound on memory too.
    headers = {"Accept-Encoding": "identity", "User-Agent": "watchkeeper"} | ({"Accept": accept} if accept else {})
    if source.token is not None:
        headers["Authorization"] = f"Bearer {source.token.get_secret_value()}"
    if source.tenant is not None:
        headers["X-Scope-OrgID"] = source.tenant
    return headers


def _read(response: Any, until: float, most: int) -> bytes:
    """The whole body, or SourceAway when it is too long or drips: each byte in time, and the answer never complete."""
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > most:
            raise SourceAway(f"the answer is longer than {most:,} bytes")
        if monotonic() > until:
            raise SourceAway("the answer was not complete in time")
    return bytes(body)


def _said(body: bytes) -> str:
    """The source's own words on a refusal, where they are words and not a page."""
    text = " ".join(body[:4_000].decode("utf-8", "replace").split())
    if text.startswith("{"):
        try:
            found = json.loads(body)
            text = str(found.get("message") or found.get("error") or "") if isinstance(found, dict) else ""
        except (ValueError, RecursionError):
            text = ""
    return "" if text.startswith("<") else text[:LONGEST_SAID]


def _in_words(status: int) -> str:
    if status in (401, 403):
        return f"answered {status}, our token is not taken"
    if status in (301, 302, 303, 307, 308):
        return f"answered {status}, a redirect, which is not followed: configure the new address"
    return f"answered {status}"
