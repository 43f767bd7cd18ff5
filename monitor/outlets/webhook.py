"""
Posts each effect as signed JSON to one URL. At least once, with a stable `Idempotency-Key`: a plain webhook cannot be
asked whether it has taken something, so after a lost answer the same key is sent again and the receiver drops one.

The signature is made as follows, and a receiver should also refuse a timestamp that is minutes old:
`X-Watchkeeper-Signature: v1=` hex(hmac-sha256(secret, `X-Watchkeeper-Timestamp` + "." + body)).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from loguru import logger
from pydantic import SecretStr

from monitor.ledger.records import Effect
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.sources.authorities import NO_AUTHORITIES, lacks_authorities, trusted_authorities

if TYPE_CHECKING:
    import requests

_TIMEOUT: Final = 10.0  # seconds, to connect and between two bytes of the answer
_ANSWER_LIMIT: Final = 64 * 1024  # bytes of an answer that are read: we want an id, not a page
_LONGEST_ID: Final = 500

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


class WebhookOutlet:
    """
    Args:
        secret: Empty: posts are not signed.
        wall: Seconds since the Unix epoch, for the signature's timestamp.
    """

    def __init__(
        self, url: str, secret: SecretStr, name: str = "webhook", wall: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._secret = secret
        self._name = name
        self._wall = wall
        # Paths and queries of webhook URLs are often credentials themselves; this is all that is ever shown.
        self._host = urlsplit(url).hostname or "the webhook"

    def __repr__(self) -> str:
        return f"WebhookOutlet({self._host})"

    @property
    def name(self) -> str:
        return self._name

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        import requests  # 20 MB that only a configured webhook needs

        body = body_of(effect, message, external_id)
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment would see every incident
            session.verify = trusted_authorities()
            try:
                with session.post(
                    self._url,
                    data=body,
                    headers=self._headers(effect, body),
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    return self._judge(response)
            except OSError as error:  # what requests raises, and what it lets pass of files that cannot be read
                return self._broken(error)

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:  # noqa: ARG002 - every outlet is given it
        return Delivery(outcome=DeliveryOutcome.AMBIGUOUS, detail=f"{self._host} cannot be asked about {effect.key}")

    def _headers(self, effect: Effect, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "watchkeeper",
            "Idempotency-Key": effect.key,
        }
        secret = self._secret.get_secret_value()
        if secret:
            timestamp = str(int(self._wall()))
            headers["X-Watchkeeper-Timestamp"] = timestamp
            headers["X-Watchkeeper-Signature"] = sign(secret, timestamp, body)
        return headers

    def _judge(self, response: requests.Response) -> Delivery:
        outcome = outcome_of(response.status_code)
        detail = f"{self._host} answered {response.status_code}"
        if outcome is DeliveryOutcome.CONFIRMED:
            id_, url = _id_and_url(_read_bounded(response))
            return Delivery(outcome=outcome, detail=detail, external_id=id_, url=url)
        if response.is_redirect:
            detail += ", a redirect, which is not followed: configure the new address"
        retry_after = parse_retry_after(response.headers.get("Retry-After", ""), self._wall())
        return Delivery(outcome=outcome, detail=detail, retry_after=retry_after)

    def _broken(self, error: OSError) -> Delivery:
        if lacks_authorities(error):
            return Delivery(outcome=DeliveryOutcome.RETRY, detail=f"{self._host}: {NO_AUTHORITIES}")
        # Only the kind of the error: its text holds the URL.
        outcome = DeliveryOutcome.RETRY if _never_left(error) else DeliveryOutcome.AMBIGUOUS
        return Delivery(outcome=outcome, detail=f"{self._host}: {type(_cause(error)).__name__}")


def body_of(effect: Effect, message: Message, external_id: str) -> bytes:
    document: dict[str, object] = {**message.document, "event": str(effect.kind), "key": effect.key}
    if external_id:
        document["external_id"] = external_id
    if message.degraded:
        document["degraded"] = message.degraded
    return json.dumps(document, ensure_ascii=False, default=str).encode("utf-8", "replace")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    signed = timestamp.encode("ascii") + b"." + body
    return "v1=" + hmac.new(secret.encode("utf-8"), signed, hashlib.sha256).hexdigest()


def parse_retry_after(text: str, wall: float) -> float | None:
    """Seconds from *wall*, of either form that HTTP allows (RFC 9110, 10.2.3); None when it is neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - wall, 0.0)


def _id_and_url(body: bytes) -> tuple[str, str]:
    """`{"id": ..., "url": ...}` if the receiver says so; anything else is as good an answer."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(answer, dict):
        return "", ""
    id_, url = answer.get("id"), answer.get("url")
    is_id = isinstance(id_, (str, int)) and not isinstance(id_, bool)
    is_url = isinstance(url, str) and url.startswith(("https://", "http://"))
    return str(id_)[:_LONGEST_ID] if is_id else "", str(url)[:_LONGEST_ID] if is_url else ""


def _read_bounded(response: requests.Response) -> bytes:
    """What has come within the limits of size and time; the status has confirmed already, so a torn body is empty."""
    deadline = time.monotonic() + _TIMEOUT
    body = b""
    try:
        while len(body) <= _ANSWER_LIMIT and time.monotonic() < deadline:
            chunk = response.raw.read1(_ANSWER_LIMIT, decode_content=True)
            if not chunk:
                return body
            body += chunk
    except Exception as error:  # urllib3 and the decoders raise a dozen unrelated kinds
        logger.debug("webhook: the answer's body broke off: {}", type(error).__name__)
    return b""


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
