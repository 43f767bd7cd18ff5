"""What happens while the disk refuses: nothing is lost, the order stays, and it is said once each way."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.ledger.records import Commit, Effect, EffectKind, LedgerEvent
from monitor.ledger.store import Ledger
from monitor.ledger.writer import LedgerClosed

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def event(text: str) -> Commit:
    return Commit(events=(LedgerEvent(name="test", at=T0, wall=T0, text=text),))


def texts(ledger: Ledger) -> list[str]:
    return [event.text[:20] for event in ledger.events()]


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.01)


def open_impatient(folder: Path) -> Ledger:
    """Notices after 0.1 s that its file is locked; a disk that is slow on a busy machine is waited for."""
    ledger = Ledger.open(folder, slow_after=60.0, wall=lambda: NOON)
    ledger._writer.connection.execute("PRAGMA busy_timeout = 100")
    return ledger


class Intruder:
    """Another process's write lock, as a person leaves it with `BEGIN IMMEDIATE` in a sqlite3 shell."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def leave(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


def test_commits_are_held_in_order_while_the_file_is_locked_and_written_when_it_is_free(
    tmp_path: Path, said: list[str]
) -> None:
    ledger = open_impatient(tmp_path)
    ledger.commit(event("0")).result(60)
    intruder = Intruder(ledger.path)

    futures = [ledger.commit(event(str(n))) for n in range(1, 6)]
    until(lambda: not ledger.healthy)

    assert ledger.held_since == NOON
    assert texts(ledger) == ["0"], "reading goes on"
    time.sleep(0.5)  # several retries, none of which may be logged
    assert not any(future.done() for future in futures)
    assert "locked" in ledger.trouble
    assert len(said) == 1
    assert said[0].startswith("ledger: cannot take commits (")

    intruder.leave()
    assert not wait(futures, 60).not_done
    until(lambda: ledger.healthy)
    assert texts(ledger) == ["0", "1", "2", "3", "4", "5"]
    assert ledger.held_since is None
    assert ledger.trouble == ""
    assert len(said) == 2
    assert said[1].startswith("ledger: takes commits again, held since 2026-03-01 12:00:00")
    ledger.close()


def test_a_commit_that_hangs_is_noticed_by_whoever_asks_and_is_no_failure_when_it_ends(
    tmp_path: Path, said: list[str]
) -> None:
    ledger = Ledger.open(tmp_path, slow_after=2.0)
    ledger._writer.connection.execute("PRAGMA busy_timeout = 120000")  # so that the wait is in SQLite, as a slow disk's
    intruder = Intruder(ledger.path)
    slow = ledger.commit(event("slow"))

    assert ledger.healthy
    until(lambda: not ledger.healthy)
    assert "takes more than 2 s" in ledger.trouble

    intruder.leave()
    assert slow.result(60) is None
    until(lambda: ledger.healthy)
    assert len(said) == 2
    ledger.close()


def test_the_effects_of_held_commits_can_be_seen_so_that_urgent_ones_go_out(tmp_path: Path) -> None:
    ledger = open_impatient(tmp_path)
    intruder = Intruder(ledger.path)
    page = Effect(
        key="k", incident="i", service="s", outlet="o", kind=EffectKind.CREATE, order=1, created_at=T0, next_at=T0
    )  # fmt: skip
    held = ledger.commit(Commit(effects=(page,)))
    until(lambda: not ledger.healthy)

    assert ledger.held_effects() == (page,)
    assert ledger.effects() == ()

    intruder.leave()
    held.result(60)
    assert ledger.held_effects() == ()
    assert ledger.effects() == (page,)
    ledger.close()


def test_closing_while_held_tells_those_who_wait(tmp_path: Path, said: list[str]) -> None:
    ledger = open_impatient(tmp_path)
    intruder = Intruder(ledger.path)
    lost = ledger.commit(event("lost"))
    until(lambda: not ledger.healthy)

    ledger.close(timeout=5)

    with pytest.raises(LedgerClosed):
        lost.result(0)
    assert said[-1] == "ledger: closed with 1 commits that could not be written"
    intruder.leave()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real filesystem of 2 MB: room for all that is held, in however many transactions it is written."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a tmpfs needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_holds_commits_until_there_is_room_again(tiny_disk: Path, said: list[str]) -> None:
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(b"x" * 1_780_000)
    full_disk_story(tiny_disk, said, make_room=ballast.unlink)


def test_a_file_that_may_not_grow_holds_commits_until_it_may(tmp_path: Path, said: list[str]) -> None:
    """The same story where no disk can be mounted: SQLite reports both as "database or disk is full"."""
    ledger = Ledger.open(tmp_path)
    pages = ledger._writer.connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._writer.connection.execute(f"PRAGMA max_page_count = {pages + 4}")

    def make_room() -> None:
        ledger._writer.connection.execute("PRAGMA max_page_count = 1000000")

    full_disk_story(tmp_path, said, make_room=make_room, ledger=ledger)


def full_disk_story(
    folder: Path, said: list[str], make_room: Callable[[], object], ledger: Ledger | None = None
) -> None:
    ledger = ledger or Ledger.open(folder)
    futures = [ledger.commit(event(f"{n:02d}" + "." * 9_000)) for n in range(40)]
    until(lambda: not ledger.healthy)
    assert not futures[-1].done()
    assert "full" in ledger.trouble
    assert len(said) == 1

    make_room()

    assert not wait(futures, 60).not_done
    assert all(future.exception() is None for future in futures)
    assert [text[:2] for text in texts(ledger)] == [f"{n:02d}" for n in range(40)]
    until(lambda: ledger.healthy)
    assert len(said) == 2
    ledger.close()
