"""
At the start and each hour every ticket is looked at that something may still become of: those of incidents that are
live or were resolved lately, and those of action items that are not done.

The looking is done in a thread for each tracker, so that one that is slow keeps nobody waiting: neither the loop nor
another tracker, nor the end of the process.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from loguru import logger

from monitor.core.incident import State
from monitor.daemon.afterwards import Afterwards
from monitor.daemon.house import House
from monitor.daemon.kept import case_from, instance_id_of
from monitor.daemon.refused_closes import TRIED_FOR
from monitor.ledger.records import Commit, Effect, EffectKind, EffectState, LedgerEvent
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Found
from monitor.response import tickets
from monitor.response.actions import ADDED, DONE, actions
from monitor.response.case import Case
from monitor.response.entries import POSTMORTEMS, Told, effect_for, entry, keeps_drafts
from monitor.response.items import action_of, action_subject, item_effects
from monitor.response.review import DUE, REVIEWED, open_reviews, review, review_subject, reviewed_of
from monitor.response.tickets import Kept
from monitor.telemetry import names

T = TypeVar("T")

_MOST_RESOLVED = 50
"""The newest of those that are over: a tracker has to be asked about each."""


@dataclass(frozen=True, slots=True)
class _Asked:
    subject: str
    kept: Kept
    found: Found | None


class Rounds:
    def __init__(self, house: House, afterwards: Afterwards) -> None:
        self._house = house
        self._afterwards = afterwards
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """In the loop; one that is under way goes on."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self.make(), name="tickets")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def make(self) -> None:
        if not self._house.ledger.healthy:
            return  # nothing of what was found could be written down
        await self._review()
        trackers = [name for name in self._house.worker.trackers if name != POSTMORTEMS]
        live = [case.incident.id for case in self._house.casebook.live()]
        await asyncio.gather(*(self._of(tracker, live) for tracker in trackers))

    async def _review(self) -> None:
        """Of the playbook: whether one is due, or was done."""
        house, playbook = self._house, self._house.config.playbook
        try:
            log = await _in_thread(lambda: house.ledger.events_named(DUE, REVIEWED))
            owner = await _in_thread(lambda: instance_id_of(house.ledger))
        except sqlite3.Error as error:
            logger.debug("whether a review of the playbook is due cannot be told, the ledger cannot be read: {}", error)
            return
        commit = review(
            playbook.reviewed, playbook.review_every, log, owner, house.casebook.rules.outlets,
            house.clock.now(), house.clock.wall(),
        )  # fmt: skip
        await self._written(commit)

    async def _written(self, commit: Commit) -> None:
        if not (commit.events or commit.effects):
            return
        # Not cancelled with us: what is held is written when the ledger takes commits again.
        done, _ = await asyncio.wait([asyncio.wrap_future(self._house.adopt(commit))], timeout=60.0)
        if (error := next(iter(done)).exception() if done else None) is not None:
            logger.warning("what was found at a ticket could not be written: {}", error)

    async def _of(self, tracker: str, live: list[str]) -> None:
        try:
            subjects = await _in_thread(lambda: self._over() if keeps_drafts(tracker) else self._subjects(live))
            for subject in subjects:
                asked = await _in_thread(lambda subject=subject: self._ask(tracker, subject))  # type: ignore[misc]
                if isinstance(asked, Delivery):
                    if asked.outcome is DeliveryOutcome.REFUSED:
                        continue  # of this ticket alone, and its effects tell of it
                    logger.bind(outlet=tracker).info(
                        "outlet {}: its tickets are looked at in an hour again: {}", tracker, asked.detail
                    )
                    return
                if asked is not None:
                    await self._decide(asked)
        except sqlite3.Error as error:  # the ledger tells of its own troubles
            logger.debug("tickets are not looked at, the ledger cannot be read: {}", error)

    def _subjects(self, live: Iterable[str]) -> list[str]:
        """Whose tickets are looked at: ids of incidents, and subjects of action items."""
        ledger = self._house.ledger
        owner, due = instance_id_of(ledger), open_reviews(ledger.events_named(DUE, REVIEWED))
        reviews = [review_subject(owner, reviewed) for reviewed in due]
        return [*live, *self._over(), *_undone(ledger.events_named(ADDED, DONE)), *reviews]

    def _over(self) -> list[str]:
        """Incidents that were resolved lately."""
        now = self._house.clock.now()
        over = self._house.ledger.newest((State.RESOLVED, State.CLEAR), _MOST_RESOLVED)
        return [incident.id for incident in over if tickets.is_looked_after(incident, now)]

    def _ask(self, tracker: str, subject: str) -> _Asked | Delivery | None:
        ledger = self._house.ledger
        links = [link.external_id for link in ledger.tickets(subject) if link.outlet == tracker]
        kept = tickets.kept_of(tracker, ledger.effects(subject), links[0] if links else "")
        if not kept.external_id:
            return _Asked(subject, kept, None)
        found = self._house.worker.look(tracker, subject, kept.external_id)
        return found if found is None or isinstance(found, Delivery) else _Asked(subject, kept, found)

    async def _decide(self, asked: _Asked) -> None:
        if asked.found is not None and asked.found.merged:
            which = {names.OUTLET: asked.kept.outlet}
            self._house.telemetry.counter(names.TICKETS_MERGED.name, asked.found.merged, which)
        if reviewed_of(asked.subject) is not None:
            if asked.found is None:
                await self._written(self._made(asked.subject, asked.kept, await _in_thread(self._due)))
            return
        async with self._afterwards.alone:
            action = action_of(asked.subject)
            incident = asked.subject if action is None else action[0]
            if (case := self._house.casebook.cases.get(incident)) is None:
                case = await _in_thread(lambda: case_from(self._house.ledger, incident))
            # Nothing is waited for from here on, or a live case would go on meanwhile.
            commit = self._about(case, asked) if action is None else self._about_item(case, action[1], asked)
            await self._written(commit)

    def _about(self, case: Case, asked: _Asked) -> Commit:
        if case.orders.get(asked.kept.outlet, 0) != asked.kept.order:
            return Commit()  # more has happened since it was read: the next round sees that
        told = [] if asked.found is None else tickets.noticed(case.incident, asked.kept, asked.found)
        effects: tuple[Effect, ...] = ()
        wanted = tickets.wanted(case.incident, asked.kept, asked.found)
        # A draft is open until the postmortem was held, however long the incident has been over.
        if wanted is not None and not keeps_drafts(asked.kept.outlet):
            kind, why = wanted
            told.append(why)
            effects = (effect_for(case, asked.kept.outlet, kind),)
        return Commit(events=self._events(case, told), effects=effects)

    def _about_item(self, case: Case, number: int, asked: _Asked) -> Commit:
        action, kept, found = actions(case.events).get(number), asked.kept, asked.found
        if action is None or action.done_by or not kept.is_settled:
            return Commit()
        if found is None:
            return self._made(asked.subject, kept, _added(case, number))
        if found.is_closed and not found.by_us:
            where = f"{found.external_id} in {kept.outlet}"
            _, commit = self._afterwards.follow(case).done(number, where, because="its ticket was closed")
            return commit
        return Commit(events=self._events(case, tickets.noticed(case.incident, kept, found)))

    def _made(self, subject: str, kept: Kept, asked_for: LedgerEvent) -> Commit:
        """The ticket of an item that has none: it was refused, or the tracker came later than the item."""
        now = self._house.clock.now()
        if kept.effects:
            first = kept.effects[0]
            if first.state is EffectState.DEAD and now - first.created_at < TRIED_FOR:
                again = self._house.ledger.record(replace(first, state=EffectState.WAITING, next_at=now))
                again.add_done_callback(lambda _: self._house.worker.wake())
            return Commit()
        return Commit(effects=item_effects(subject, asked_for, 1, EffectKind.CREATE, (kept.outlet,)))

    def _due(self) -> LedgerEvent:
        """The newest review that became due."""
        return self._house.ledger.events_named(DUE)[-1]

    def _events(self, case: Case, told: Iterable[Told]) -> tuple[LedgerEvent, ...]:
        """In the timeline, each once, and no update: nobody is to be woken because a ticket was moved."""
        now, wall = self._house.clock.now(), self._house.clock.wall()
        events = [
            entry(case.incident, one.name, one.text, "watchkeeper", now, wall, attributes=one.attributes)
            for one in tickets.news(told, case.events)
        ]
        case.events.extend(events)
        return tuple(events)


def _added(case: Case, number: int) -> LedgerEvent:
    return next(event for event in case.events if event.name == ADDED and event.attributes.get("action") == number)


def _undone(events: Iterable[LedgerEvent]) -> list[str]:
    of: dict[str, list[LedgerEvent]] = {}
    for event in events:
        of.setdefault(event.incident, []).append(event)
    return [
        action_subject(incident, number)
        for incident, told in of.items()
        for number, action in actions(told).items()
        if not action.done_by
    ]


async def _in_thread(work: Callable[[], T]) -> T:
    """In one that the end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return  # nobody waits any more
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, trouble = None, None
        try:
            result = work()
        except BaseException as error:
            trouble = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, result, trouble)

    threading.Thread(target=run, name="tickets", daemon=True).start()
    return await done
