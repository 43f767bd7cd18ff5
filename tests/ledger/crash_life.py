"""
The life of one incident, lived by a process that may be killed at any instant and is then started again.

Run as a script it is a stable of such processes: it has everything imported, forks one for each line of JSON on stdin,
kills it when told to, and answers with how it ended. A fresh interpreter for each of several hundred lives would take
minutes; the fork happens while there is one thread, and the life opens its files and threads itself.
"""

from __future__ import annotations

import importlib
import json
import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests  # noqa: F401 - imported once here instead of in each life
from pydantic import SecretStr

import monitor.ledger.crashpoints as crashpoints
import monitor.ledger.writer as writer
import monitor.outlets.lane as lane
from monitor.core.incident import Event, Incident, State, Timing, step
from monitor.core.severity import Severity
from monitor.ledger.records import Commit, Effect, EffectKind, LedgerEvent
from monitor.ledger.store import Ledger
from monitor.outlets.folder import FolderOutlet
from monitor.outlets.outlet import Message, Outlet
from monitor.outlets.webhook import WebhookOutlet
from monitor.outlets.worker import EffectsWorker

T0 = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FASTER = 600.0  # the worker's timeline against ours: a second of back-off passes in 2 ms
SERVICE = "orders"
ULID = "01JNQ0000000000000000000A1"
OUTLETS = ("folder", "webhook")


@dataclass(frozen=True)
class Step:
    """What happens at one minute of the incident, and the effect that it asks of each outlet."""

    minute: int
    event: Event | None = None  # None: the machine stays, an update is due
    effect: EffectKind | None = EffectKind.UPDATE


LIFE = (
    Step(0, Event.BREACH, None),
    Step(2, Event.BREACH, EffectKind.CREATE),
    Step(5),
    Step(6, Event.CALM),
    Step(8, Event.BREACH),
    Step(10),
    Step(12, Event.CALM),
    Step(15),
    Step(43, Event.CALM, EffectKind.CLOSE),
    Step(50, Event.BREACH, EffectKind.REOPEN),
    Step(52),
    Step(55, Event.RESOLVE, EffectKind.CLOSE),
)


def place_after(steps: int) -> Incident:
    """Where the machine must stand after that many steps: computed anew, without any ledger."""
    incident = Incident(service=SERVICE, since=T0)
    for done in LIFE[:steps]:
        incident = moved(incident, done)
    return incident


def moved(incident: Incident, told: Step) -> Incident:
    if told.event is None:
        return incident
    incident, _ = step(incident, told.event, T0 + told.minute * MINUTE, Timing(), alarm=True, by="ada")
    if incident.state is State.OPEN and not incident.id:
        incident = replace(incident, id=ULID, number=1, severity=Severity.SEV3)
    return incident


def commit_of(number: int, incident: Incident, now: datetime) -> Commit:
    told = LIFE[number]
    at = T0 + told.minute * MINUTE
    event = LedgerEvent(
        name="life.step",
        at=at,
        wall=at,
        text=f"step {number}",
        incident=incident.id,
        service=SERVICE,
        attributes={"step": number, "state": str(incident.state)},
    )
    if told.effect is None:
        return Commit(events=(event,), incidents=(incident,))
    effects = (effect_of(number, told.effect, outlet, now) for outlet in OUTLETS)
    return Commit(events=(event,), incidents=(incident,), effects=tuple(effects))


def effect_of(number: int, kind: EffectKind, outlet: str, now: datetime) -> Effect:
    return Effect(
        key=f"{ULID}/{outlet}/{number:04d}/{kind}",
        incident=ULID,
        service=SERVICE,
        outlet=outlet,
        kind=kind,
        order=number,
        created_at=now,
        next_at=now,
    )


class Position:
    """Four bytes that outlive the process: in a transaction, in an effect of either outlet, durable steps."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 4)
        self._bytes[0:3] = bytes(3)

    def watch(self, reach: Callable[[Any], None]) -> Callable[[Any], None]:
        marks = {"before-commit": 1, "after-commit": 0, "before-send": 1, "after-confirm": 0}

        def watched(point: Any) -> None:
            if point in marks:
                here = {"outlet-folder": 1, "outlet-webhook": 2}.get(threading.current_thread().name, 0)
                self._bytes[here] = marks[point]
            reach(point)

        return watched

    @property
    def durable(self) -> int:
        return self._bytes[3]

    def set_durable(self, steps: int) -> None:
        self._bytes[3] = max(self._bytes[3], steps)


def live(folder: Path, url: str, begun: float) -> int:
    """Go on where the ledger says we are, to the end. Returns 0, or what was found wrong."""
    position = Position(folder / "position")
    writer.reach = position.watch(crashpoints.reach)  # type: ignore[assignment,attr-defined]  # to see where a kill lands
    lane.reach = position.watch(crashpoints.reach)  # type: ignore[assignment,attr-defined]  # as above

    def now() -> datetime:
        return T0 + timedelta(seconds=(time.time() - begun) * FASTER)

    ledger = Ledger.open(folder / "state")
    done = len(ledger.events())
    if done < position.durable:
        return 2  # a commit whose future was done is gone
    incident = (*ledger.places(), Incident(service=SERVICE, since=T0))[0]
    if incident != place_after(done):
        return 3  # the machine does not stand where the log ends

    outlets: dict[str, Outlet] = {
        "folder": FolderOutlet(folder / "tickets"),
        "webhook": WebhookOutlet(url, SecretStr("s")),
    }
    worker = EffectsWorker(ledger, outlets, lambda e: message(ledger, e), now, lambda _e, _d: None, poll=0.005)
    worker.start()
    for number in range(done, len(LIFE)):
        incident = moved(incident, LIFE[number])
        future = ledger.commit(commit_of(number, incident, now()))
        future.add_done_callback(lambda _, steps=number + 1: position.set_durable(steps))  # type: ignore[misc]
        worker.wake()
        if number % 2:
            future.result(60)
            time.sleep(0.002)
    deadline = time.monotonic() + 120
    while ledger.waiting or any(backlog.waiting for backlog in ledger.backlogs()):
        if time.monotonic() > deadline:
            return 4  # an effect never ends
        time.sleep(0.001)
    worker.stop(60)
    ledger.close()
    return 0


def message(ledger: Ledger, effect: Effect) -> Message:
    incident = ledger.incident(effect.incident)
    assert incident is not None
    return Message(
        incident=incident.id,
        number=incident.number,
        service=incident.service,
        title="orders does not answer",
        severity=str(incident.severity),
        status=str(incident.state),
        markdown=f"# INC-0001\n\n{incident.reason}\n",
        update="",
        document={"state": str(incident.state)},
    )


def stable() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os.environ[crashpoints.VARIABLE] = asked["crash_at"]
            importlib.reload(crashpoints)  # it reads the environment once, at import
            os._exit(live(Path(asked["folder"]), asked["url"], asked["begun"]))
        if asked["kill_after"] is not None:
            time.sleep(asked["kill_after"])
            os.kill(child, signal.SIGKILL)  # not reaped yet, so the number is still this child's
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps(status), flush=True)


if __name__ == "__main__":
    stable()
