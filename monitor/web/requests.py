"""From a request to what it may do: who asks, how much they send, and which values come out. Raises `HttpProblem`."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from monitor.web.bodies import MAX_BODY, Field, check_fields, parse_object
from monitor.web.problems import FieldProblem, HttpProblem

BODY_WITHIN = 10.0
"""Seconds for a body to arrive; who trickles longer would hold a connection for nothing."""

HOW_TO_AUTHORISE = (
    "send `Authorization: Bearer TOKEN`; the token is in the file that monitor.token_file names, "
    "or in `token` in the state folder"
)


def authorise(request: Request, token: str) -> None:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    # Compared as bytes and in constant time: neither the length of a common prefix nor a letter like é tells anything.
    if scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), token.encode()):
        return
    found = "a wrong token" if shown else "no token"
    raise HttpProblem(401, f"{found}; {HOW_TO_AUTHORISE}", headers={"WWW-Authenticate": "Bearer"})


async def read_values(request: Request, fields: Sequence[Field]) -> dict[str, str]:
    """Of whoever may write. The token first: a stranger's body is not even read."""
    authorise(request, request.app.state.token)
    return check_fields(parse_object(await read_json(request)), fields)


async def read_json(request: Request) -> bytes:
    """The body of a request that says that it is JSON; not parsed yet."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # Also what keeps a form on a foreign page from posting here: a browser asks first before it sends this type.
        raise HttpProblem(415, "the body must be JSON; send `Content-Type: application/json`")
    return await _read(request)


async def read_form(request: Request) -> bytes:
    """The body of a request that says that it is a form; not parsed yet. For whoever signs the body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HttpProblem(415, "the body must be a form; send `Content-Type: application/x-www-form-urlencoded`")
    return await _read(request)


async def _read(request: Request) -> bytes:
    too_large = HttpProblem(413, f"the body is larger than {MAX_BODY} bytes", headers={"Connection": "close"})
    length = request.headers.get("content-length", "")
    if length.isdigit() and (len(length) > 12 or int(length) > MAX_BODY):
        raise too_large
    body = bytearray()
    async with _within():
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise too_large
    return bytes(body)


async def read_end(request: Request, keep: int) -> str:
    """
    The last *keep* bytes of the body as text, of as much as any body may have: what it says beside the path is worth
    less than the path, so what is too long is not refused.
    """
    end, size = b"", 0
    async with _within():
        async for chunk in request.stream():
            end = (end + chunk)[-keep:]
            size += len(chunk)
            if size > MAX_BODY:
                break
    return end.decode("utf-8", "replace")


@asynccontextmanager
async def _within() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(BODY_WITHIN):
            yield
    except TimeoutError:
        detail = f"the body did not arrive within {BODY_WITHIN:.0f} s"
        raise HttpProblem(408, detail, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise HttpProblem(400, "the connection ended before the body") from None


def idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if 0 < len(key) <= 200 and key.isascii() and key.isprintable():
        return key
    raise HttpProblem(400, "Idempotency-Key is not 1 to 200 characters of plain ASCII")


def read_query(request: Request, allowed: Sequence[str]) -> dict[str, str]:
    errors = [
        FieldProblem(ascii(name[:60])[1:-1], "an unknown parameter", f"only {', '.join(allowed)}")
        for name in request.query_params
        if name not in allowed
    ]
    if errors:
        raise HttpProblem(400, f"unknown in the query: {', '.join(e.field for e in errors)}", errors=errors)
    return dict(request.query_params)
