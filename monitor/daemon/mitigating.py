"""
Mitigations that are run. A person's approval is durable before anybody is asked to run it, and that it begins before
anybody is told yes. What came of it goes into the timeline; after a restart as well, as what is known: it ran, it may
have run, or it did not. None is run twice.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Coroutine
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Final

from loguru import logger
from ulid import ULID

from monitor.core.incident import Incident
from monitor.core.mitigations import Mitigation, RunBy
from monitor.daemon.house import House
from monitor.daemon.outcomes import outcome_of
from monitor.daemon.recording import recorded
from monitor.daemon.runners import Asking, Expected, Runners, digest, end_of
from monitor.probing.process import PASSED_ON
from monitor.response.cases import UnknownIncident
from monitor.response.mitigation import MitigationRefused, chosen, offered
from monitor.response.mitigation_runs import (
    APPROVED,
    ENDED,
    STARTED,
    Begun,
    Outcome,
    Ran,
    Run,
    approved,
    ended,
    started,
    under_way,
)
from monitor.running.meeting import HEARD, YES
from monitor.web.desk import DeskRefusal
from monitor.web.mitigations import MitigationDocument, RunDocument, mitigation_documents, run_document

BEGUN_WITHIN: Final = 30.0
"""Seconds until whoever runs it must have asked for our yes."""
PATIENCE: Final = 30.0
"""Seconds beyond its own time for a program that has to be killed, and for the word of it to arrive."""
UNIT: Final = "monitor-mitigate@{}"


class NotRun(Exception):
    """And surely not."""


class Mitigating:
    """
    Args:
        folder: Where units of systemd are asked: that of `RuntimeDirectory=`. None outside of systemd.
        begun_within: Seconds, as above.
    """

    def __init__(self, house: House, folder: Path | None, begun_within: float = BEGUN_WITHIN) -> None:
        self._house = house
        self._folder = folder
        self._begun_within = begun_within
        # Absolute: a process of our own begins elsewhere.
        self._meeting_at = (folder or house.config.monitor.state).absolute()
        self._runners = Runners(self._meeting_at, open_to_all=folder is not None)
        self._tasks: set[asyncio.Task[None]] = set()

    async def resume(self) -> None:
        """What was under way as we ended: it never began, or whoever runs it still has to tell what came of it."""
        ledger = self._house.ledger
        events = ledger.events_named(APPROVED, STARTED, ENDED)
        whose = {event.attributes.get("run"): event.incident for event in events}
        for run in under_way(events):
            incident = ledger.incident(whose[run.id])
            if incident is None:
                continue
            if run.begun is None:
                words = "was not run: watchkeeper ended before it could begin"
                self._tell(incident, run, Outcome(ran=Ran.NO, words=words))
                continue
            expected = self._runners.expect(run.begun.word)
            self._begin(self._hear_of(incident, run, run.begun, expected), run)
        if not self._tasks and self._folder is None:
            return
        try:
            await self._runners.listen()
        except OSError as error:
            logger.warning("nobody can tell what came of a mitigation: {}", error)

    def offered(self, ref: str) -> list[MitigationDocument]:
        book = self._house.casebook
        try:
            return mitigation_documents(offered(book, book.find(ref), self._house.clock.wall()))
        except UnknownIncident as unknown:
            raise DeskRefusal(404, str(unknown)) from None

    async def approve(self, ref: str, by: str, name: str) -> RunDocument:
        """Returns once it is written down, and not when it has ended."""
        house, book = self._house, self._house.casebook
        now, wall = house.clock.now(), house.clock.wall()
        try:
            case, mitigation = chosen(book, ref, name, wall)
        except UnknownIncident as unknown:
            raise DeskRefusal(404, str(unknown)) from None
        except MitigationRefused as refusal:
            raise DeskRefusal(404 if refusal.unknown else 409, str(refusal)) from None
        self._may_run(mitigation)
        run, commit = approved(book, case, mitigation, by, str(ULID()), now, wall)
        written = house.adopt(commit)
        self._begin(self._carry_out(case.incident, run, mitigation, written), run)
        await recorded(written)
        return run_document(case.incident, run)

    async def close(self) -> None:
        """What runs goes on: whoever runs it needs us only to be heard."""
        for task in self._tasks:
            task.cancel()
        await self._runners.close()

    def _may_run(self, mitigation: Mitigation) -> None:
        """Under systemd each has a unit, with what an operator grants to it, and never our own rights."""
        key = f"services.{mitigation.service}.mitigations.{mitigation.name}.run_by"
        if mitigation.run_by is RunBy.UNIT and self._folder is None:
            raise DeskRefusal(409, f"{key} is unit, and the monitor is not run by systemd as monitor.service")
        if mitigation.run_by is RunBy.DAEMON and self._folder is not None:
            raise DeskRefusal(
                409, f"{key} is daemon, and under systemd it has to be unit; docs/mitigations.md tells how"
            )

    def _begin(self, work: Coroutine[None, None, None], run: Run) -> None:
        task = asyncio.create_task(work, name=f"mitigation {run.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- one run, from its approval to its end ------------------------------------------------------------------

    async def _carry_out(self, incident: Incident, run: Run, mitigation: Mitigation, written: Future[None]) -> None:
        approval = secrets.token_urlsafe(24)
        word = digest(approval)
        expected = self._runners.expect(word)
        try:
            # Begun without its approval in the ledger, it could be approved a second time after a crash.
            await _in_ledger(written, "its approval")
            await self._runners.listen()
            ask = self._asked_of_unit if mitigation.run_by is RunBy.UNIT else self._asked_of_ourselves
            asking = await ask(approval, mitigation, expected)
            begun = await self._allowed(incident, run, mitigation, word, asking)
        except (NotRun, OSError, ValueError) as error:
            self._runners.forget(word)
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._tell(incident, run, Outcome(ran=Ran.NO, words=f"was not run: {why}"))
            return
        await self._hear_of(incident, run, begun, expected)

    async def _allowed(self, incident: Incident, run: Run, mitigation: Mitigation, word: str, asking: Asking) -> Begun:
        """Our yes, once the ledger has that it begins."""
        house, book = self._house, self._house.casebook
        begun = Begun(at=house.clock.now(), word=word, pid=asking.pid, born=asking.born, timeout=mitigation.timeout)
        try:
            if asking.command != list(mitigation.run):
                raise NotRun("the configuration that its unit reads has another command than what was approved")
            await _in_ledger(house.adopt(started(book, incident, run, begun, house.clock.wall())), "its beginning")
        except NotRun:
            asking.writer.close()
            raise
        asking.writer.write(YES)
        return begun

    async def _hear_of(self, incident: Incident, run: Run, begun: Begun, expected: Expected) -> None:
        """What comes of what has our yes, or had that of the monitor before us."""
        # Of one that is connected, that it goes is seen at once; another may yet connect.
        pid = 0 if expected.asks.done() else begun.pid
        house = self._house
        said, writer = await end_of(expected, self._patience(begun), pid, begun.born)
        self._runners.forget(begun.word)
        written = self._tell(incident, run, outcome_of(said, begun.timeout, house.hiding.text))
        if writer is not None:
            try:
                await recorded(written)
            except DeskRefusal:
                return  # held and retried; should that fail, it is told again
            writer.write(HEARD)

    def _patience(self, begun: Begun) -> float:
        """Seconds, and some for whoever tries to find us anew."""
        over = begun.at + timedelta(seconds=begun.timeout + PATIENCE)
        return max((over - self._house.clock.now()).total_seconds(), PATIENCE)

    def _tell(self, incident: Incident, run: Run, outcome: Outcome) -> Future[None]:
        house = self._house
        commit = ended(house.casebook, incident, run, outcome, house.clock.now(), house.clock.wall())
        return house.adopt(commit)

    # -- who is asked to run it ---------------------------------------------------------------------------------

    async def _asked_of_ourselves(self, approval: str, mitigation: Mitigation, expected: Expected) -> Asking:
        command = (str(self._meeting_at), f"{mitigation.timeout:g}", *mitigation.run)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "monitor.running.runner", *command,
            stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(f"{approval}\n".encode())
        process.stdin.close()
        try:
            return await asyncio.wait_for(asyncio.shield(expected.asks), self._begun_within)
        except TimeoutError:
            process.kill()
            raise NotRun(f"nothing began within {self._begun_within:g} s") from None

    async def _asked_of_unit(self, approval: str, mitigation: Mitigation, expected: Expected) -> Asking:
        assert self._folder is not None
        unit = f"{mitigation.service}:{mitigation.name}"
        request = self._folder / f"{unit}.request"
        try:
            _put(request, f"{approval}\n")
            return await asyncio.wait_for(asyncio.shield(expected.asks), self._begun_within)
        except TimeoutError:
            fix = f"systemctl enable --now '{UNIT.format(unit)}.path' lets it"
            raise NotRun(f"no unit took it within {self._begun_within:g} s; {fix}") from None
        finally:
            request.unlink(missing_ok=True)


async def _in_ledger(written: Future[None], what: str) -> None:
    try:
        await recorded(written)
    except DeskRefusal:
        raise NotRun(f"the ledger cannot record {what} now") from None


def _put(file: Path, text: str) -> None:
    """Whole or not at all, and for nobody else to read."""
    beside = file.with_name(f".{file.name}")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(text)
    beside.rename(file)
