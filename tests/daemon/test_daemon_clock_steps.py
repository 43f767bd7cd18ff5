"""
The wall clock is stepped under the running daemon by hours, forwards and back, in the middle of an incident.

libfaketime moves what the daemon takes for the wall clock and leaves CLOCK_BOOTTIME and CLOCK_MONOTONIC alone, which is
what a step of the real clock does. The ledger keeps both instants of each event, so both timelines can be read there.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.records import EffectState, LedgerEvent
from monitor.ledger.store import Ledger

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(LIBRARY is None, reason="Debian's libfaketime is not installed")]

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FORWARDS = timedelta(hours=5)
AHEAD_AGAIN = timedelta(minutes=45)
REVIEW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When `schedule` looks whether the playbook's review is due; set up at noon, it would not look before tomorrow."""

NOTICED = timedelta(seconds=25)
"""What a busy machine may take to notice a step; a step that is noticed after nine is too late for that day's look."""

OPEN_AFTER = timedelta(seconds=2)
STABLE_FOR = timedelta(seconds=6)
EVERY = timedelta(seconds=2)
LATE = timedelta(seconds=60)
"""What a busy machine may add. The smallest step is 45 minutes: a timer that moved with it is far outside."""


@dataclass
class Wall:
    """The daemon's wall clock: ours, moved by what a file says that libfaketime reads at every look."""

    path: Path
    ahead: int = 0

    def step(self, by: timedelta) -> None:
        self._set(self.ahead + round(by.total_seconds()))

    def set(self, to: datetime) -> timedelta:
        """To *to*, give or take a second. Returns by how much it was stepped."""
        before = self.ahead
        self._set(round(to.timestamp() - time.time()))
        return timedelta(seconds=self.ahead - before)

    def _set(self, ahead: int) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(f"{ahead:+d}s\n")
        new.replace(self.path)
        self.ahead = ahead

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@dataclass(frozen=True)
class Told:
    """What the story left behind, read once it was over."""

    steps: list[timedelta]
    events: list[LedgerEvent]
    ledger: Any
    hook: Any
    target: Any
    spans: list[Any]
    log: str
    ticket: str
    prober: dict[str, Any]

    def one(self, name: str) -> LedgerEvent:
        (found,) = [event for event in self.events if event.name == name]
        return found

    def era(self, event: LedgerEvent) -> int:
        """
        After how many steps it was: what the wall clock said tells. Where it stands in the ledger does not quite, as
        a step is noticed at the next turn and results are judged when they come.
        """
        return era_of(event.wall, self.steps)


def test_a_step_of_the_wall_clock_moves_no_timer_and_is_told(
    tmp_path: Path,
    target: Any,
    receiver: Any,
    hook: Any,
    write_config: Callable[..., Path],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
) -> None:
    wall = Wall(tmp_path / "wall")
    wall.set(NOON)
    config = write_config(
        receiver.url,
        incidents={"open_after": "2s", "stable_for": "6s", "update_every": "2s", "postmortem_within": "48h"},
        tracker={"folder": str(tmp_path / "tickets"), **hook.tracker},
        playbook={"reviewed": "2025-01-01"},
    )
    daemon = start(config, wall.environ)
    wait_until(lambda: len(target.seen) >= 3, "probes at noon")
    hook.refusing = True
    target.status = 503

    daemon.wait_for_line(r"orders-service: clear => pending")
    steps = [FORWARDS]
    wall.step(FORWARDS)
    daemon.wait_for_line(rf"stepped by \+{FORWARDS.total_seconds():.0f} s")
    daemon.wait_for_line(r"orders-service: pending => open")
    daemon.wait_for_line(r"orders-service: update due")
    wait_until(lambda: len(hook.posts) >= 2, "the opening was posted twice and refused twice")
    steps.append(wall.set(REVIEW - NOTICED))  # the next post waits for its retry meanwhile
    daemon.wait_for_line(rf"stepped by {steps[-1].total_seconds():.0f} s")
    hook.refusing = False
    daemon.wait_for_line(r"the playbook was last reviewed on 2025-01-01, .*: review it and set playbook.reviewed")
    wait_until(hook.taken, "the opening is taken")
    target.status = 200
    daemon.wait_for_line(r"orders-service: open => recovering")
    steps.append(AHEAD_AGAIN)
    wall.step(AHEAD_AGAIN)
    daemon.wait_for_line(r"orders-service: recovering => resolved")
    wait_until(lambda: any(key.endswith("/close") for key in hook.taken()), "the close is taken")
    asked = len(target.seen)
    wait_until(lambda: len(target.seen) >= asked + 3, "probes after the last step")
    (ticket,) = (tmp_path / "tickets").glob("INC-*.md")
    wait_until(lambda: "Ticket closed" in ticket.read_text(), "the ticket is closed")
    prober = daemon.prober()
    assert daemon.terminate(120)[0] == 0

    ledger = Ledger.open_read_only(daemon.state)
    told = Told(
        steps=steps,
        events=list(ledger.events()),
        ledger=ledger,
        hook=hook,
        target=target,
        spans=list(receiver.received.spans),
        log=daemon.log(),
        ticket=ticket.read_text(),
        prober=prober,
    )
    the_steps_are_told_with_size_and_sign(told)
    no_timer_moved(told)
    people_read_the_wall_clock(told)
    nothing_was_sent_twice_or_kept_waiting(told)
    probes_kept_their_cadence(told)
    spans_follow_the_wall_clock(told)
    assert "Traceback" not in told.log


def the_steps_are_told_with_size_and_sign(told: Told) -> None:
    texts = [event.text for event in told.events if event.name == "clock.stepped"]
    eras = [told.era(event) for event in told.events]
    assert eras == sorted(eras)
    assert [told.era(event) for event in told.events if event.name == "clock.stepped"] == [1, 2, 3]
    assert texts == [f"the wall clock was stepped by {s.total_seconds():+.0f} s; no timer moved" for s in told.steps]
    for text in texts:
        assert text in told.log


def no_timer_moved(told: Told) -> None:
    opened, recovering, resolved = (told.one(f"incident.{n}") for n in ("opened", "recovering", "resolved"))
    incident = told.ledger.incident("1")
    assert OPEN_AFTER <= opened.at - incident.first_failure_at < OPEN_AFTER + LATE
    assert STABLE_FOR <= resolved.at - recovering.at < STABLE_FOR + LATE
    assert [told.era(event) for event in (opened, recovering, resolved)] == [1, 2, 3], "a step in each of them"

    updates = [event for event in told.events if event.name == "incident.update_due"]
    slots = [(event.at - opened.at) // EVERY for event in updates]
    assert {told.era(event) for event in updates} == {1, 2, 3}, "updates before, between and after the steps"
    assert slots == sorted(set(slots)), "one update for a slot of the grid"
    for event in updates:
        missed = re.match(r"Late: (\d+) update", event.text)
        assert missed is None or int(missed[1]) * EVERY < LATE


def people_read_the_wall_clock(told: Told) -> None:
    ahead = [sum(told.steps[:n], timedelta()) for n in range(len(told.steps) + 1)]
    for event in told.events:
        assert abs(event.wall - event.at - ahead[told.era(event)]) < timedelta(seconds=0.5), event
    lines = re.findall(r"^- (\d\d:\d\d:\d\d) UTC \*\*(incident\.\w+)\*\*", told.ticket, re.MULTILINE)
    assert [line for line in lines if line[1] not in ("incident.update_due", "incident.evidence")] == [
        (f"{told.one(name).wall:%H:%M:%S}", name)
        for name in ("incident.opened", "incident.recovering", "incident.resolved")
    ]
    opened = told.one("incident.opened").wall
    assert opened.hour == (NOON + FORWARDS).hour
    assert f"| Opened | {opened:%Y-%m-%d %H:%M:%S} UTC |" in told.ticket
    for event in told.events:
        for following in re.findall(r"next update: (\S+ \S+) UTC", event.text):
            due = datetime.fromisoformat(f"{following}+00:00")
            assert event.wall - timedelta(seconds=1) <= due <= event.wall + EVERY


def nothing_was_sent_twice_or_kept_waiting(told: Told) -> None:
    effects = told.ledger.effects()
    assert {effect.state for effect in effects} <= {EffectState.CONFIRMED, EffectState.SUPERSEDED}
    assert Counter(told.hook.taken()) == Counter(
        e.key for e in effects if e.outlet == "webhook" and e.state is EffectState.CONFIRMED
    )
    created = [post for post in told.hook.posts if post.key.endswith("/create")]
    assert [post.status for post in created][-2:] == [503, 200]
    assert [post.status for post in created].count(200) == 1
    for one, other in pairwise(created):
        assert other.at - one.at < LATE.total_seconds(), "a retry waited for the wall clock"
    # By the wall clock, so that a receiver that refuses old signatures takes them.
    signed = [era_of(datetime.fromtimestamp(post.signed_at, UTC), told.steps) for post in told.hook.posts]
    assert signed == sorted(signed)
    assert set(signed) == {1, 2, 3}


def probes_kept_their_cadence(told: Told) -> None:
    at = told.target.asked_at
    assert max(b - a for a, b in pairwise(at)) < LATE.total_seconds()
    # One scheduled probe a second, and one re-probe for each that failed: nothing was made up for.
    assert len(at) <= 2 * (at[-1] - at[0] + 2)
    assert told.prober["restarts"] == 0


def spans_follow_the_wall_clock(told: Told) -> None:
    starts = {span.span_id: datetime.fromtimestamp(span.start, UTC) for span in told.spans}
    asked = [header.split("-")[2] for header, _ in told.target.seen]
    assert era_of(starts[asked[0]], told.steps) == 0
    assert era_of(starts[asked[-4]], told.steps) == len(told.steps)
    for at in starts.values():
        era_of(at, told.steps)


def era_of(wall: datetime, steps: list[timedelta]) -> int:
    """After how many steps the wall clock said so. Each era of the story lasts less than five minutes."""
    begins = [NOON + sum(steps[:n], timedelta()) - timedelta(seconds=2) for n in range(len(steps) + 1)]
    (found,) = [n for n, begin in enumerate(begins) if begin <= wall < begin + 5 * MINUTE]
    return found
