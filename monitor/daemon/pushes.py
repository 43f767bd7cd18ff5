"""
The checks that tell by themselves: takes what they push, keeps it, and makes their results on the checks' own grids.

A result is made for each slot, as for every other check, and one more at the very instant at which the outcome changes:
when a deadline passes, a job says that it failed, or one succeeds again. Nothing is replayed: slots that passed while
we slept are missing.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Final

from loguru import logger

from checks.check import Check
from checks.push import Question
from checks.result import Attempt, CheckResult, Outcome
from monitor.clock import Clock
from monitor.core.pushes import Event, Expected, Push, Terms, Told, away, expected, from_json, standing, take, to_json
from monitor.daemon.recording import recorded
from monitor.ledger.store import Ledger
from monitor.probing.timetable import Timetable
from monitor.web.desk import DeskRefusal
from monitor.web.push_tokens import Tokens, token_of

BURST: Final = 10
"""Pushes of one check at once; after that one a second. Each is written to the disk before it is answered."""
LOOK_EVERY: Final = 1.0
ASLEEP: Final = timedelta(seconds=30)
"""A pause of the loop, as of a machine that was suspended, in which nobody could be heard."""
_OVERTAKEN: Final = 8
"""Deadlines that are kept for each check."""
STEPPED: Final = timedelta(seconds=1)
"""The wall clock was set: what is due by it is found anew."""


@dataclass(slots=True, eq=False)
class _Row:
    """
    Attributes:
        said: The outcome of its newest result.
        ran: When the run that succeeded last began, and for how many seconds it ran; told with the next slot.
        room: Pushes that it may still send at once, as of `counted_at`.
        next_one: What is expected of it, whose deadline stands in the heap.
    """

    check: Check
    terms: Terms
    told: Told
    counted_at: datetime
    said: Outcome | None = None
    ran: tuple[datetime, float] | None = None
    room: float = BURST
    next_one: Expected | None = None

    def allows(self, now: datetime) -> bool:
        self.room = min(BURST, self.room + (now - self.counted_at).total_seconds())
        self.counted_at = now
        if self.room < 1:
            return False
        self.room -= 1
        return True


class Pushes:
    """
    Args:
        report: Takes each result, in the order of their instants.
        masked: Takes the secrets out of a text: a job sends along what it wrote, and that is kept.
    """

    def __init__(
        self, clock: Clock, ledger: Ledger, report: Callable[[CheckResult], object], masked: Callable[[str], str]
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._report = report
        self._masked = masked
        self._rows: dict[str, _Row] = {}
        self._tokens = Tokens({})
        self._timetable = Timetable()
        self._deadlines: list[tuple[datetime, str]] = []
        self._looked_at = clock.now()
        self._ahead = timedelta()
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, checks: Iterable[Check], secret: str, away_since: datetime | None) -> None:
        """
        Call it in the loop, once the ledger can be read.

        Args:
            away_since: Until when nobody was there to hear; None at the very first start.
        """
        now = self._looked_at = self._clock.now()
        self.replace(checks, secret)
        if away_since is not None:
            self._was_away(away_since, now)
        self._task = asyncio.create_task(self._run(), name="pushes")

    def replace(self, checks: Iterable[Check], secret: str) -> None:
        """Listen to exactly these. One that is expected at other times than before is expected from now on."""
        now = self._clock.now()
        self._ahead = self._clock.wall() - now
        rows: dict[str, _Row] = {}
        for check in checks:
            if isinstance(check.question, Question):
                row = self._rows.get(check.id) or self._row(check, now)
                rows[check.id] = self._renewed(row, check, check.question, now)
        self._rows = rows
        self._tokens = Tokens({row.check.id: token_of(secret, row.check) for row in rows.values()})
        self._timetable.replace([row.check for row in rows.values()], now.timestamp())
        self._expect()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def push(self, token: str, push: Push) -> None:
        """
        Returns when it is written, so that no crash forgets it.

        Raises:
            DeskRefusal: Nobody has that token; too many; or the disk does not take it.
        """
        row = self._rows.get(self._tokens.whose(token) or "")
        if row is None:
            raise DeskRefusal(404, "no check has this token; monitor push shows the address of each")
        self.look()  # so that what was due before it is judged without it
        now = self._clock.now()
        if not row.allows(now):
            raise DeskRefusal(429, f"more than {BURST} pushes at once; after that one a second is taken")
        push = replace(push, body=self._masked(push.body.replace(token, "***")))
        began, row.told = row.told.started_at, take(row.told, push, row.terms, self._ahead, now)
        if push.event is not Event.STARTED:
            succeeded = push.event is Event.SUCCEEDED and began is not None
            row.ran = (began, (now - began).total_seconds()) if succeeded and began is not None else None
        self._expect_of(row)
        written = self._write(row)
        result = self._result(row, now, extra=True)
        if result.outcome is not (row.said or Outcome.OK):
            self._tell(row, result)
        await recorded(written)

    def look(self) -> None:
        """Makes every result that is due by now."""
        now = self._clock.now()
        ahead = self._clock.wall() - now
        if abs(ahead - self._ahead) >= STEPPED:
            self._ahead = ahead
            self._expect()
        if now - self._looked_at > ASLEEP:
            self._was_away(self._looked_at, now)
        self._looked_at = now
        due = [
            (slot.scheduled_at, False, slot.check.id) for slot in self._timetable.due(now.timestamp(), len(self._rows))
        ]
        while self._deadlines and self._deadlines[0][0] <= now:
            at, check_id = heappop(self._deadlines)
            row = self._rows.get(check_id)
            if row is not None and row.next_one is not None and row.next_one.deadline == at:
                due.append((at, True, check_id))
        for at, extra, check_id in sorted(due):
            row = self._rows[check_id]
            result = self._result(row, at, extra)
            # At its deadline only what is news: a failure that a job told of before is none.
            if not extra or row.said is not result.outcome:
                self._tell(row, result)

    async def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # of one turn; the next may fare better, and without any all of them would fall silent
                logger.exception("pushes: results could not be made, by an error of our own")
            self._stirred.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), self._patience())

    def _patience(self) -> float:
        slot = self._timetable.next_due()
        instants = [] if slot is None else [slot]
        instants += [self._deadlines[0][0].timestamp()] if self._deadlines else []
        # A suspend stops the loop's own clock, not ours.
        return min(max(0.0, min(instants) - self._clock.seconds()), LOOK_EVERY) if instants else LOOK_EVERY

    def _row(self, check: Check, now: datetime) -> _Row:
        """As the ledger has it, else expected from now on."""
        assert isinstance(check.question, Question)
        terms, told = Terms(check.question), Told(since=now)
        kept = self._ledger.meta(_key(check.id))
        if kept is None:
            row = _Row(check, terms, told, now)
            self._write(row)
            return row
        document = json.loads(kept)
        told = from_json(document["told"])
        if document["schedule"] != terms.text:
            told = _expected_anew(told, now)
        return _Row(check, terms, told, now)

    def _renewed(self, row: _Row, check: Check, question: Question, now: datetime) -> _Row:
        if row.check != check:
            if (terms := Terms(question)).text != row.terms.text:
                row.told = _expected_anew(row.told, now)
            row.check, row.terms = check, terms
            self._write(row)
        return row

    def _was_away(self, since: datetime, until: datetime) -> None:
        for row in self._rows.values():
            told = away(row.told, row.terms, self._ahead, since, until)
            if told != row.told:
                row.told = told
                self._write(row)
                self._expect_of(row)

    def _expect(self) -> None:
        """Finds every deadline anew."""
        self._deadlines = []
        for row in self._rows.values():
            self._expect_of(row)

    def _expect_of(self, row: _Row) -> None:
        row.next_one = expected(row.told, row.terms, self._ahead)
        if len(self._deadlines) > _OVERTAKEN * len(self._rows):
            # A push overtakes the deadline before it, which stays until it passes: a month, of who tells each second.
            others = [one for one in self._rows.values() if one is not row]
            self._deadlines = [(one.next_one.deadline, one.check.id) for one in others if one.next_one is not None]
            heapify(self._deadlines)
        heappush(self._deadlines, (row.next_one.deadline, row.check.id))
        self._stirred.set()

    def _result(self, row: _Row, at: datetime, extra: bool) -> CheckResult:
        assert row.next_one is not None  # since it is listened to
        found = standing(row.told, row.terms, row.next_one, self._ahead, at)
        began, seconds = row.ran if row.ran is not None and not extra and found.outcome is Outcome.OK else (at, None)
        attempt = Attempt(
            started_at=began,
            outcome=found.outcome,
            reason=found.reason,
            detail=found.detail,
            latency=seconds,
            span_id=os.urandom(8).hex(),
            body_excerpt=found.body,
        )
        return CheckResult(
            service=row.check.service,
            check=row.check.name,
            scheduled_at=at,
            attempts=(attempt,),
            trace_id=os.urandom(16).hex(),
            extra=extra,
            notes=found.notes,
            certain=True,
        )

    def _tell(self, row: _Row, result: CheckResult) -> None:
        row.said = result.outcome
        if result.latency is not None:
            row.ran = None
        self._report(result)

    def _write(self, row: _Row) -> Future[None]:
        document = {"schedule": row.terms.text, "told": to_json(row.told)}
        return self._ledger.set_meta(_key(row.check.id), json.dumps(document))


def _expected_anew(told: Told, now: datetime) -> Told:
    return Told(since=now, succeeded_at=told.succeeded_at, failure=told.failure)


def _key(check_id: str) -> str:
    return f"push {check_id}"
