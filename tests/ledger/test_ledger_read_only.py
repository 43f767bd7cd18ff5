from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.ledger.database import LedgerAbsent, LedgerError, LedgerUnsound
from monitor.ledger.records import Commit, LedgerEvent
from monitor.ledger.schema import LEDGER_STEPS
from monitor.ledger.store import Ledger

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def event(text: str) -> Commit:
    return Commit(events=(LedgerEvent(name="test", at=T0, wall=T0, text=text),))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_beside_a_running_daemon_it_sees_what_was_committed_also_later(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.commit(event("one")).result(60)
    reader = Ledger.open_read_only(tmp_path)
    before = names(tmp_path)
    assert [e.text for e in reader.events()] == ["one"]

    ledger.commit(event("two")).result(60)

    assert [e.text for e in reader.events()] == ["one", "two"]
    assert names(tmp_path) == before
    ledger.close()


def test_after_a_clean_end_it_makes_no_file_and_sees_a_daemon_that_starts_later(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.commit(event("one")).result(60)
    ledger.close()
    assert names(tmp_path) == {"ledger.sqlite"}

    reader = Ledger.open_read_only(tmp_path)
    assert [e.text for e in reader.events()] == ["one"]
    assert names(tmp_path) == {"ledger.sqlite"}

    again = Ledger.open(tmp_path)
    again.commit(event("two")).result(60)
    assert [e.text for e in reader.events()] == ["one", "two"]
    again.close()


def test_after_a_kill_it_sees_what_is_only_in_the_wal_and_makes_no_file(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from monitor.ledger.records import Commit, LedgerEvent\n"
        "from monitor.ledger.store import Ledger\n"
        "t = datetime(2026, 3, 1, tzinfo=UTC)\n"
        "event = LedgerEvent(name='test', at=t, wall=t, text='killed')\n"
        "Ledger.open(Path(sys.argv[1])).commit(Commit(events=(event,))).result(60)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    before = names(tmp_path)
    assert "ledger.sqlite-wal" in before

    assert [e.text for e in Ledger.open_read_only(tmp_path).events()] == ["killed"]
    assert names(tmp_path) == before

    # As a copy of two of the three files brings it: SQLite would make the third one to read it.
    (tmp_path / "ledger.sqlite-shm").unlink()
    assert [e.text for e in Ledger.open_read_only(tmp_path).events()] == ["killed"]
    assert names(tmp_path) == before - {"ledger.sqlite-shm"}


def test_a_ledger_of_an_earlier_version_is_read_once_a_daemon_has_upgraded_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger.open(tmp_path).close()
    known = len(LEDGER_STEPS)
    monkeypatch.setattr("monitor.ledger.store.LEDGER_STEPS", (*LEDGER_STEPS, ""))

    with pytest.raises(LedgerError, match=f"has schema {known}, this version reads {known + 1}: monitor run upgrades"):
        Ledger.open_read_only(tmp_path)


def test_without_a_ledger_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LedgerAbsent, match=r"ledger.sqlite does not exist: no daemon has kept a ledger there yet"):
        Ledger.open_read_only(tmp_path / "state")
    assert names(tmp_path) == set()


def test_an_empty_file_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    with pytest.raises(LedgerUnsound, match="is empty, what it held is gone: put a backup in its place"):
        Ledger.open_read_only(tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(LedgerError, match=r"ledger.sqlite is no SQLite database: put a backup in its place"):
        Ledger.open_read_only(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="asking as another user needs root")
def test_whoever_may_not_read_it_is_told_whom_to_ask_as(tmp_path: Path) -> None:
    state = Path(tempfile.mkdtemp(prefix="watchkeeper-"), "state")  # pytest closes its own folder to others
    state.parent.chmod(0o755)
    try:
        Ledger.open(state).close()
        state.chmod(0o755)
        script = (
            "import os, sys\nfrom pathlib import Path\nfrom monitor.ledger.store import Ledger\n"
            "os.setuid(65534)\n"
            "try:\n    Ledger.open_read_only(Path(sys.argv[1]))\n"
            "except Exception as error:\n    print(error)\n"
        )
        ended = subprocess.run([sys.executable, "-c", script, str(state)], capture_output=True, text=True, check=True)
        assert ended.stdout.strip().endswith("may not be read by uid 65534: ask as its owner, uid 0")
    finally:
        shutil.rmtree(state.parent)
