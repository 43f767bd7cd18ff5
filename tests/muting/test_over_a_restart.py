"""What is muted and what is planned, through the real house, ledger and history, which are closed and opened again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from monitor.config import Config
from monitor.core.muting import Silence
from monitor.daemon.house import House
from monitor.daemon.keeping import Housekeeping
from monitor.daemon.past import maintained_of
from monitor.daemon.resuming import resume
from monitor.daemon.surroundings import Surveyor
from monitor.daemon.wiring import rules_of
from monitor.ledger.history import History
from monitor.ledger.records import Commit
from monitor.ledger.store import Ledger
from monitor.response import leftout, maintenance
from monitor.response.casebook import Casebook
from monitor.response.silences import added
from monitor.telemetry import Telemetry

STEP = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)  # a Sunday
END = BEGIN + 2 * HOUR
SHOP = """
monitor: {state: state}
services:
  shop:
    checks: {live: {http: "http://127.0.0.1:9/", interval: 30s, timeout: 5s}}
    slos: [{sli: success, objective: 99%, over: 30d}]
    maintenance: [{weekly: "Sun 02:00-04:00"}]
"""


@dataclass
class HandClock:
    at: datetime
    origin: float = 0.0
    boot_id: str = "a boot"

    def now(self) -> datetime:
        return self.at

    def wall(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()


class Run:
    """One life of the daemon, without its threads and its prober."""

    def __init__(self, config: Config, at: datetime, result: Callable[[str, datetime, str], Any]) -> None:
        self.clock, self._result = HandClock(at), result
        config.monitor.state.mkdir(mode=0o700, exist_ok=True)
        self.ledger = Ledger.open(config.monitor.state)
        ids = count(1)
        book = Casebook(rules_of(config), new_id=lambda: f"I{next(ids)}-{at:%H%M}", new_number=self.ledger.next_number)
        history = History.open(config.monitor.state / "history.sqlite")
        surveyor = Surveyor(config, self.clock)  # type: ignore[arg-type]  # all that it asks of a clock
        self.house = House(config, self.clock, self.ledger, history, Telemetry(), book, surveyor, "a token")  # type: ignore[arg-type]
        self.resumed = list(resume(self.house))
        for commit in self.resumed:
            self.house.adopt(commit).result(30)
        self.housekeeping = Housekeeping(self.house)

    def play(self, letters: str) -> None:
        for letter in letters:
            self.clock.at += STEP
            now = self.clock.at
            results = self.house.judge.maintenance.mark([self._result("shop", now, letter)], timedelta(0))
            self.house.objectives.take(results)
            self.house.judge.take(results, now, now)
            self.house.judge.tick(now, now)
            self.housekeeping.tick(now, now)

    def adopt(self, *commits: Commit) -> None:
        for commit in commits:
            self.house.adopt(commit).result(30)

    def written(self, *names: str) -> list[str]:
        """The events of these names, once all that was adopted is in the ledger."""
        self.adopt(Commit())
        return [event.name for event in self.ledger.events_named(*names)]

    @property
    def live(self) -> Any:
        return self.house.judge.watches["shop"].checks["live"]


@pytest.fixture
def run(read: Callable[[str], Config], result_of: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def run(text: str, at: datetime, *, stop: bool = False) -> Iterator[Run]:
        """*stop*: it ends cleanly; without, as kill -9 ends it."""
        one = Run(read(text), at, result_of)
        yield one
        if stop:
            one.housekeeping.close()
        one.ledger.close()
        one.house.history.close()

    return run


def test_what_was_left_out_stays_left_out_over_a_restart_within_the_window(run, tmp_path: Path) -> None:
    with run(SHOP, BEGIN - HOUR) as first:
        first.play("." * 120 + "F" * 10 + "." * 50)  # up to 02:30
        before = first.live.scheduled(BEGIN - 29 * timedelta(days=1), first.clock.at)
        assert sum(first.live.left_out.window.counts(BEGIN - HOUR, END)) == 61

    with run(SHOP, BEGIN + 30 * MINUTE + STEP) as second:
        second.play("." * 120)  # up to 03:30
        assert second.live.left_out.window.counts(BEGIN - HOUR, END)[1] == 10
        # The minute that was not over when it was killed is lost, as of any results.
        assert sum(second.live.left_out.window.counts(BEGIN - HOUR, END)) >= 61 - 3 + 119
        assert second.written(*maintenance.NAMES) == ["maintenance.began"]
        after = second.live.scheduled(BEGIN - 29 * timedelta(days=1), second.clock.at)
        assert before <= after <= before + 4
        rows = second.house.history.minutes("shop/live:maintenance", BEGIN - HOUR, END)
        assert sum(row.bad for row in rows) == 10
        assert {(row.good, row.bad, row.unknown) for row in rows if row.minute < BEGIN - MINUTE} == set()
        others = second.house.history.minutes("shop/live", BEGIN, END)
        assert {(row.expected, row.good, row.bad, row.latency) for row in others} == {(0, 0, 0, None)}


def test_a_window_that_left_the_configuration_leaves_its_past_left_out(run) -> None:
    with run(SHOP, BEGIN - MINUTE, stop=True) as first:
        first.play("." * 240)
        taken = sum(first.live.left_out.window.counts(BEGIN - HOUR, END))

    without = SHOP.replace('    maintenance: [{weekly: "Sun 02:00-04:00"}]\n', "")
    with run(without, END + MINUTE) as second:
        assert maintained_of(second.ledger, second.house.history, ["shop/live"]) == [("shop/live", True)]
        assert sum(second.live.left_out.window.counts(BEGIN - HOUR, END)) >= taken - 3
        second.play(".")
        assert second.written(*maintenance.NAMES) == ["maintenance.began", "maintenance.ended"]


def test_an_outage_that_outlives_both_the_window_and_the_daemon_opens_when_it_is_back(run) -> None:
    with run(SHOP, END - 10 * MINUTE, stop=True) as first:
        first.play("F" * 18)  # up to 03:59

    with run(SHOP, END + STEP) as second:
        second.play("F")
        (case,) = second.house.casebook.live()
        assert case.incident.opened_at == END + 2 * STEP
        assert case.incident.first_failure_at == END - 10 * MINUTE + STEP


def test_silences_and_what_they_mute_come_back(run) -> None:
    noon = BEGIN + 10 * HOUR
    with run(SHOP, noon, stop=True) as first:
        silence = Silence(number=1, subject="shop/live", author="grace", comment="known", since=noon, until=noon + HOUR)
        first.house.casebook.muting.add(silence)
        first.adopt(Commit(events=(added(silence, noon, noon),)))
        first.play("FFFFF" + "." * 3)
        (case,) = first.house.casebook.live()
        assert case.muted_by

    with run(SHOP, first.clock.at + STEP) as second:
        second.play("..")  # nothing fails now: what had failed is what the silence is of
        (case,) = second.house.casebook.live()
        assert case.muted_by == "silence 1 of grace until 2026-11-29 13:00 UTC: known"
        assert "incident.unmuted" not in [event.name for event in case.events]

    with run(SHOP, noon + 2 * HOUR) as third:
        third.play("..")  # it ran out meanwhile
        (case,) = third.house.casebook.live()
        assert case.muted_by == ""
        assert [event.name for event in case.events].count("incident.unmuted") == 1
        assert third.written("silence.expired") == ["silence.expired"]


def test_baselines_leave_maintenance_out(run) -> None:
    with run(SHOP, BEGIN - MINUTE) as first:
        first.play("." * 4 + "." * 240)
        assert len(first.written(*maintenance.NAMES)) == 2
        events = first.ledger.events_named(*leftout.NAMES)

        found = leftout.left_out([], [], events, first.clock.at)

    assert found["shop"].intervals == [(BEGIN, END)]
