"""
One HTTP exchange of an outlet: bounded in size and time, past every proxy, without a redirect, and nothing that it says
of itself holds a URL, a header or a body: addresses are often credentials too.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from loguru import logger

from monitor.outlets.outlet import DeliveryOutcome
from monitor.sources.authorities import NO_AUTHORITIES, lacks_authorities, trusted_authorities

if TYPE_CHECKING:
    import requests

TIMEOUT: Final = 10.0  # seconds, to connect, between two bytes, and for the whole body
_CHUNK: Final = 64 * 1024

OUTCOMES: Final[Mapping[int, DeliveryOutcome]] = {
    401: DeliveryOutcome.UNAUTHORISED,
    403: DeliveryOutcome.UNAUTHORISED,
    408: DeliveryOutcome.RETRY,
    409: DeliveryOutcome.RETRY,
    425: DeliveryOutcome.RETRY,
    429: DeliveryOutcome.RETRY,
}
"""Where a status differs from its class."""

CLASSES: Final[Mapping[int, DeliveryOutcome]] = {
    1: DeliveryOutcome.AMBIGUOUS,
    2: DeliveryOutcome.CONFIRMED,
    # Not followed: it would carry the signature to an address nobody configured. A person must look; nothing is lost.
    3: DeliveryOutcome.RETRY,
    4: DeliveryOutcome.REFUSED,
    5: DeliveryOutcome.AMBIGUOUS,
}


def outcome_of(status: int) -> DeliveryOutcome:
    return OUTCOMES.get(status) or CLASSES.get(status // 100, DeliveryOutcome.AMBIGUOUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    Attributes:
        headers: By their names in lower case.
        body: None when it was torn, or larger than what was to be read: the status alone has arrived.
        retry_after: Seconds we are asked to wait.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=b"", repr=False)
    retry_after: float | None = None

    @property
    def outcome(self) -> DeliveryOutcome:
        return outcome_of(self.status)

    @property
    def detail(self) -> str:
        """`answered 503`, after which the host's name fits."""
        is_redirect = self.status in (301, 302, 303, 307, 308) and "location" in self.headers
        words = ", a redirect, which is not followed: configure the new address" if is_redirect else ""
        return f"answered {self.status}{words}"


class NoAnswer(Exception):
    """
    Not even a status came.

    Attributes:
        never_left: Surely not taken. Otherwise it may have been.
    """

    def __init__(self, why: str, *, never_left: bool) -> None:
        super().__init__(why)
        self.never_left = never_left

    @property
    def outcome(self) -> DeliveryOutcome:
        return DeliveryOutcome.RETRY if self.never_left else DeliveryOutcome.AMBIGUOUS


class Connection(Protocol):
    """What the requests of one effect go over, one after the other."""

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Raises NoAnswer."""
        ...

    def close(self) -> None: ...


class RequestsConnection:
    """
    Args:
        limit: Bytes of an answer that are read.
        wall: Seconds since the Unix epoch, for a Retry-After that names a date.
    """

    def __init__(self, limit: int, wall: Callable[[], float] = time.time) -> None:
        import requests  # 20 MB that only a configured outlet needs

        self._limit = limit
        self._wall = wall
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment would see every incident
        self._session.verify = trusted_authorities()

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        try:
            with self._session.request(
                method,
                url,
                data=body,
                headers={"User-Agent": "watchkeeper", **headers},
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as response:
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(
                    status=response.status_code,
                    headers=found,
                    body=_read_bounded(response, self._limit),
                    retry_after=retry_after(found, self._wall()),
                )
        except OSError as error:  # what requests raises, and what it lets pass of files that cannot be read
            if lacks_authorities(error):
                raise NoAnswer(NO_AUTHORITIES, never_left=True) from None
            # Only the kind of the error: its text holds the URL.
            raise NoAnswer(type(_cause(error)).__name__, never_left=_never_left(error)) from None

    def close(self) -> None:
        self._session.close()


def host_of(url: str, otherwise: str) -> str:
    """All of a URL that is ever shown."""
    return urlsplit(url).hostname or otherwise


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """
    Seconds we are asked to wait. Retry-After goes first; Jira adds the instant at which a limit is over, as ISO 8601,
    and GitHub as seconds since the Unix epoch, which counts only once nothing remains.
    """
    if (asked := parse_retry_after(headers.get("retry-after", ""), wall)) is not None:
        return asked
    reset = headers.get("x-ratelimit-reset", "").strip()
    if not reset or headers.get("x-ratelimit-remaining", "0").strip() != "0":
        return None
    try:
        at = float(reset) if reset.isdecimal() else datetime.fromisoformat(reset).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(at - wall, 0.0)


def parse_retry_after(text: str, wall: float) -> float | None:
    """Seconds from *wall*, of either form that HTTP allows (RFC 9110, 10.2.3); None when it is neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - wall, 0.0)


def _read_bounded(response: requests.Response, limit: int) -> bytes | None:
    """The body, if it has come whole within the limits of size and time."""
    deadline = time.monotonic() + TIMEOUT
    body = b""
    try:
        while len(body) <= limit and time.monotonic() < deadline:
            chunk = response.raw.read1(_CHUNK, decode_content=True)
            if not chunk:
                return body
            body += chunk
    except Exception as error:  # urllib3 and the decoders raise a dozen unrelated kinds
        logger.debug("outlet: the answer's body broke off: {}", type(error).__name__)
    return None


def _never_left(error: OSError) -> bool:
    """Surely not taken: no connection was made, or its certificate was refused before anything was said."""
    from requests.exceptions import ConnectTimeout, InvalidSchema, InvalidURL
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, (ConnectTimeout, InvalidURL, InvalidSchema)):
        return True
    cause = _cause(error)
    return isinstance(cause, (NewConnectionError, ssl.SSLCertVerificationError))


def _cause(error: BaseException) -> BaseException:
    """requests wraps what urllib3 wraps what the socket said."""
    for inner in (getattr(error, "reason", None), *error.args[:1]):
        if isinstance(inner, BaseException):
            return _cause(inner)
    return error
