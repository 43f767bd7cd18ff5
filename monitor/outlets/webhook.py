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
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

from pydantic import SecretStr

from monitor.ledger.records import Effect
from monitor.outlets.http import Answer, NoAnswer, RequestsConnection, host_of
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message

_ANSWER_LIMIT: Final = 64 * 1024  # bytes of an answer that are read: we want an id, not a page
_LONGEST_ID: Final = 500


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
        self._host = host_of(url, "the webhook")

    def __repr__(self) -> str:
        return f"WebhookOutlet({self._host})"

    @property
    def name(self) -> str:
        return self._name

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        body = body_of(effect, message, external_id)
        with closing(RequestsConnection(_ANSWER_LIMIT, self._wall)) as connection:
            try:
                return self._judge(connection.exchange("POST", self._url, self._headers(effect, body), body))
            except NoAnswer as broken:
                return Delivery(outcome=broken.outcome, detail=f"{self._host}: {broken}")

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:  # noqa: ARG002 - every outlet is given it
        return Delivery(outcome=DeliveryOutcome.AMBIGUOUS, detail=f"{self._host} cannot be asked about {effect.key}")

    def _headers(self, effect: Effect, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": effect.key,
        }
        secret = self._secret.get_secret_value()
        if secret:
            timestamp = str(int(self._wall()))
            headers["X-Watchkeeper-Timestamp"] = timestamp
            headers["X-Watchkeeper-Signature"] = sign(secret, timestamp, body)
        return headers

    def _judge(self, answer: Answer) -> Delivery:
        detail = f"{self._host} {answer.detail}"
        if answer.outcome is DeliveryOutcome.CONFIRMED:
            id_, url = _id_and_url(answer.body or b"")  # a torn body has confirmed all the same
            return Delivery(outcome=answer.outcome, detail=detail, external_id=id_, url=url)
        return Delivery(outcome=answer.outcome, detail=detail, retry_after=answer.retry_after)


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
