"""A ledger whose file is overwritten under a running daemon: what cannot be written is held, and what to do is said."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.ledger.database import LedgerUnsound
from monitor.ledger.records import Commit, LedgerEvent
from monitor.ledger.store import Ledger
from monitor.ledger.writer import LedgerClosed

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REMEDY = "stop the daemon and put a backup in its place: monitor restore FILE"


def events(count: int) -> Commit:
    text = "a line of the log " * 50
    return Commit(events=tuple(LedgerEvent(name="n", at=T0, wall=T0, text=text) for _ in range(count)))


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.01)


@pytest.fixture
def damaged(tmp_path: Path) -> Ledger:
    """Opened while it was sound. Then every page but the first, which holds the header and the schema, became noise."""
    first = Ledger.open(tmp_path)
    first.commit(events(200)).result(60)
    first.close()
    ledger = Ledger.open(tmp_path)
    size = ledger.path.stat().st_size
    with ledger.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    return ledger


def test_commits_are_held_and_the_trouble_says_what_to_do(damaged: Ledger, said: list[str]) -> None:
    held = damaged.commit(events(1))
    until(lambda: not damaged.healthy)

    assert damaged.trouble == f"database disk image is malformed (SQLITE_CORRUPT); {REMEDY}"
    assert not held.done()
    assert damaged.waiting == 1
    assert len(said) == 1
    assert REMEDY in said[0]

    damaged.close()
    with pytest.raises(LedgerClosed):
        held.result(0)


def test_damage_that_only_a_reader_meets_is_kept_in_mind_and_said_once(damaged: Ledger, said: list[str]) -> None:
    assert damaged.damage == ""

    for _ in range(2):
        with pytest.raises(sqlite3.DatabaseError):
            damaged.events()

    assert damaged.damage == f"database disk image is malformed; {REMEDY}"
    assert said == [f"ledger: {damaged.path} is damaged: {damaged.damage}"]
    damaged.close()


def test_the_next_start_refuses_it(damaged: Ledger) -> None:
    damaged.close()

    with pytest.raises(
        LedgerUnsound, match=r"is damaged \(.*\): put a backup in its place with `monitor restore FILE`"
    ):
        Ledger.open(damaged.path.parent)
