"""
After an incident: its postmortem is shown and held, its action items are added and done, and what is late is told.

A case may be forgotten by then; so it is read from the ledger, in another thread, and nobody else may read it until
what was decided is written: else two action items would get one number.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from queue import SimpleQueue
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from loguru import logger

from monitor.core.incident import IllegalTransition
from monitor.daemon.gathering import gathered
from monitor.daemon.house import House
from monitor.daemon.kept import case_from
from monitor.ledger.records import Commit
from monitor.response import roles
from monitor.response.actions import Action
from monitor.response.case import Case
from monitor.response.followup import FOLLOWED, FollowUp, UnknownAction, followed
from monitor.response.postmortem import QUESTIONS, draft
from monitor.web.desk import DeskRefusal

T = TypeVar("T")

_WRITTEN_WITHIN: Final = 5.0


class Afterwards:
    def __init__(self, house: House) -> None:
        self._house = house
        self._alone = asyncio.Lock()

    def postmortem(self, ref: str) -> str:
        """As it would be drafted now. Reads the ledger and asks Prometheus: to be called in another thread."""
        house = self._house
        case = self._case(ref)
        found = gathered(house.config, house.ledger, case, house.clock.wall() - house.clock.now())
        return draft(case, roles.held(case, house.casebook.rules), found) + QUESTIONS

    async def held(self, ref: str, by: str) -> Case:
        case, _ = await self._write(ref, lambda after: (None, after.held(by)))
        return case

    async def add(self, ref: str, what: str, owner: str, due: date, by: str) -> tuple[int, Action]:
        """With the incident's number, as `done`."""
        case, action = await self._write(ref, lambda after: after.add(what, owner, due, by))
        return case.incident.number, action

    async def done(self, ref: str, number: int, by: str) -> tuple[int, Action]:
        case, action = await self._write(ref, lambda after: after.done(number, by))
        return case.incident.number, action

    async def _write(self, ref: str, act: Callable[[FollowUp], tuple[T, Commit]]) -> tuple[Case, T]:
        house = self._house
        async with self._alone:
            kept = await asyncio.to_thread(self._case, ref)
            case = house.casebook.cases.get(kept.incident.id, kept)
            follow = FollowUp(case, house.casebook.rules.outlets, house.clock.now(), house.clock.wall())
            try:
                found, commit = act(follow)
            except UnknownAction as unknown:
                raise DeskRefusal(404, str(unknown)) from None
            except IllegalTransition as refusal:
                raise DeskRefusal(409, str(refusal)) from None
            if commit.events:
                await _recorded(house, commit)
            return case, found

    def _case(self, ref: str) -> Case:
        """The case as the ledger has it."""
        try:
            incident = self._house.ledger.incident(ref)
            if incident is not None:
                return case_from(self._house.ledger, incident.id)
        except sqlite3.Error as error:
            raise DeskRefusal(503, f"the ledger cannot be read now: {error}; monitor status says what to do") from None
        raise DeskRefusal(404, f"no incident is called {ref}; /api/v1/incidents?state=all lists them")


async def _recorded(house: House, commit: Commit) -> None:
    try:
        await asyncio.wait_for(asyncio.wrap_future(house.adopt(commit)), _WRITTEN_WITHIN)
    except TimeoutError:
        raise DeskRefusal(503, "taken, but the ledger cannot record it now; it is held and retried") from None


class Reminders:
    """
    Looks through the log for what is late, in another thread since that may take a second; what it found is adopted on
    the loop by the next `tick`.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._found: SimpleQueue[Sequence[Case]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._look, name="reminders", daemon=True)
            self._thread.start()

    def tick(self, now: datetime, wall: datetime) -> None:
        while not self._found.empty():
            for commit in self._late(self._found.get(), now, wall):
                self._house.adopt(commit)

    def _look(self) -> None:
        ledger = self._house.ledger
        try:
            wanted = followed(ledger.events_named(*FOLLOWED))
            self._found.put([case_from(ledger, incident) for incident in sorted(wanted)])
        except sqlite3.Error as error:
            logger.warning("what is late after incidents is not told now, the ledger cannot be read: {}", error)

    def _late(self, cases: Iterable[Case], now: datetime, wall: datetime) -> Iterable[Commit]:
        house = self._house
        today = wall.astimezone(ZoneInfo(house.config.monitor.time_zone)).date()
        for kept in cases:
            case = house.casebook.cases.get(kept.incident.id, kept)
            commit = FollowUp(case, house.casebook.rules.outlets, now, wall).late(today)
            if commit.events:
                yield commit
