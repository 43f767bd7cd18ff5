"""One outlet's own thread: a slow or refusing outlet keeps only itself waiting."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from loguru import logger

from monitor.ledger.crashpoints import reach
from monitor.ledger.records import Effect, EffectKind, EffectState, TicketLink
from monitor.ledger.store import Ledger
from monitor.outlets import delivery as decide
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message, Outlet
from monitor.outlets.refreshing import Refresher
from monitor.outlets.trouble import say

if TYPE_CHECKING:
    from loguru import Logger

T = TypeVar("T")
Compose = Callable[[Effect], Message]
Told = Callable[[Effect, Delivery], None]

_STEP = 0.05  # seconds between two looks at a commit that is waited for
_AFTER_BUG = 5.0  # seconds; an error of ours must neither end the lane nor fill the log


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """An outlet that refuses our credentials: one try a minute until it takes one again."""

    since: datetime
    until: datetime
    detail: str


class Lane:
    """
    Takes what is due for one outlet: claim (committed), ask by key if the outcome is unknown, send, record.

    `_ahead` holds what this lane knows and the ledger has not written yet; it wins over what is read. With it the lane
    goes on while the ledger is held, and never sends twice what it has sent itself.
    """

    def __init__(
        self,
        outlet: Outlet,
        *,
        ledger: Ledger,
        compose: Compose,
        now: Callable[[], datetime],
        told: Told,
        random: Callable[[], float],
        poll: float,
    ) -> None:
        self.outlet = outlet
        self.pause: Pause | None = None
        self._closing_before: frozenset[str] = frozenset()
        self._ledger = ledger
        self._compose = compose
        self._now = now
        self._told = told
        self._random = random
        self._poll = poll
        self._log = logger.bind(outlet=outlet.name)
        self._refresher = Refresher(ledger, compose, self._log)
        self._ahead: dict[str, Effect] = {}
        self._tickets: dict[str, str] = {}  # incident -> external id, of those the ledger does not know yet
        self._changed = threading.Condition()
        self._woken = 0
        self._quiet_at = 0  # the wake after which nothing was due
        self._stopping = False
        self._thread: threading.Thread | None = None

    def use(self, outlet: Outlet, closing_before: Sequence[str]) -> None:
        """From the next effect on. What the former address or secret was refused for is tried again."""
        self.outlet, self._closing_before, self.pause = outlet, frozenset(closing_before), None

    def start(self) -> None:
        """Begin, or go on although it was told to stop and is still sending."""
        with self._changed:
            self._stopping = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"outlet-{self.outlet.name}", daemon=True)
                self._thread.start()

    def wake(self) -> int:
        with self._changed:
            self._woken += 1
            self._changed.notify_all()
            return self._woken

    def wait_quiet(self, wake: int, timeout: float) -> bool:
        """Whether nothing was due at or after that *wake*."""
        with self._changed:
            return self._changed.wait_for(lambda: self._quiet_at >= wake, timeout)

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while not self._has_ended():
            woken = self._woken
            try:
                wait = self._turn()
            except Exception as error:
                say(self._log, error, f"outlet {self.outlet.name}: an error of our own, going on")
                wait = _AFTER_BUG
            if wait is None:
                continue
            with self._changed:
                self._quiet_at = woken
                self._changed.notify_all()
                self._changed.wait_for(partial(self._is_called, woken), wait)

    def _has_ended(self) -> bool:
        with self._changed:
            if self._stopping:
                self._thread = None
            return self._stopping

    def _is_called(self, woken: int) -> bool:
        return self._stopping or self._woken != woken

    def _turn(self) -> float | None:
        """Do the next thing. Returns None when there may be more, else seconds to wait."""
        now = self._now()
        unfinished, closes = self._view()
        before = [close for close in closes if close.outlet in self._closing_before]
        plan = decide.plan(unfinished, now, closing_before=before, urgent_only=not self._ledger.healthy)
        for outdated in plan.superseded:
            self._record(outdated)
        if self.pause is not None and now < self.pause.until:
            return self._seconds_until(self.pause.until, now)
        self._refresher.turn(self.outlet.name, self.outlet, now)
        if plan.next is None:
            return self._seconds_until(plan.wake_at, now)
        return None if self._carry(plan.next, unfinished) else self._poll

    def _seconds_until(self, at: datetime | None, now: datetime) -> float:
        return self._poll if at is None else min(self._poll, max((at - now).total_seconds(), 0.001))

    def _view(self) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
        """This outlet's unfinished effects, and the closes of all: what is written, what is held, what is only here."""
        # In this order: a record that becomes durable in between is then seen twice, never missed.
        with self._changed:
            ahead = dict(self._ahead)
        held = () if self._ledger.healthy else self._ledger.held_effects()
        written = self._read(lambda: self._ledger.unfinished(self.outlet.name))
        known = {effect.key: effect for effect in held if effect.outlet == self.outlet.name}
        known |= {effect.key: effect for effect in written}
        known |= {key: effect for key, effect in ahead.items() if key in known}
        unfinished = tuple(e for e in known.values() if e.state in (EffectState.WAITING, EffectState.SENDING))
        if not self._closing_before or all(effect.kind is not EffectKind.CLOSE for effect in unfinished):
            return unfinished, ()
        closes = (*self._read(self._ledger.unfinished_closes), *(e for e in held if e.kind is EffectKind.CLOSE))
        return unfinished, tuple({effect.key: effect for effect in closes}.values())

    def _read(self, question: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
        """A disk that cannot be read must not keep back the urgent effects of held commits."""
        try:
            return question()
        except sqlite3.Error:
            if self._ledger.healthy and not self._ledger.damage:
                raise
            return ()

    def _carry(self, effect: Effect, unfinished: Sequence[Effect]) -> bool:
        """False when it could not be claimed."""
        claimed = decide.claim(effect)
        is_recorded = self._wait_for(self._record(claimed), claimed)
        if not is_recorded and not (claimed.urgent and not self._stopping):
            return False  # nothing has left; it is found SENDING later, and asked about first
        external_id = self._external_id(effect.incident)
        if effect.state is EffectState.SENDING and self._is_settled_by_asking(claimed, external_id, unfinished):
            return True
        delivery = self._send(claimed, external_id, is_recorded)
        self._settle(decide.after_delivery(claimed, delivery, self._now(), self._random()), delivery)
        return True

    def _is_settled_by_asking(self, effect: Effect, external_id: str, unfinished: Sequence[Effect]) -> bool:
        try:
            found = self.outlet.reconcile(effect, external_id)
        except Exception as error:
            say(self._about(effect), error, f"outlet {self.outlet.name}: reconcile raised")
            found = Delivery(outcome=DeliveryOutcome.RETRY, detail=f"could not ask: {type(error).__name__}")
        settled = decide.after_asking(effect, found, self._now(), self._random())
        if settled is not None and found is not None:
            self._settle(settled, found)
            return True
        newer = decide.newer_update(effect, unfinished)
        if newer is not None:
            self._record(replace(effect, state=EffectState.SUPERSEDED, detail=f"superseded by {newer.key}"))
        return newer is not None

    def _send(self, effect: Effect, external_id: str, is_recorded: bool) -> Delivery:
        try:
            message = self._compose(effect)
        except Exception as error:
            say(self._about(effect), error, f"outlet {self.outlet.name}: cannot compose {effect.key}")
            return Delivery(outcome=DeliveryOutcome.RETRY, detail=f"could not be composed: {type(error).__name__}")
        if not is_recorded:
            message = replace(message, degraded=self._degraded())
        reach("before-send")
        try:
            delivery = self.outlet.deliver(effect, message, external_id)
        except Exception as error:
            say(self._about(effect), error, f"outlet {self.outlet.name}: deliver raised")
            delivery = Delivery(outcome=DeliveryOutcome.AMBIGUOUS, detail=f"broke off: {type(error).__name__}")
        reach("after-send")
        return delivery

    def _settle(self, effect: Effect, delivery: Delivery) -> None:
        """*effect* is in the state that *delivery* led to."""
        ticket = None
        if delivery.external_id:
            self._tickets[effect.incident] = delivery.external_id
            ticket = TicketLink(
                incident=effect.incident,
                outlet=effect.outlet,
                external_id=delivery.external_id,
                url=delivery.url,
            )
        reach("before-confirm")
        self._wait_for(self._record(effect, ticket), effect)
        reach("after-confirm")
        self._tell(effect, delivery, is_news=self._pause_or_resume(delivery))

    def _pause_or_resume(self, delivery: Delivery) -> bool:
        """Whether this is news: the second refusal of our credentials in a row is not."""
        was_paused, now = self.pause, self._now()
        if delivery.outcome is DeliveryOutcome.UNAUTHORISED:
            since = now if was_paused is None else was_paused.since
            self.pause = Pause(since=since, until=now + decide.PAUSE, detail=delivery.detail)
            if was_paused is None:
                self._log.error(
                    "outlet {}: paused, {}; tried again every minute: see to its credentials",
                    self.outlet.name,
                    delivery.detail,
                )
            return was_paused is None
        self.pause = None
        if was_paused is not None:
            self._log.info(
                "outlet {}: resumed, paused since {:%Y-%m-%d %H:%M:%S} UTC", self.outlet.name, was_paused.since
            )
        return True

    def _about(self, effect: Effect) -> Logger:
        return self._log.bind(service=effect.service, incident_id=effect.incident, effect=effect.key)

    def _tell(self, effect: Effect, delivery: Delivery, *, is_news: bool) -> None:
        self._about(effect).debug(
            "outlet {}: {} {}: {}", self.outlet.name, effect.key, delivery.outcome, delivery.detail or "-"
        )
        if effect.state is EffectState.DEAD:
            self._about(effect).error(
                "outlet {}: {} was refused for good and is given up: {}", self.outlet.name, effect.key, delivery.detail
            )
        if not is_news:
            return
        try:
            self._told(effect, delivery)
        except Exception as error:
            self._about(effect).opt(exception=error).error(
                "outlet {}: whoever is told of {} raised", self.outlet.name, effect.key
            )

    def _record(self, effect: Effect, ticket: TicketLink | None = None) -> Future[None]:
        with self._changed:
            self._ahead[effect.key] = effect
        future = self._ledger.record(effect, ticket)
        future.add_done_callback(lambda done: self._forget(effect, ticket, done))
        return future

    def _forget(self, effect: Effect, ticket: TicketLink | None, done: Future[None]) -> None:
        if done.exception() is not None:
            return  # what could not be written is remembered here for as long as we live
        with self._changed:
            if self._ahead.get(effect.key) is effect:
                del self._ahead[effect.key]
            if ticket is not None and self._tickets.get(ticket.incident) == ticket.external_id:
                del self._tickets[ticket.incident]  # the ledger knows it now, and keeps it longer than we live

    def _wait_for(self, future: Future[None], effect: Effect) -> bool:
        """Whether it is durable. Gives up when the ledger is held: an urgent effect goes on, others come again."""
        while True:
            try:
                future.result(_STEP)
            except FutureTimeout:
                if not self._ledger.healthy or self._stopping:
                    return False
            except Exception as error:
                self._about(effect).error(
                    "outlet {}: {} could not be recorded: {}", self.outlet.name, effect.key, error
                )
                return False
            else:
                return True

    def _external_id(self, incident: str) -> str:
        if (kept := self._tickets.get(incident)) is not None:
            return kept
        links = self._read(lambda: self._ledger.tickets(incident))
        return next((link.external_id for link in links if link.outlet == self.outlet.name), "")

    def _degraded(self) -> str:
        held_since = self._ledger.held_since
        since = "" if held_since is None else f" since {held_since:%Y-%m-%d %H:%M:%S} UTC"
        return f"Ledger unavailable{since}: sent at once, recorded when the ledger takes commits again."
