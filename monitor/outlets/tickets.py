"""
An outlet to a tracker that people share with us: each effect once, and what people did is respected.

No key can be sent along with a creation, so when its answer is lost the ticket is looked for as long as `PATIENCE`: an
index may know nothing yet of a ticket that is there. A duplicate that turns up later still is merged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from loguru import logger

from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.markup.text import one_line
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Found, Message
from monitor.outlets.rest import Stopped
from monitor.outlets.ticket import LONGEST_TITLE, KeepsFiles, Mark, Site, TellsAll, Ticket, Tracker, digest, signature

PATIENCE: Final = 120.0
"""Seconds for which a ticket is looked for before it is created once more."""
SETTLING: Final = 30.0
"""Seconds for which a known ticket is looked at before a step is repeated: a server may still be at work on a request
whose answer we did not wait for."""

_GONE: Final = (404, 410)
_NOT_ITS_FORM: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What reading an answer raises that another program gave than the one we take it for."""
_LIVE: Final = ("open", "recovering")


class TicketOutlet:
    """
    Args:
        now: Seconds of a clock that is never set.
        patience: Seconds for which a ticket is looked for; None for `PATIENCE`.
    """

    def __init__(
        self, name: str, site: Site, now: Callable[[], float] = time.monotonic, patience: float | None = None
    ) -> None:
        self._name = name
        self._site = site
        self._now = now
        self._patience = patience
        # By effect. Of this process: another one looks for the whole time again.
        self._looked_since: dict[str, float] = {}
        # Whoever looks after all tickets is another thread than the lane, and two would merge a duplicate twice.
        self._one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"TicketOutlet({self._name}, {self._site.host})"

    @property
    def name(self) -> str:
        return self._name

    def deliver(self, effect: Effect, message: Message, external_id: str) -> Delivery:
        try:
            with self._one_at_a_time, self._site.open() as tracker:
                ticket = self._known(tracker, effect, external_id)
                if ticket is None:
                    return self._create(tracker, effect, message)
                merged = self._merge_duplicates(tracker, effect.incident, ticket)
                return replace(self._apply(tracker, effect, message, ticket), merged=merged)
        except Stopped as stopped:
            return stopped.delivery
        except _NOT_ITS_FORM as error:
            return self._strange(error, DeliveryOutcome.AMBIGUOUS)

    def reconcile(self, effect: Effect, external_id: str) -> Delivery | None:
        try:
            with self._one_at_a_time, self._site.open() as tracker:
                ticket = self._read(tracker, external_id) if external_id else self._eldest(tracker, effect.incident)
                if ticket is None or not _is_applied(effect, ticket):
                    return self._look_again(effect, ticket)
                self._looked_since.pop(effect.key, None)
                return _confirmed(ticket, "was applied before")
        except Stopped as stopped:
            return stopped.delivery
        except _NOT_ITS_FORM as error:
            return self._strange(error, DeliveryOutcome.RETRY)

    def look(self, incident: str, external_id: str) -> Found | Delivery:
        try:
            with self._one_at_a_time, self._site.open() as tracker:
                ticket = self._if_there(tracker, external_id)
                if ticket is None:
                    return Found(external_id=external_id, gone=_GONE_WORDS)
                merged = self._merge_duplicates(tracker, incident, ticket)
                return Found(
                    external_id=ticket.id,
                    is_closed=ticket.is_closed,
                    by_us=ticket.mark.closed,
                    place="" if ticket.place == tracker.place else ticket.place,
                    title="" if ticket.mark.title in ("", ticket.title) else one_line(ticket.title, LONGEST_TITLE),
                    merged=merged,
                )
        except Stopped as stopped:
            return stopped.delivery
        except _NOT_ITS_FORM as error:
            return self._strange(error, DeliveryOutcome.RETRY)

    def _strange(self, error: Exception, outcome: DeliveryOutcome) -> Delivery:
        # Should it be a mistake of ours, the traceback is wanted.
        logger.bind(outlet=self._name).opt(exception=error).debug("outlet {}: an answer was not understood", self._name)
        what = one_line(f"{type(error).__name__} {error}", 80)
        detail = f"{self._site.host} answered in a form that is not known ({what}): see that its url is right"
        return Delivery(outcome=outcome, detail=detail)

    def _look_again(self, effect: Effect, ticket: Ticket | None) -> Delivery | None:
        """None once it was looked for long enough."""
        looked = self._now() - self._looked_since.setdefault(effect.key, self._now())
        patience = PATIENCE if self._patience is None else self._patience
        left = (SETTLING if ticket else patience) - looked
        if left <= 0:
            del self._looked_since[effect.key]
            return None
        what = f"{ticket.id}: not known whether it took this" if ticket else "not known whether the ticket was created"
        return Delivery(outcome=DeliveryOutcome.RETRY, detail=f"{self._site.host}: {what}; looked at {left:.0f} s more")

    def _known(self, tracker: Tracker, effect: Effect, external_id: str) -> Ticket | None:
        if external_id:
            return self._read(tracker, external_id)
        # Of the first effect there can be none, or it was looked for.
        return None if effect.order == 1 else self._eldest(tracker, effect.incident)

    def _read(self, tracker: Tracker, ticket: str) -> Ticket:
        try:
            return tracker.read(ticket)
        except Stopped as stopped:
            if stopped.status not in _GONE:
                raise
            detail = f"{ticket} {_GONE_WORDS}"
            raise Stopped(Delivery(outcome=DeliveryOutcome.REFUSED, detail=detail), stopped.status) from None

    def _eldest(self, tracker: Tracker, incident: str) -> Ticket | None:
        ours = self._ours(tracker, incident)
        return min(ours, key=lambda ticket: (bool(ticket.mark.merged), ticket.born), default=None)

    def _ours(self, tracker: Tracker, incident: str, but: str = "") -> list[Ticket]:
        """Its tickets, without merged ones. A copy that a person made has the label and not the mark: it is theirs."""
        found = [self._if_there(tracker, ticket) for ticket in tracker.find(incident) if ticket != but]
        own = [ticket for ticket in found if ticket is not None and ticket.mark.incident == incident]
        return [ticket for ticket in own if not (ticket.mark.merged and ticket.is_closed)]

    def _if_there(self, tracker: Tracker, ticket: str) -> Ticket | None:
        try:
            return tracker.read(ticket)
        except Stopped as stopped:
            if stopped.status in _GONE:
                return None  # an index knows what was deleted for a while
            raise

    def _create(self, tracker: Tracker, effect: Effect, message: Message) -> Delivery:
        mark = Mark().after(effect, message, one_line(message.title, LONGEST_TITLE))
        ticket = tracker.create(message, replace(mark, closed=effect.kind is EffectKind.CLOSE))
        if effect.kind is EffectKind.CLOSE:
            try:
                self._close(tracker, effect, ticket)
            except Stopped as stopped:
                # It is there now, and an index may not know it for a while.
                return replace(stopped.delivery, external_id=ticket.id, url=ticket.url)
        notes = ["created", *self._attach(tracker, effect, message, ticket)]
        if not ticket.lacks:
            return _confirmed(ticket, "; ".join(notes))
        logger.bind(outlet=self._name, incident_id=effect.incident).warning(
            "outlet {}: {} is {}", self._name, ticket.id, ticket.lacks
        )
        return _confirmed(ticket, "; ".join([*notes, ticket.lacks]))

    def _apply(self, tracker: Tracker, effect: Effect, message: Message, ticket: Ticket) -> Delivery:
        if _is_applied(effect, ticket):
            return _confirmed(ticket, "was applied before")
        notes = [f"moved to {ticket.place}"] if ticket.place != tracker.place else []
        by_hand = ticket.is_closed and not ticket.mark.closed
        if effect.kind is EffectKind.REOPEN and ticket.is_closed and not by_hand:
            tracker.reopen(ticket)
            ticket = replace(ticket, is_closed=False)
        if not ticket.mark.has_applied(effect):
            is_kept_closed = by_hand and message.status in _LIVE
            if is_kept_closed:
                notes.append("closed by a person, not reopened")
            self._comment(tracker, effect, message, ticket, is_kept_closed=is_kept_closed)
            if lacking := self._write(tracker, effect, message, ticket, told=is_kept_closed, by_hand=by_hand):
                notes.append(lacking)
            notes += self._attach(tracker, effect, message, ticket)
        if effect.kind is EffectKind.CLOSE and not ticket.is_closed:
            self._close(tracker, effect, ticket)
        return _confirmed(ticket, "; ".join([_DONE[effect.kind], *notes]))

    def _comment(
        self, tracker: Tracker, effect: Effect, message: Message, ticket: Ticket, *, is_kept_closed: bool
    ) -> None:
        """The update if it is news, and once that what a person closed stays closed."""
        news = tracker.news(effect, message, ticket) if isinstance(tracker, TellsAll) else _news(message, ticket)
        parts = [news] if news else []
        if is_kept_closed and not ticket.mark.told:
            parts.append(_KEPT_CLOSED)
        if any(parts):
            self._say(tracker, effect, ticket, "\n".join(filter(None, [message.degraded, *parts])), signature(effect))

    def _attach(self, tracker: Tracker, effect: Effect, message: Message, ticket: Ticket) -> list[str]:
        """
        The files that the ticket has not got, each known by its name. They come last and hold up nothing: where it
        fails the text is there, and the next update finds them missing. Why it failed, or nothing.
        """
        lacking = [file for file in message.attachments if file.name not in ticket.attached]
        if not lacking or not isinstance(tracker, KeepsFiles):
            return []
        try:
            tracker.attach(ticket, lacking)
        except Stopped as stopped:
            what = f"its files are not attached: {stopped.delivery.detail}"
            logger.bind(outlet=self._name, incident_id=effect.incident).warning(
                "outlet {}: {}, {}", self._name, ticket.id, what
            )
            return [what]
        return []

    def _say(self, tracker: Tracker, effect: Effect, ticket: Ticket, text: str, sign: str) -> None:
        # The first time nothing of it can be there.
        if effect.attempts <= 1 or not tracker.has_comment(ticket, sign):
            tracker.comment(ticket, text, sign)

    def _write(
        self, tracker: Tracker, effect: Effect, message: Message, ticket: Ticket, *, told: bool, by_hand: bool
    ) -> str:
        before = ticket.mark
        is_title_ours = before.title in ("", ticket.title)
        mark = before.after(effect, message, one_line(message.title, LONGEST_TITLE) if is_title_ours else before.title)
        if effect.kind is EffectKind.REOPEN:
            mark = replace(mark, closed=False)
        elif effect.kind is EffectKind.CLOSE:
            # Written before it is closed, as some workflows let nobody write afterwards.
            mark = replace(mark, closed=not by_hand)
        return tracker.write(ticket, message, replace(mark, told=told), is_title_ours=is_title_ours)

    def _close(self, tracker: Tracker, effect: Effect, ticket: Ticket) -> None:
        try:
            tracker.close(ticket)
        except Stopped as stopped:
            if stopped.delivery.outcome is not DeliveryOutcome.REFUSED:
                raise
            text = f"The incident is resolved, and this ticket could not be closed: {stopped.delivery.detail}"
            self._say(tracker, effect, ticket, text, signature(effect, "close"))
            detail = f"{ticket.id} stays open: {stopped.delivery.detail}"
            raise Stopped(replace(stopped.delivery, detail=detail), stopped.status) from None

    def _merge_duplicates(self, tracker: Tracker, incident: str, ticket: Ticket) -> int:
        merged = 0
        for duplicate in self._ours(tracker, incident, but=ticket.id):
            if duplicate.born == ticket.born:  # known by another name since it was moved
                continue
            try:
                self._merge(tracker, duplicate, ticket)
            except Stopped as stopped:
                if stopped.delivery.outcome is not DeliveryOutcome.REFUSED:
                    raise
                what = f"could not be closed: {stopped.delivery.detail}"
            else:
                merged += 1
                what = "is closed"
            logger.bind(outlet=self._name, incident_id=incident).warning(
                "outlet {}: {} is a duplicate of {} and {}", self._name, duplicate.id, ticket.id, what
            )
        return merged

    def _merge(self, tracker: Tracker, duplicate: Ticket, ticket: Ticket) -> None:
        mark = replace(duplicate.mark, merged=ticket.id)
        if not duplicate.mark.merged:
            there = f"{ticket.id}, {ticket.url}" if ticket.url else ticket.id
            text = f"A duplicate, made because the answer to its creation was lost. It goes on there: {there}"
            tracker.comment(duplicate, text, f"(watchkeeper {duplicate.mark.incident}/merged)")
            tracker.tie(duplicate, ticket, mark)
        if not duplicate.is_closed:
            tracker.close(replace(duplicate, mark=mark))


_GONE_WORDS: Final = (
    "was deleted, or our user may not see it any more: it is not made again, "
    "and this incident's updates go nowhere until our user may see it"
)
_KEPT_CLOSED: Final = "This ticket was closed by a person, so it stays closed; the incident is still open."

_DONE: Final = {
    EffectKind.CREATE: "written",
    EffectKind.UPDATE: "updated",
    EffectKind.CLOSE: "closed",
    EffectKind.REOPEN: "open again",
}


def _is_applied(effect: Effect, ticket: Ticket) -> bool:
    """A close is done when the ticket is closed: its mark is written before."""
    return ticket.mark.has_applied(effect) and (effect.kind is not EffectKind.CLOSE or ticket.is_closed)


def _news(message: Message, ticket: Ticket) -> str:
    return message.update if digest(message.update) != ticket.mark.said else ""


def _confirmed(ticket: Ticket, detail: str) -> Delivery:
    return Delivery(
        outcome=DeliveryOutcome.CONFIRMED, detail=f"{ticket.id}: {detail}", external_id=ticket.id, url=ticket.url
    )
