"""
kill -9 of the whole daemon, at every named point and at random moments, while an incident is lived to its end.

Each daemon finds what the one before it left. `pytest -rP` shows where the kills landed.
"""

from __future__ import annotations

import random
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from monitor.core.incident import TRANSITIONS, Event, State
from monitor.ledger.crashpoints import POINTS, VARIABLE
from monitor.ledger.database import LedgerError
from monitor.ledger.records import EffectKind, EffectState, LedgerEvent
from monitor.ledger.store import Ledger

KILLED = -signal.SIGKILL
UNFINISHED = (EffectState.WAITING, EffectState.SENDING)

# What each daemon dies of. The service is broken until "well" is reached: the first two die of the ticket's creation.
NAMED = (
    "before-send:1", "after-send:1", "before-commit:5", "inside-transaction:8",
    "well", "after-commit:5", "before-confirm:1", "after-confirm:1",
)  # fmt: skip

pytestmark = pytest.mark.slow


@dataclass
class Life:
    """
    Mends the service once an update of its incident was due, and breaks it again when the incident is over, as often
    as there is time for; always by what the ledger says, because the daemon may be dead.

    Attributes:
        lived: Incidents that came to their end.
    """

    config: Path
    state: Path
    tickets: Path
    target: Any
    hook: Any
    start: Callable[..., Any]
    landed: Counter[str] = field(default_factory=Counter)
    lived: int = 0

    def begin(self, dies_at: str = "") -> Any:
        return self.start(self.config, {VARIABLE: dies_at} if dies_at else {})

    def push_until(self, daemon: Any, lines: int) -> None:
        """
        Does to the service whatever leads on, until the daemon has logged so many lines: one when it watches, and one
        for each thing that it has decided and is about to write down and to tell.
        """
        deadline = time.monotonic() + 300
        while len(daemon.lines) < lines:
            assert time.monotonic() < deadline, daemon.log()
            if self.is_over():
                self.lived += 1
                self.target.status = 503
            elif self.stage() == "open":
                self.target.status = 200
            time.sleep(0.2)

    def is_over(self) -> bool:
        return bool(self.target.status == 200) and self.stage() == "told"

    def stage(self) -> str:
        """Where it stands by the ledger; `told` when nothing is left to be done."""
        try:
            ledger = Ledger.open_read_only(self.state)
            (place,) = ledger.places() or (None,)
            unfinished = ledger.effects(states=UNFINISHED)
            updated = [e for e in ledger.events(place.id) if e.name == "incident.update_due"] if place else []
        except (LedgerError, sqlite3.OperationalError):
            return "no ledger"
        if place is None:
            return "nothing"
        if place.state in (State.CLEAR, State.RESOLVED):
            return "closing" if unfinished else "told"
        return "opening" if place.state is State.OPEN and not updated else str(place.state)

    def killed(self, of: str) -> None:
        self.landed[f"{of}: {self.stage()}{self.under_way()}"] += 1

    def under_way(self) -> str:
        with suppress(LedgerError):
            sent = Ledger.open_read_only(self.state).effects(states=(EffectState.SENDING,))
            return "".join(f", {effect.outlet}'s {effect.kind} under way" for effect in sent)
        return ""

    def live_to_the_end(self, wait_until: Callable[..., Any]) -> None:
        daemon = self.begin()

        def is_over() -> bool:
            if self.stage() == "open":
                self.target.status = 200
            return self.is_over()

        wait_until(is_over, "the life comes to its end", 300)
        self.lived += 1
        daemon.wait_for_line("watching")  # what was over before it began may be seen while it is still an interpreter
        assert daemon.terminate(120)[0] == 0, daemon.log()

    def report(self, what: str) -> str:
        where = "\n".join(f"  {count:3} {place}" for place, count in sorted(self.landed.items()))
        posts = Counter(post.key for post in self.hook.posts)
        again = posts.total() - len(posts)
        return f"{what}: {self.landed.total()} kills; {posts.total()} posts, {again} again under their key\n{where}"


@pytest.fixture
def life(tmp_path: Path, target: Any, hook: Any, write_config: Callable[..., Path], start: Callable[..., Any]) -> Life:
    config = write_config(
        incidents={"open_after": "1s", "stable_for": "3s", "update_every": "1s", "reopen_within": "0s"},
        tracker={"folder": str(tmp_path / "tickets"), **hook.tracker},
    )
    target.status = 503
    return Life(config, tmp_path / "state", tmp_path / "tickets", target, hook, start)


def test_a_kill_at_every_named_point_loses_nothing_and_doubles_nothing(
    life: Life, wait_until: Callable[..., Any]
) -> None:
    assert {point.partition(":")[0] for point in NAMED} == {*POINTS, "well"}
    for point in NAMED:
        if point == "well":
            life.target.status = 200
            continue
        daemon = life.begin(dies_at=point)
        assert daemon.process.wait(120) == KILLED, daemon.log()
        life.killed(point)
    life.live_to_the_end(wait_until)

    print(life.report("named points"))
    whole_and_once(life)
    (created,) = [key for key, count in Counter(post.key for post in life.hook.posts).items() if "/create" in key]
    assert created.endswith("/webhook/0001/create")


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_random_moments_lose_nothing_and_double_nothing(
    seed: int, life: Life, wait_until: Callable[..., Any]
) -> None:
    chance = random.Random(seed)
    while life.landed.total() < 10:
        daemon = life.begin()
        life.push_until(daemon, lines=chance.randrange(5))
        time.sleep(chance.uniform(0.0, 0.5 if daemon.lines else 1.5))  # the moment, and not a wait for anything
        assert daemon.process.poll() is None, daemon.log()
        daemon.kill()
        life.killed("a random moment")
    life.live_to_the_end(wait_until)

    print(life.report(f"random moments, seed {seed}"))
    whole_and_once(life)


def whole_and_once(life: Life) -> None:
    """Everything that must hold of a life that has come to its end."""
    ledger = Ledger.open_read_only(life.state)
    events, incidents = ledger.events(), ledger.incidents()
    walked = walk(events)
    assert walked is State.RESOLVED
    assert [event.at for event in events] == sorted(event.at for event in events), "the timeline ran backwards"
    assert [incident.number for incident in incidents] == list(range(1, len(incidents) + 1))
    assert len(incidents) == life.lived
    for incident in incidents:
        names = [event.name for event in events if event.incident == incident.id]
        assert incident.state is State.RESOLVED
        assert names.count("incident.opened") == 1
        assert names.count("incident.resolved") == 1, names
        told_once(life, incident.id, list(ledger.effects(incident.id)))
    assert {event.incident for event in events} - {""} == {incident.id for incident in incidents}
    for folder in (life.tickets, life.tickets.parent / "postmortems"):
        files = sorted(path.name for path in folder.glob("*.md"))
        assert files == [f"INC-{incident.number:04d}-orders-service.md" for incident in incidents]


def walk(events: tuple[LedgerEvent, ...]) -> State:
    """The machine moved by the log alone: a transition lost or doubled is one that the table refuses."""
    place = State.CLEAR
    for event in events:
        if "old" not in event.attributes:
            continue
        old, new, cause = (str(event.attributes[name]) for name in ("old", "new", "event"))
        if (place, State(old)) == (State.RESOLVED, State.CLEAR):
            place = TRANSITIONS[State.RESOLVED, Event.LAPSED]  # nobody is told that it cannot reopen any more
        assert place == State(old), f"{event.name} begins at {old}, and the log stands at {place}"
        assert TRANSITIONS[State(old), Event(cause)] == State(new), event
        place = State(new)
    return place


def told_once(life: Life, incident: str, effects: list[Any]) -> None:
    for outlet in ("folder", "webhook"):
        mine = sorted((e for e in effects if e.outlet == outlet), key=lambda e: e.order)
        assert [e.order for e in mine] == list(range(1, len(mine) + 1))
        assert [e.kind for e in mine][:1] == [EffectKind.CREATE]
        assert [e.kind for e in mine][-1:] == [EffectKind.CLOSE]
        assert {e.kind for e in mine[1:-1]} <= {EffectKind.UPDATE}
        for effect in mine:
            gave_way = effect.kind is EffectKind.UPDATE and effect.state is EffectState.SUPERSEDED
            assert effect.state is EffectState.CONFIRMED or gave_way, effect
    posted = [post.key for post in life.hook.posts if post.key.startswith(incident)]
    confirmed = [e.key for e in effects if e.outlet == "webhook" and e.state is EffectState.CONFIRMED]
    assert set(confirmed) <= set(posted) <= {e.key for e in effects}
    firsts = list(dict.fromkeys(posted))
    assert firsts == sorted(firsts), "first deliveries out of order"
    assert [key for key in firsts if key.endswith("/create")] == firsts[:1]
    (ticket,) = [p for p in life.tickets.glob("*.md") if f"incident={incident} " in p.read_text()]
    text = ticket.read_text()
    last = max((e for e in effects if e.outlet == "folder"), key=lambda e: e.order)
    assert re.findall(r"effects=(\d+) last=(\S+) ", text) == [(str(last.order), last.key)]
    assert "**Ticket closed**" in text
