"""
Gathers evidence as an incident opens, outside of the loop: whatever a source does, the loop goes on, and within
`PATIENCE` a bundle is there that says what is missing.

What was gathered is kept in files, and then said in the ledger. So a crash in between leaves no word of it, and the
next start gathers once more; a ticket has it once.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, cast

from loguru import logger

from monitor.daemon.evidence_files import EvidenceFiles
from monitor.daemon.evidence_sources import asked_of, tools_of
from monitor.outlets.outlet import Attachment, Message
from monitor.response.at_hand import commands_at_hand
from monitor.response.case import Case
from monitor.response.entries import Told
from monitor.response.evidenced import told_of, with_evidence
from monitor.response.measures import Measure
from monitor.response.stabilise import (
    BEFORE,
    GATHERED,
    STILL_OPENING,
    Gathered,
    Scene,
    beginning_of,
    bundle,
    markdown,
)
from monitor.sources.grafana import panel_link
from monitor.sources.loki import LogLines
from monitor.sources.side_by_side import Found, SideBySide
from monitor.sources.tempo import Arrival

if TYPE_CHECKING:
    from monitor.daemon.house import House

PATIENCE: Final = 8.0
"""Seconds for all sources together."""
MOST_AT_ONCE: Final = 6
"""Incidents that evidence is gathered of at a time; the others wait their turn. More at once are mostly one storm."""


class Evidence:
    """Only the loop's thread calls it, but for `added_to` and `pictures_of`."""

    def __init__(self, house: House, side_by_side: SideBySide | None = None) -> None:
        self._house = house
        self._side_by_side = side_by_side or SideBySide()
        self._files = EvidenceFiles(house.config.monitor.state / "evidence")
        self._under_way: set[str] = set()
        self._settled: dict[str, int] = {}  # incident -> how often it had been reopened as nothing was to be gathered
        self._done: SimpleQueue[tuple[Scene, Told]] = SimpleQueue()

    def tick(self, now: datetime, wall: datetime) -> None:
        """Writes down what was gathered since the last turn, and begins what is to be gathered now."""
        self._take(now, wall)
        live = self._house.casebook.live()
        if len(self._settled) > len(live):
            known = {case.incident.id for case in live}
            self._settled = {name: times for name, times in self._settled.items() if name in known}
        for case in live:
            incident = case.incident
            if self._settled.get(incident.id) == incident.reopened or incident.id in self._under_way:
                continue
            began = beginning_of(case)
            if began is None or incident.service not in self._house.config.services:
                self._settled[incident.id] = incident.reopened
            elif now - began > STILL_OPENING:
                text = "no evidence was gathered as it opened: watchkeeper was not running"
                self._write(incident.id, Told(GATHERED, text, {"missing": {"everything": text}}), now, wall)
            elif len(self._under_way) < MOST_AT_ONCE:
                self._begin(case, began, now, wall)

    def added_to(self, message: Message, case: Case) -> Message:
        """With the newest bundle and the commands at hand. Reads files, in any thread."""
        tools = tools_of(self._house.config, case.services())
        commands = tuple(commands_at_hand(tools)) if tools is not None else ()
        return with_evidence(message, commands, self._files.read(case.incident.id))

    def pictures_of(self, incident: str) -> tuple[Attachment, ...]:
        """Of its newest bundle. Reads files, in any thread."""
        kept = self._files.read(incident)
        return tuple(f for f in kept.attachments if f.media_type.startswith("image/")) if kept is not None else ()

    def _begin(self, case: Case, began: datetime, now: datetime, wall: datetime) -> None:
        ahead = wall - now
        scene = self._scene(case, began, ahead)
        questions = asked_of(self._house.config, scene, time.monotonic() + PATIENCE)
        hide = self._house.hiding.text
        self._under_way.add(case.incident.id)

        def work() -> None:
            began_at = time.monotonic()
            try:
                answers = self._side_by_side.ask(questions, PATIENCE)
                gathered = gathered_from(answers, scene, time.monotonic() - began_at)
                made = bundle(scene, gathered, hide)
                told = told_of(made, gathered.seconds)
                self._files.write(scene.incident, scene.part, markdown(made), made.attachments)
            except Exception as error:  # the incident goes on without its evidence, and says so
                told = _failed(scene, error)
            self._done.put((scene, told))

        try:
            threading.Thread(target=work, name=f"evidence-{case.incident.number}", daemon=True).start()
        except RuntimeError as error:  # no thread is to be had
            self._done.put((scene, _failed(scene, error)))

    def _scene(self, case: Case, began: datetime, ahead: timedelta) -> Scene:
        incident, house = case.incident, self._house
        watch = house.judge.watches.get(incident.service)
        results = tuple(c.last for c in watch.checks.values() if c.last is not None) if watch is not None else ()
        cause = watch.cause() if watch is not None else None
        failed = incident.first_failure_at if not incident.reopened else None
        failed_at, wall = (failed or began) + ahead, house.clock.wall()
        grafana = house.config.sources.grafana
        return Scene(
            incident=incident.id,
            number=incident.number,
            part=incident.reopened + 1,
            service=incident.service,
            at=wall,
            failed_at=failed_at,
            results=results,
            # A relapse has a trace of its own, and a report none.
            trace_id=(cause.trace_id if cause is not None else "") or incident.trace_id,
            measured=house.surveyor.measured(incident.service),
            panels={}
            if grafana is None
            else {n: panel_link(grafana, p, failed_at - BEFORE, wall) for n, p in grafana.panels.items()},
            shows_bodies=house.config.evidence.bodies,
        )

    def _take(self, now: datetime, wall: datetime) -> None:
        while True:
            try:
                scene, told = self._done.get_nowait()
            except Empty:
                return
            self._under_way.discard(scene.incident)
            self._write(scene.incident, told, now, wall)

    def _write(self, incident: str, told: Told, now: datetime, wall: datetime) -> None:
        book = self._house.casebook
        case = book.cases.get(incident)
        if case is None:
            return  # merged, or over long since: nobody is called to it any more
        subject = book.subjects[case.incident.service]
        self._settled[incident] = case.incident.reopened
        event = book.event(subject, told.name, told.text, now, wall, attributes=told.attributes)
        commit = book.commit(subject, [event], ())
        if commit is not None:
            self._house.adopt(commit)


def _failed(scene: Scene, error: Exception) -> Told:
    if isinstance(error, OSError):  # a disk that is full, most of all: what is wrong is in its words
        what = error.strerror or type(error).__name__
        logger.warning("evidence of {} is missing: it cannot be kept: {}", scene.incident, what)
    else:
        what = type(error).__name__
        logger.opt(exception=error).warning("evidence of {} is missing: {}", scene.incident, error)
    why = f"evidence could not be gathered or kept: {what}"
    return Told(GATHERED, why, {"missing": {"everything": why}})


def gathered_from(answers: dict[str, Found[object]], scene: Scene, seconds: float) -> Gathered:
    """By the names that `asked_of` gave them."""
    measures = tuple(cast("Found[Measure]", answers[measure.name]) for measure in scene.measured)
    panels = tuple((name, link, cast("Found[bytes]", answers[f"panel {name}"])) for name, link in scene.panels.items())
    return Gathered(
        seconds=seconds,
        measures=measures,
        trace_lines=cast("Found[LogLines] | None", answers.get("trace lines")),
        service_lines=cast("Found[LogLines] | None", answers.get("service lines")),
        trace=cast("Found[Arrival] | None", answers.get("trace")),
        panels=panels,
    )
