from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.ledger.lock import AlreadyRunning, StateLock, address_in, holder

HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom monitor.ledger.lock import StateLock\n"
    "lock = StateLock.acquire(Path(sys.argv[1]))\nprint('held', flush=True)\ntime.sleep(60)\n"
)


def test_the_second_daemon_is_told_who_is_first_and_a_killed_one_leaves_no_trace(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(state)], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"

        with pytest.raises(AlreadyRunning, match=f"lock is held by process {first.pid}") as caught:
            StateLock.acquire(state)
        assert caught.value.pid == first.pid
        assert holder(state) == first.pid

        first.send_signal(signal.SIGKILL)
        first.wait()

    assert holder(state) is None
    mine = StateLock.acquire(state)
    assert (state / "lock").read_text() == f"{os.getpid()}\n"
    mine.release()
    StateLock.acquire(state).release()


def test_the_lock_and_the_folder_made_for_it_are_closed_to_others(tmp_path: Path) -> None:
    lock = StateLock.acquire(tmp_path / "state")

    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    lock.release()


def test_asking_who_runs_makes_no_file(tmp_path: Path) -> None:
    assert holder(tmp_path / "nowhere") is None
    assert list(tmp_path.iterdir()) == []


def test_the_holder_tells_where_it_listens_and_the_next_one_begins_with_nothing_told(tmp_path: Path) -> None:
    assert address_in(tmp_path / "nowhere") == ""
    first = StateLock.acquire(tmp_path)
    assert address_in(tmp_path) == ""

    first.tell("127.0.0.1:8700")

    assert address_in(tmp_path) == "127.0.0.1:8700"
    assert holder(tmp_path) == os.getpid()
    with pytest.raises(AlreadyRunning, match=f"held by process {os.getpid()}"):
        StateLock.acquire(tmp_path)
    first.release()
    StateLock.acquire(tmp_path).release()
    assert address_in(tmp_path) == ""


def test_a_child_does_not_keep_the_lock_of_a_daemon_that_ended(tmp_path: Path) -> None:
    lock = StateLock.acquire(tmp_path)
    with subprocess.Popen(["sleep", "30"]) as child:
        lock.release()
        StateLock.acquire(tmp_path).release()
        child.kill()
