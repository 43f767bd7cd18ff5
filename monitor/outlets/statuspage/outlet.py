"""
A text for the public on a page of Statuspage: an incident there for each of ours, and an update in it for each text.

No key can be sent along with a creation, and a second incident would be a second e-mail to every subscriber. So what is
not known to have been taken is looked for by our mark before it is sent again, and as long as it may still arrive.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from loguru import logger

from monitor.config import Statuspage
from monitor.ledger.records import Effect
from monitor.outlets.http import Connection
from monitor.outlets.markup.text import one_line
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message
from monitor.outlets.rest import Rest, Stopped, Talk
from monitor.outlets.statuspage.body import Mark, body_of

ARRIVES_WITHIN: Final = 60.0
"""Seconds for which what may have been taken is looked for before it is sent again."""

_NEWEST: Final = 100
_GONE: Final = (404, 410)
_NOT_ITS_FORM: Final = (KeyError, TypeError, ValueError, AttributeError)


class StatuspageOutlet:
    """
    Args:
        now: Seconds of a clock that is never set.
    """

    def __init__(
        self,
        settings: Statuspage,
        connect: Callable[[], Connection] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        key = settings.api_key.get_secret_value()
        more = {} if connect is None else {"connect": connect}
        self._settings = settings
        self._rest = Rest(
            settings.url, {"Authorization": f"OAuth {key}"}, _words, secrets=(key,), now=now, **more
        )  # fmt: skip
        self._path = f"/v1/pages/{settings.page}/incidents"
        self._now = now
        # By effect. Of this process: another one looks for the whole time again.
        self._looked_since: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"StatuspageOutlet({self._rest.host})"

    @property
    def name(self) -> str:
        return "statuspage"

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        notice = message.public
        if notice is None:
            return Delivery(outcome=DeliveryOutcome.CONFIRMED, detail="no text for the public was approved")
        try:
            with self._rest.talk() as talk:
                known = self._known(talk, effect, external_id)
                if known is not None and Mark.of(known).has(notice):
                    return _confirmed(known, f"text {notice.number} was published before")
                body = body_of(effect, message, notice, self._settings)
                if known is None:
                    return _confirmed(talk.send("POST", self._path, body), f"text {notice.number} is published")
                there = talk.send("PATCH", f"{self._path}/{_id(known)}", body)
                return _confirmed(there, f"text {notice.number} is published")
        except Stopped as stopped:
            return _for_good(stopped, external_id)
        except _NOT_ITS_FORM as error:
            return self._strange(error, DeliveryOutcome.AMBIGUOUS)

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:
        try:
            with self._rest.talk() as talk:
                known = self._read(talk, external_id) if external_id else self._find(talk, effect.incident)
        except Stopped as stopped:
            return _for_good(stopped, external_id)
        except _NOT_ITS_FORM as error:
            return self._strange(error, DeliveryOutcome.RETRY)
        if known is not None and Mark.of(known).order >= effect.order:
            self._looked_since.pop(effect.key, None)
            return _confirmed(known, "was published before")
        looked = self._now() - self._looked_since.setdefault(effect.key, self._now())
        if (left := ARRIVES_WITHIN - looked) <= 0:
            del self._looked_since[effect.key]
            return None
        detail = f"{self._rest.host}: not known whether this text is on the page; looked for {left:.0f} s more"
        return Delivery(outcome=DeliveryOutcome.RETRY, detail=detail, retry_after=min(left, 10.0))

    def _known(self, talk: Talk, effect: Effect, external_id: str) -> Mapping[str, Any] | None:
        if external_id:
            return self._read(talk, external_id)
        # Of the first effect, sent the first time, there can be none.
        return None if effect.order == 1 and effect.attempts <= 1 else self._find(talk, effect.incident)

    def _read(self, talk: Talk, external_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = talk.get(f"{self._path}/{external_id}")
        return found

    def _find(self, talk: Talk, incident: str) -> Mapping[str, Any] | None:
        """By our mark, among those that are open and the newest of all."""
        asked = (talk.get(f"{self._path}/unresolved"), talk.get(self._path, limit=_NEWEST))
        ours = {_id(one): one for page in asked for one in page if Mark.of(one).incident == incident}
        return min(ours.values(), key=lambda one: str(one.get("created_at", "")), default=None)

    def _strange(self, error: Exception, outcome: DeliveryOutcome) -> Delivery:
        logger.bind(outlet=self.name).opt(exception=error).debug("outlet statuspage: an answer was not understood")
        what = one_line(f"{type(error).__name__} {error}", 80)
        detail = f"{self._rest.host} answered in a form that is not known ({what}): see that its url is right"
        return Delivery(outcome=outcome, detail=detail)


def _for_good(stopped: Stopped, external_id: str) -> Delivery:
    if external_id and stopped.status in _GONE:
        detail = f"{external_id} was deleted on the page: it is not made again, and this incident's texts go nowhere"
        return Delivery(outcome=DeliveryOutcome.REFUSED, detail=detail)
    return stopped.delivery


def _id(incident: Mapping[str, Any]) -> str:
    return str(incident["id"])


def _confirmed(incident: Mapping[str, Any], detail: str) -> Delivery:
    return Delivery(
        outcome=DeliveryOutcome.CONFIRMED,
        detail=f"{_id(incident)}: {detail}",
        external_id=_id(incident),
        url=str(incident.get("shortlink") or ""),
    )


def _words(refusal: Any) -> str:
    """`{"error": "..."}`, or a list of them."""
    told = refusal["error"]
    return "; ".join(map(str, told)) if isinstance(told, list) else str(told)
