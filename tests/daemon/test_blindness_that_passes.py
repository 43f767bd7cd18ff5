"""The monitor's own incident: two minutes without a result make it pending, results end that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from checks.result import Attempt, CheckResult, Outcome
from monitor.config import load
from monitor.core.incident import State
from monitor.daemon.judge import ITSELF, Judge
from monitor.daemon.wiring import rules_of
from monitor.response.casebook import Casebook
from monitor.response.observe import Surroundings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=10)
CONFIG = """
incidents: {open_after: 5m}
services: {web: {checks: {live: {http: "http://web.test/", interval: 10s}}}}
"""


class Clock:
    def __init__(self, folder: Path) -> None:
        (folder / "config.yaml").write_text(CONFIG)
        config = load([folder / "config.yaml"], {})
        ids, numbers = count(1), count(1)
        self.book = Casebook(rules_of(config), new_id=lambda: f"I{next(ids)}", new_number=lambda: next(numbers))
        self.judge = Judge(
            config, self.book, NOON, lambda _: Surroundings(), lambda _: None, lambda _: None, lambda *_: None
        )
        self.now = NOON

    def pass_by(self, time: timedelta, *, results: bool) -> None:
        until = self.now + time
        while self.now < until:
            self.now += STEP
            if results:
                attempt = Attempt(started_at=self.now, outcome=Outcome.OK, latency=0.05)
                self.judge.take(
                    [CheckResult(service="web", check="live", scheduled_at=self.now, attempts=(attempt,))],
                    self.now,
                    self.now,
                )
            self.judge.tick(self.now, self.now)

    @property
    def itself(self) -> State:
        subject = self.book.subjects.get(ITSELF)
        return State.CLEAR if subject is None else subject.incident.state


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


def test_two_minutes_are_not_blind_yet_and_a_moment_more_is(clock: Clock) -> None:
    clock.pass_by(timedelta(minutes=2), results=False)
    assert clock.itself is State.CLEAR

    clock.pass_by(STEP, results=False)
    assert clock.itself is State.PENDING


def test_results_that_return_before_it_opens_clear_it_and_the_next_silence_begins_anew(clock: Clock) -> None:
    clock.pass_by(timedelta(minutes=4), results=False)
    assert clock.itself is State.PENDING

    clock.pass_by(2 * STEP, results=True)
    assert clock.itself is State.CLEAR

    # What was left pending would open at once: it began long ago.
    clock.pass_by(timedelta(minutes=30), results=True)
    clock.pass_by(timedelta(minutes=4, seconds=50), results=False)
    assert clock.itself is State.PENDING


def test_a_silence_that_lasts_opens_it(clock: Clock) -> None:
    clock.pass_by(timedelta(minutes=5, seconds=10), results=False)

    assert clock.itself is State.OPEN
