"""
A text for the public on a page of Statuspage: an incident there for each of ours, and an update in it for each text.

No key can be sent along with a creation, and a second incident would be a second e-mail to every subscriber. So what is
not known to have been taken is looked for by our mark before it is sent again, and as long as it may still arrive.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from loguru import logger

from monitor.config import Statuspage
from monitor.ledger.records import Effect
from monitor.outlets.http import Connection
from monitor.outlets.markup.text import one_line
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message, PublicNotice
from monitor.outlets.rest import Rest, Stopped, Talk
from monitor.outlets.statuspage.body import (
    OPERATIONAL,
    Mark,
    body_of,
    components_of,
    statuses_of,
    still_down,
    without_components,
)

ARRIVES_WITHIN: Final = 60.0
"""Seconds for which what may have been taken is looked for before it is sent again."""

_PAGE: Final = 100
_PAGES: Final = 10
"""Of the newest incidents: ours is of these hours."""
_REFUSED: Final = (400, 422)
_GONE: Final = (404, 410)
_NOT_ITS_FORM: Final = (KeyError, TypeError, ValueError, AttributeError)
_REMEDIES: Final = {
    401: "see that status_page.statuspage.api_key is the key of a user of the page, and is not revoked",
    403: "see that the user of status_page.statuspage.api_key may edit the page",
    404: "see that status_page.statuspage.page is the id of a page of that user",
}


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
                return self._publish(talk, effect, message, notice, known)
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

    def _publish(
        self, talk: Talk, effect: Effect, message: Message, notice: PublicNotice, there: Mapping[str, Any] | None
    ) -> Delivery:
        statuses = statuses_of(message, notice, self._settings.components, there)
        if OPERATIONAL in statuses.values():
            statuses = still_down(statuses, self._elsewhere(talk, there))
        body = body_of(effect, message, notice, statuses, there)
        method, path = ("POST", self._path) if there is None else ("PATCH", f"{self._path}/{_id(there)}")
        words = f"text {notice.number} is published"
        try:
            made = talk.send(method, path, body)
        except Stopped as stopped:
            if stopped.status not in _REFUSED or not statuses:
                raise
            # Of a text and the status of a component it is the text that people wait for.
            made = talk.send(method, path, without_components(body))
            words += f", without components: {stopped}: see status_page.statuspage.components"
        return _confirmed(made, words)

    def _elsewhere(self, talk: Talk, there: Mapping[str, Any] | None) -> set[str]:
        """Components of other incidents that are not over."""
        own = _id(there) if there is not None else ""
        others = [one for one in talk.get(f"{self._path}/unresolved") if _id(one) != own]
        return {component for one in others for component in components_of(one)}

    def _known(self, talk: Talk, effect: Effect, external_id: str) -> Mapping[str, Any] | None:
        if external_id:
            return self._read(talk, external_id)
        # Of the first effect, sent the first time, there can be none.
        return None if effect.order == 1 and effect.attempts <= 1 else self._find(talk, effect.incident)

    def _read(self, talk: Talk, external_id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = talk.get(f"{self._path}/{external_id}")
        return found

    def _find(self, talk: Talk, incident: str) -> Mapping[str, Any] | None:
        """By our mark, among those that are not over and the newest of all."""
        ours: dict[str, Mapping[str, Any]] = {}
        for page in range(_PAGES + 1):
            path, query = (self._path, {"limit": _PAGE, "page": page}) if page else (f"{self._path}/unresolved", {})
            found = talk.get(path, **query)
            ours |= {_id(one): one for one in found if Mark.of(one).incident == incident}
            if ours or (page and len(found) < _PAGE):
                break
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
    remedy = _REMEDIES.get(stopped.status)
    return replace(stopped.delivery, detail=f"{stopped}: {remedy}") if remedy else stopped.delivery


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
