"""Speaking to the running daemon over its HTTP API, with the standard library alone: a command must start at once."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from monitor.cli.output import printable

if TYPE_CHECKING:
    from monitor.whereabouts import Whereabouts

TIMEOUT = 10.0
MAX_ANSWER = 64_000_000
"""Bytes. A status of 10,000 checks is about 4 MB."""


class DaemonAway(Exception):
    """Nothing that is the daemon answers at its address. `str()` names it and the remedy."""


class DaemonRefused(Exception):
    """The daemon answered and will not; its own words."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Client:
    """
    Args:
        token: Needed by `post` alone.
        timeout: Seconds of silence before the daemon counts as away.
        tls: The daemon has none; a proxy before it may.
        prefix: The path under which such a proxy has it.
    """

    def __init__(
        self, host: str, port: int, token: str = "", timeout: float = TIMEOUT, tls: bool = False, prefix: str = ""
    ) -> None:
        # Whoever listens on every address is asked on the nearest one.
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
        self._port = port
        self._token = token
        self._timeout = timeout
        self._tls = tls
        self._prefix = prefix

    @property
    def address(self) -> str:
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    def get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: Mapping[str, object], key: str = "") -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        if key:
            headers["Idempotency-Key"] = key
        return self._ask("POST", path, json.dumps(body).encode(), headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
        # http.client reads no proxy from the environment: what is said to our own daemon stays on the machine.
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            connection.request(method, self._prefix + path, body, {"Accept": "application/json", **headers})
            response = connection.getresponse()
            status, payload = response.status, response.read(MAX_ANSWER)
        except ConnectionRefusedError:
            raise DaemonAway(f"no daemon answers at {self.address}; start it with: monitor run") from None
        except (OSError, http.client.HTTPException) as error:
            why = printable(str(error)) or type(error).__name__
            raise DaemonAway(f"no daemon answers at {self.address}: {why}; is monitor.listen right?") from None
        finally:
            connection.close()
        document = _object(payload)
        if document is None:
            raise DaemonAway(f"what answers at {self.address} is not Watchkeeper (HTTP {status}); see monitor.listen")
        if status >= 400:
            raise DaemonRefused(status, _refusal(document))
        return document


def client_of(where: Whereabouts, timeout: float = TIMEOUT) -> Client:
    """For reading. Who only reads needs no token, and may not be allowed to see it."""
    return Client(*_listening(where), timeout=timeout)


def writing_client_of(where: Whereabouts) -> Client:
    """Raises TokenError."""
    from monitor.web.token import read_token

    return Client(*_listening(where), read_token(where.token, where.state))


def client_at(url: str, token: str) -> Client:
    """A daemon elsewhere, as a pipeline knows it. Raises ValueError, in words that never show a password."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no address of the form https://host:port")
    if parts.username or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("only scheme, host, port and a path may be in it; the token goes into WATCHKEEPER_TOKEN")
    tls = parts.scheme == "https"
    return Client(parts.hostname, parts.port or (443 if tls else 80), token, tls=tls, prefix=parts.path.rstrip("/"))


def _listening(where: Whereabouts) -> tuple[str, int]:
    """What the configuration says; of port 0 only the daemon knows what became, and it told its state folder."""
    from monitor.ledger.lock import address_in

    told = split(address_in(where.state)) if where.port == 0 else None
    return told or (where.host, where.port)


def split(address: str) -> tuple[str, int] | None:
    """HOST:PORT, taken apart; None for anything else."""
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() else None


def _object(payload: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refusal(document: Mapping[str, Any]) -> str:
    missing = document.get("missing")
    what = "; ".join(map(str, missing)) if isinstance(missing, list) else document.get("status")
    said = printable(str(document.get("detail") or document.get("title") or what or "refused"))
    errors = document.get("errors")
    if not isinstance(errors, list):
        return said
    lines = [
        f"  {printable(str(e.get('field')))}: found {printable(str(e.get('found')))}; "
        f"wanted {printable(str(e.get('wanted')))}"
        for e in errors
        if isinstance(e, dict)
    ]
    return "\n".join([said, *lines])
