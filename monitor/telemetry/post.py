"""One OTLP/HTTP request and what its answer means. One connection, kept open, used by one thread."""

from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import unquote, urlsplit

TIMEOUT = 10.0
"""Seconds for connecting, and for each read."""

PATHS: Mapping[str, str] = {"traces": "/v1/traces", "logs": "/v1/logs", "metrics": "/v1/metrics"}


class Verdict(Enum):
    TAKEN = "taken"
    REFUSED = "refused"  # it will never be taken: try no more
    LATER = "later"  # busy, broken or away


@dataclass(frozen=True, slots=True)
class Reply:
    """
    Attributes:
        retry_after: Seconds the collector asked us to wait.
        rejected: Items of a taken request that the collector would not have.
    """

    verdict: Verdict
    detail: str = ""
    retry_after: float | None = None
    rejected: int = 0


def headers_of(environ: Mapping[str, str]) -> dict[str, str]:
    """OTEL_EXPORTER_OTLP_HEADERS: `key=value` pairs with commas between, values percent-encoded. Total."""
    pairs = (pair.partition("=") for pair in environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(","))
    found = ((key.strip(), unquote(value.strip())) for key, _, value in pairs)
    # A line break in a header would end it and begin the next: such a pair is left out.
    return {key: value for key, value in found if key and not {"\r", "\n"} & {*key, *value}}


class Poster:
    """
    Attributes:
        deadline: Monotonic seconds after which no answer is waited for; None for none. Set when closing.
        reached: Whether the last request got any answer at all.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], ca_file: str | None = None) -> None:
        """
        Raises:
            ValueError: *endpoint* is not an http or https address.
            OSError: *ca_file* cannot be read.
        """
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the OTLP endpoint is not an http or https address such as http://localhost:4318")
        self.deadline: float | None = None
        self.reached = False
        self._where = (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        self._base = parts.path.rstrip("/")
        self._tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "User-Agent": "watchkeeper",
            **headers,
        }
        if parts.username:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + b64encode(credentials.encode()).decode()
        self._connection: http.client.HTTPConnection | None = None

    def post(self, signal: str, body: bytes) -> Reply:
        """Never raises."""
        kept_open = self._connection is not None
        try:
            return self._exchange(signal, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if not kept_open or isinstance(error, TimeoutError):
                return self._away(error)
        # The collector may have closed an idle connection: that says nothing about it, so ask once more on a new one.
        try:
            return self._exchange(signal, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            return self._away(error)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abort(self) -> None:
        """End a request that another thread waits in: closing its socket would not wake it, shutting it down does."""
        connection = self._connection
        if connection is not None and isinstance(sock := connection.sock, socket.socket):
            with suppress(OSError):  # it was not connected any more
                sock.shutdown(socket.SHUT_RDWR)

    def _away(self, error: Exception) -> Reply:
        self.reached = False
        host, port = self._where
        return Reply(Verdict.LATER, f"to {host}:{port}: {type(error).__name__}: {error}"[:300])

    def _exchange(self, signal: str, body: bytes) -> Reply:
        connection = self._connection = self._connection or self._connect()
        connection.timeout = TIMEOUT if self.deadline is None else min(TIMEOUT, self.deadline - time.monotonic())
        if connection.timeout <= 0:
            raise TimeoutError("no time is left")
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        connection.request("POST", self._base + PATHS[signal], gzip.compress(body, 1), self._headers)
        response = connection.getresponse()
        # An answer is a few bytes. One that goes on is not read to its end, and the connection not used again.
        content = response.read(64 * 1024)
        self.reached = True
        if not response.isclosed():
            self.close()
        return _reply(response, content)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._where
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT)


def _reply(response: http.client.HTTPResponse, content: bytes) -> Reply:
    status = response.status
    if 200 <= status < 300:
        return _partial(content)
    detail = f"answered {status} {response.reason}"
    if status in (408, 429) or status >= 500:
        return Reply(Verdict.LATER, detail, retry_after=_retry_after(response.headers.get("Retry-After", "")))
    return Reply(Verdict.REFUSED, detail)


def _retry_after(text: str) -> float | None:
    """Seconds, from either form of the header. None when it says nothing that can be read."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:6])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _partial(content: bytes) -> Reply:
    """A success may have been partial: the three signals' responses share one shape."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    if not content:
        return Reply(Verdict.TAKEN)
    try:
        partial = ExportTraceServiceResponse.FromString(content).partial_success
    except Exception:
        # A DecodeError, whose module ships no types. Some collectors answer JSON or a page to protobuf: the status says
        # taken, and that is what counts.
        return Reply(Verdict.TAKEN)
    rejected = max(0, partial.rejected_spans)
    what = f"{rejected} rejected: " if rejected else ""
    detail = (
        f"answered partial success: {what}{partial.error_message}"[:300] if rejected or partial.error_message else ""
    )
    return Reply(Verdict.TAKEN, detail, rejected=rejected)
