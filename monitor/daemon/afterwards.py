"""
After an incident: its postmortem is shown and held, its action items are added and done, and what is late is told.

A case may be forgotten by then; so it is read from the ledger, in another thread, and nobody else may read it until
what was decided is written: else two action items would get one number, or two effects one place.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from loguru import logger

from monitor.core.incident import IllegalTransition
from monitor.daemon.house import House
from monitor.daemon.kept import case_from
from monitor.daemon.recording import readable, recorded
from monitor.ledger.records import Commit
from monitor.response import roles
from monitor.response.actions import Action
from monitor.response.case import Case
from monitor.response.followup import FOLLOWED, FollowUp, UnknownAction, followed
from monitor.response.postmortem import QUESTIONS, draft
from monitor.response.rules import Rules
from monitor.web.announcements import AnnouncementsDocument, announcements_document
from monitor.web.desk import DeskRefusal

T = TypeVar("T")


class Afterwards:
    """
    Attributes:
        alone: Held by whoever decides from what the ledger has of a case, until that is written.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self.alone = asyncio.Lock()

    def postmortem(self, ref: str) -> str:
        """As it would be drafted now. Reads the ledger and asks Prometheus: to be called in another thread."""
        house = self._house
        case = self._case(ref)
        return draft(case, roles.held(case, house.casebook.rules), house.gathered(case)) + QUESTIONS

    def follow(self, kept: Case) -> FollowUp:
        """*kept*: as the ledger has it, unless the casebook still knows it. With `alone` held."""
        house = self._house
        case = house.casebook.cases.get(kept.incident.id, kept)
        rules = house.casebook.rules
        return FollowUp(case, rules.outlets, rules.policies, house.clock.now(), house.clock.wall())

    def announcements(self, ref: str) -> AnnouncementsDocument:
        """To be called in another thread."""
        live = self._house.casebook.cases.get((kept := self._case(ref)).incident.id)
        return announcements_document(live.snapshot() if live is not None else kept)

    async def write(self, ref: str, act: Callable[[Case, Rules, datetime, datetime], Commit]) -> Case:
        """What *act* makes of an incident, live or over, with what the clocks say."""
        house = self._house
        async with self.alone:
            kept = await asyncio.to_thread(self._case, ref)
            case = house.casebook.cases.get(kept.incident.id, kept)
            try:
                commit = act(case, house.casebook.rules, house.clock.now(), house.clock.wall())
            except IllegalTransition as refusal:
                raise DeskRefusal(409, str(refusal)) from None
            await recorded(house.adopt(commit))
            return case

    async def held(self, ref: str, by: str) -> Case:
        case, _ = await self._write(ref, lambda after: (None, after.held(by)))
        return case

    async def add(self, ref: str, what: str, owner: str, due: date, by: str, updates: str = "") -> tuple[int, Action]:
        """With the incident's number, as `done`."""
        case, action = await self._write(ref, lambda after: after.add(what, owner, due, by, updates))
        return case.incident.number, action

    async def done(self, ref: str, number: int, by: str) -> tuple[int, Action]:
        case, action = await self._write(ref, lambda after: after.done(number, by))
        return case.incident.number, action

    async def _write(self, ref: str, act: Callable[[FollowUp], tuple[T, Commit]]) -> tuple[Case, T]:
        async with self.alone:
            follow = self.follow(await asyncio.to_thread(self._case, ref))
            try:
                found, commit = act(follow)
            except UnknownAction as unknown:
                raise DeskRefusal(404, str(unknown)) from None
            except IllegalTransition as refusal:
                raise DeskRefusal(409, str(refusal)) from None
            if commit.events:
                await recorded(self._house.adopt(commit))
            return follow.case, found

    async def remind(self) -> None:
        """Tells of what is late, once."""
        async with self.alone:
            try:
                cases = await asyncio.to_thread(self._followed)
            except sqlite3.Error as error:
                logger.warning("what is late after incidents is not told now, the ledger cannot be read: {}", error)
                return
            for kept in cases:
                follow = self.follow(kept)
                if (commit := follow.late(self._today())).events:
                    try:
                        await recorded(self._house.adopt(commit))
                    except DeskRefusal:  # it is held, and the ledger tells of its own troubles
                        return

    def _today(self) -> date:
        house = self._house
        return house.clock.wall().astimezone(ZoneInfo(house.config.monitor.time_zone)).date()

    def _case(self, ref: str) -> Case:
        """As the ledger has it."""
        with readable():
            incident = self._house.ledger.incident(ref)
            if incident is not None:
                return case_from(self._house.ledger, incident.id)
        raise DeskRefusal(404, f"no incident is called {ref}; /api/v1/incidents?state=all lists them")

    def _followed(self) -> list[Case]:
        ledger = self._house.ledger
        return [case_from(ledger, incident) for incident in sorted(followed(ledger.events_named(*FOLLOWED)))]
