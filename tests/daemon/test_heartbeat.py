"""The dead man's switch: asked by the loop's own turns, silent when the daemon does not do its work."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from loguru import logger
from pydantic import SecretStr

from monitor.config import HeartbeatTarget
from monitor.daemon.heartbeat import Heartbeat, unwell

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CODE = "3f6c-the-secret-path"


class Switch:
    """A heartbeat to the test's target, its outcomes, and what it logged."""

    def __init__(self, url: str, every: int = 60) -> None:
        self.counted: list[str] = []
        target = HeartbeatTarget(url=SecretStr(url), every=timedelta(seconds=every))
        self.heartbeat = Heartbeat(target, lambda: T0, self.counted.append)

    def turn(self, second: int, why_not: str = "") -> None:
        self.heartbeat.tick(T0 + timedelta(seconds=second), why_not)

    def outcomes(self) -> list[str]:
        """Once none is under way any more: while one is, no turn sends the next."""
        if self.heartbeat._sending is not None:
            self.heartbeat._sending.join()
        return self.counted


@pytest.fixture
def said() -> Any:
    lines: list[str] = []
    number = logger.add(lambda line: lines.append(str(line)), format="{level} {message}")
    yield lines
    logger.remove(number)


def test_it_is_sent_once_each_interval_by_the_turns_of_the_loop(target: Any) -> None:
    switch = Switch(f"{target.url}/{CODE}")

    for second in (0, 1, 59):
        switch.turn(second)
        assert switch.outcomes() == ["ok"]
    switch.turn(60)
    assert switch.outcomes() == ["ok", "ok"]

    assert len(target.seen) == 2
    assert switch.heartbeat.state()["last_ok"] == "2026-03-01T12:00:00+00:00"


def test_a_loop_that_does_not_turn_sends_none_and_does_not_make_up_for_them(target: Any) -> None:
    switch = Switch(target.url)
    switch.turn(0)
    assert switch.outcomes() == ["ok"]

    switch.turn(600)
    assert switch.outcomes() == ["ok", "ok"], "one for ten minutes"
    switch.turn(601)
    assert switch.outcomes() == ["ok", "ok"]

    assert len(target.seen) == 2


def test_it_is_withheld_while_something_is_wrong_and_sent_as_soon_as_it_is_not(target: Any, said: list[str]) -> None:
    switch = Switch(target.url)
    switch.turn(0, "no result yet")
    switch.turn(1)
    assert switch.outcomes() == ["withheld", "ok"], "the first result was there"
    switch.turn(61, "the ledger cannot be written: disk full")
    switch.turn(62, "the ledger cannot be written: disk full")
    assert switch.heartbeat.state()["withheld"] == "the ledger cannot be written: disk full"
    switch.turn(63)
    assert switch.outcomes() == ["withheld", "ok", "withheld", "ok"], "well again"

    assert len(target.seen) == 2
    assert [line for line in said if "heartbeat" in line] == [
        "INFO heartbeat: goes on\n",
        "WARNING heartbeat: withheld, so that somebody outside notices: the ledger cannot be written: disk full\n",
        "INFO heartbeat: goes on\n",
    ]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (200, ""),
        (204, ""),
        (299, ""),
        (302, "127.0.0.1 answered 302, a redirect, which is not followed: configure the new address"),
        (404, "127.0.0.1 answered 404"),
        (500, "127.0.0.1 answered 500"),
    ],
)
def test_only_a_2xx_is_well_and_what_is_told_holds_no_address(
    status: int, told: str, target: Any, said: list[str]
) -> None:
    target.status = status
    switch = Switch(f"{target.url}/{CODE}")
    switch.turn(0)
    assert switch.outcomes() == ["failed" if told else "ok"]

    assert switch.heartbeat.state()["last_error"] == told
    assert bool(said) is bool(told)
    assert CODE not in f"{switch.heartbeat.state()}{said}"


def test_one_that_nobody_answers_is_a_failure_and_told_once_a_minute(said: list[str]) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused
        switch = Switch(f"http://127.0.0.1:{held.getsockname()[1]}/{CODE}")
        for beat in range(1, 4):
            switch.turn(60 * beat)
            assert switch.outcomes() == ["failed"] * beat

    state = switch.heartbeat.state()
    assert (state["failures"], state["last_error"]) == (3, "127.0.0.1: ConnectionError")
    assert said == ["WARNING heartbeat: 127.0.0.1: ConnectionError; 1 failed so far\n"]


@pytest.mark.parametrize(
    ("heard", "interval", "silent"),
    [(120, 30, False), (121, 30, True), (121, 60, True), (121, 61, False), (7200, 3600, False), (7201, 3600, True)],
)
def test_no_result_for_two_minutes_or_two_intervals_is_not_well(heard: int, interval: int, silent: bool) -> None:
    assert bool(unwell("", T0, interval, T0 + timedelta(seconds=heard))) is silent


def test_before_the_first_result_and_without_a_ledger_it_is_not_well() -> None:
    assert unwell("", None, 30, T0) == "no result yet"
    assert unwell("disk full", T0, 30, T0) == "the ledger cannot be written: disk full"


def test_the_daemon_sends_it_and_stops_while_its_ledger_cannot_be_written(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Any
) -> None:
    config = write_config()
    document = json.loads(config.read_text())
    document["monitor"]["heartbeat"] = {"url": f"{target.url}/{CODE}", "every": "1s"}
    config.write_text(json.dumps(document))
    daemon = start(config)
    first = wait_until(lambda: daemon.ask("status")["parts"]["heartbeat"]["last_ok"], "a heartbeat")
    wait_until(lambda: daemon.ask("status")["parts"]["heartbeat"]["last_ok"] > first, "the next one")

    with closing(sqlite3.connect(daemon.state / "ledger.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        target.status = 503
        daemon.wait_for_line("heartbeat: withheld, so that somebody outside notices: the ledger cannot be written")
        other.execute("ROLLBACK")
    daemon.wait_for_line("heartbeat: goes on")

    status = json.dumps(daemon.ask("status"))
    assert CODE not in daemon.log() + status
