"""
JSON over HTTP to one tracker. A request that was not carried out is raised with what that means for the effect, so that
an adapter reads as what it does; those that only ask are never in doubt, for they can be asked again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from monitor.outlets.http import Answer, Connection, NoAnswer, RequestsConnection, host_of
from monitor.outlets.markup.text import clean
from monitor.outlets.outlet import Delivery, DeliveryOutcome

_ANSWER_LIMIT: Final = 4 * 1024 * 1024  # bytes; a page of long comments has a few hundred thousand
_LONGEST_WORDS: Final = 300
_LIMITED_FOR: Final = 60.0  # seconds, of a limit that does not say for how long: what GitHub asks for

Words = Callable[[Any], str]
"""From the JSON of a refusal: what the tracker says of it, empty when that is not to be found."""


@dataclass(frozen=True, slots=True)
class Upload:
    """
    What is sent as it is, and not as JSON.

    Attributes:
        headers: With its media type.
    """

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Stopped(Exception):
    """
    The tracker has not done it, or nobody knows.

    Attributes:
        status: Of the answer; 0 when none came.
    """

    def __init__(self, delivery: Delivery, status: int = 0, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(delivery.detail)
        self.delivery = delivery
        self.status = status
        self.headers = headers or {}


def connection() -> Connection:
    return RequestsConnection(_ANSWER_LIMIT)


class Rest:
    """
    Args:
        base: What every path is put behind.
        headers: With the credentials; never shown.
        secrets: What is taken out of the tracker's own words, should it repeat them.
        connect: One connection for the requests of one effect.
        now: Seconds of a clock that is never set.
    """

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        words: Words,
        *,
        secrets: tuple[str, ...] = (),
        connect: Callable[[], Connection] = connection,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host = host_of(base, "the tracker")
        self._base = base.rstrip("/")
        self._headers = {"Accept": "application/json", **headers}
        self._words = words
        self._secrets = tuple(secret for secret in secrets if secret)
        self._connect = connect
        self._now = now
        self._not_before = 0.0

    def __repr__(self) -> str:
        return f"Rest({self.host})"

    @contextmanager
    def talk(self) -> Iterator[Talk]:
        connection = self._connect()
        try:
            yield Talk(self, connection)
        finally:
            connection.close()

    def exchange(self, connection: Connection, method: str, path: str, document: object, *, only_asks: bool) -> Any:
        """The answer's JSON, None when it has none. Raises Stopped."""
        if (wait := self._not_before - self._now()) > 0:
            # The limit is the whole outlet's: the next incident's request would only make it longer.
            detail = f"{self.host} limits our requests"
            raise Stopped(Delivery(outcome=DeliveryOutcome.RETRY, detail=detail, retry_after=wait))
        headers, body = self._headers, None
        if isinstance(document, Upload):
            headers, body = {**headers, **document.headers}, document.body
        elif document is not None:
            headers = {**headers, "Content-Type": "application/json"}
            body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        try:
            answer = connection.exchange(method, self._base + path, headers, body)
        except NoAnswer as broken:
            outcome = DeliveryOutcome.RETRY if only_asks else broken.outcome
            raise Stopped(Delivery(outcome=outcome, detail=f"{self.host}: {broken}")) from None
        if answer.outcome is DeliveryOutcome.CONFIRMED:
            return self._read(answer, only_asks)
        raise self._stopped(answer, only_asks)

    def _read(self, answer: Answer, only_asks: bool) -> Any:
        if answer.body == b"":
            return None
        try:
            return json.loads(answer.body or b"")
        except (ValueError, RecursionError):
            outcome = DeliveryOutcome.RETRY if only_asks else DeliveryOutcome.AMBIGUOUS
            detail = f"{self.host} {answer.detail} with a body that cannot be read"
            raise Stopped(Delivery(outcome=outcome, detail=detail), answer.status) from None

    def _stopped(self, answer: Answer, only_asks: bool) -> Stopped:
        outcome, wait, words = answer.outcome, answer.retry_after, self._words_of(answer)
        if _is_limit(answer, words):
            outcome, wait = DeliveryOutcome.RETRY, _LIMITED_FOR if wait is None else wait
            self._not_before = self._now() + wait
        elif only_asks and outcome is DeliveryOutcome.AMBIGUOUS:
            outcome = DeliveryOutcome.RETRY
        detail = f"{self.host} {answer.detail}" + (f": {words}" if words else "")
        delivery = Delivery(outcome=outcome, detail=detail, retry_after=wait)
        return Stopped(delivery, answer.status, answer.headers)

    def _words_of(self, answer: Answer) -> str:
        try:
            words = self._words(json.loads(answer.body or b""))
        except (ValueError, RecursionError, AttributeError, TypeError, KeyError):
            return ""  # a proxy's page, or another form than documented
        for secret in self._secrets:
            words = words.replace(secret, "***")
        return " ".join(clean(words).split())[:_LONGEST_WORDS]


def _is_limit(answer: Answer, words: str) -> bool:
    """GitHub limits with 403 too, which is no word on our credentials then; Statuspage with 420."""
    if answer.status == 403:
        return answer.retry_after is not None or "rate limit" in words.lower()
    return answer.status in (420, 429) or (answer.status == 503 and answer.retry_after is not None)


class Talk:
    """The requests of one effect, one after the other."""

    def __init__(self, rest: Rest, connection: Connection) -> None:
        self._rest = rest
        self._connection = connection
        self.host = rest.host

    def get(self, path: str, **query: str | int) -> Any:
        asked = f"{path}?{urlencode(query)}" if query else path
        return self._rest.exchange(self._connection, "GET", asked, None, only_asks=True)

    def search(self, path: str, document: object) -> Any:
        """A POST that changes nothing."""
        return self._rest.exchange(self._connection, "POST", path, document, only_asks=True)

    def send(self, method: str, path: str, document: object = None) -> Any:
        return self._rest.exchange(self._connection, method, path, document, only_asks=False)
