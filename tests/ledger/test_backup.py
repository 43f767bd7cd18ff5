"""A backup is made beside a daemon that writes, holds what it says, and takes the place of a state whole."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.core.incident import Incident, State
from monitor.ledger.backup import BackupError, read_contents, write_backup
from monitor.ledger.crashpoints import VARIABLE
from monitor.ledger.database import LedgerError, SchemaTooNew
from monitor.ledger.history import History, MinuteRow
from monitor.ledger.lock import AlreadyRunning, StateLock
from monitor.ledger.records import Commit, Effect, EffectKind, EffectState, LedgerEvent
from monitor.ledger.restore import restore
from monitor.ledger.rows import RESTORED
from monitor.ledger.schema import LEDGER_STEPS
from monitor.ledger.store import Ledger

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ULID = "01JNQ0000000000000000000A1"


def pair(number: int) -> Commit:
    """Two events that are there both or neither."""
    events = (LedgerEvent(name="half", at=T0, wall=T0, text=str(number)) for _ in range(2))
    return Commit(events=tuple(events))


def incident(number: int) -> Incident:
    return Incident(service="orders", since=T0, state=State.OPEN, id=ULID[:-1] + str(number), number=number)


def effect(order: int, kind: EffectKind = EffectKind.UPDATE) -> Effect:
    return Effect(
        key=f"{ULID}/folder/{order:04d}/{kind}", incident=ULID, service="orders", outlet="folder", kind=kind,
        order=order, created_at=T0, next_at=T0,
    )  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A daemon's folder, closed well: an open incident with a waiting effect, three minutes, a baseline, a token."""
    state = tmp_path / "state"
    ledger = Ledger.open(state)
    ledger.commit(Commit(events=pair(0).events, incidents=(incident(1),), effects=(effect(1, EffectKind.CREATE),)))
    ledger.record(sent(effect(1, EffectKind.CREATE)))
    ledger.commit(Commit(effects=(effect(2),))).result(60)
    ledger.close()
    history = History.open(state / "history.sqlite")
    history.write_minutes([minute(n) for n in range(3)])
    history.close()
    (state / "baselines" / "sketches").mkdir(parents=True)
    (state / "baselines" / "orders.latency.json").write_text("{}")
    (state / "baselines" / "sketches" / "orders.latency.json").write_text('{"hours": {}}')
    (state / "token").write_text("secret-token")
    (state / "lock").write_text("")
    return state


def sent(effect: Effect) -> Effect:
    return replace(effect, state=EffectState.CONFIRMED, attempts=1)


def minute(number: int) -> MinuteRow:
    return MinuteRow(
        check="orders/live", minute=T0 + number * MINUTE, expected=2, good=2, bad=0, unknown=0, latency=0.1
    )


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def members(file: Path) -> list[str]:
    with tarfile.open(file) as tar:
        return tar.getnames()


def test_a_backup_holds_ledger_history_and_baselines_and_neither_token_nor_lock(state: Path, tmp_path: Path) -> None:
    before = files(state)

    contents = write_backup(state, tmp_path / "b.tar.gz", T0)

    assert files(state) == before, "something was left in the state folder"
    assert members(tmp_path / "b.tar.gz") == [
        "backup.json", "baselines/orders.latency.json", "baselines/sketches/orders.latency.json", "history.sqlite",
        "ledger.sqlite",
    ]  # fmt: skip
    assert str(contents) == (
        f"ledger of schema {len(LEDGER_STEPS)} with 2 events, 1 incidents (1 live), "
        "1 effects not sent; history; 1 baselines"
    )
    assert read_contents(tmp_path / "b.tar.gz") == contents
    assert stat.S_IMODE((tmp_path / "b.tar.gz").stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"state", "b.tar.gz"}


def test_beside_a_daemon_that_writes_it_holds_one_instant(state: Path, tmp_path: Path) -> None:
    ledger = Ledger.open(state)
    stop = threading.Event()

    def write() -> None:
        number = 1
        while not stop.is_set():
            ledger.commit(pair(number)).result(60)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            before = len(ledger.events(limit=1_000_000))
            left = {path.name for path in state.iterdir()}
            write_backup(state, tmp_path / f"b{number}", T0)
            assert {path.name for path in state.iterdir()} == left
            after = len(ledger.events(limit=1_000_000))

            restored = tmp_path / f"restored-{number}"
            restore(restored, tmp_path / f"b{number}", T0)
            texts = [event.text for event in Ledger.open_read_only(restored).events(limit=1_000_000)]
            assert before <= len(texts) <= after
            assert texts[::2] == texts[1::2], "half of a commit"
    finally:
        stop.set()
        writer.join()
        ledger.close()


def test_after_a_kill_it_holds_what_is_only_in_the_wal(state: Path, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom monitor.ledger.store import Ledger\n"
        "Ledger.open(Path(sys.argv[1])).set_meta('late', 'yes').result(60)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(state)], check=False)
    assert (state / "ledger.sqlite-wal").stat().st_size > 0

    write_backup(state, tmp_path / "b", T0)
    restore(tmp_path / "restored", tmp_path / "b", T0)

    assert Ledger.open_read_only(tmp_path / "restored").meta("late") == "yes"


def test_without_the_history_it_is_smaller_and_says_so(state: Path, tmp_path: Path) -> None:
    contents = write_backup(state, tmp_path / "b", T0, with_history=False)

    assert "history.sqlite" not in members(tmp_path / "b")
    assert str(contents).endswith("; no history; 1 baselines")


def test_a_history_that_is_damaged_is_left_out_and_keeps_no_ledger_from_being_saved(
    state: Path, tmp_path: Path
) -> None:
    (state / "history.sqlite").write_bytes(b"noise" * 5000)

    contents = write_backup(state, tmp_path / "b", T0)

    assert contents.left_out == f"{state}/history.sqlite is damaged and not in the backup (file is not a database)"
    assert "history.sqlite" not in members(tmp_path / "b")


def test_a_ledger_that_is_damaged_is_not_saved_over_a_good_backup(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "b", T0)
    good = (tmp_path / "b").read_bytes()
    with (state / "ledger.sqlite").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 8192)

    with pytest.raises(LedgerError, match=rf"^{state}/ledger.sqlite is damaged \("):
        write_backup(state, tmp_path / "b", T0, replace=True)

    assert (tmp_path / "b").read_bytes() == good
    assert {path.name for path in tmp_path.iterdir()} == {"state", "b"}


def test_what_is_there_is_not_replaced_unasked(state: Path, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")

    with pytest.raises(BackupError, match=r"b is there already: name another file, or replace it with --force"):
        write_backup(state, tmp_path / "b", T0)
    assert (tmp_path / "b").read_text() == "mine"

    write_backup(state, tmp_path / "b", T0, replace=True)
    assert read_contents(tmp_path / "b").history


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "is a folder: name the file that the backup shall be"),
        ("nowhere/b", "cannot be written (No such file or directory): name a file in a folder of yours"),
    ],
)
def test_where_it_cannot_be_written_is_said(state: Path, tmp_path: Path, target: str, message: str) -> None:
    with pytest.raises(BackupError) as caught:
        write_backup(state, tmp_path / target, T0)

    assert str(caught.value) == f"{tmp_path / target} {message}"


def test_a_restored_state_goes_on_from_then_and_the_one_before_is_kept(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "b", T0)
    ledger = Ledger.open(state)
    ledger.commit(pair(1)).result(60)
    ledger.close()
    (state / "baselines" / "orders.latency.json").write_text('{"later": true}')
    before = files(state)

    restored = restore(state, tmp_path / "b", T0 + MINUTE)

    assert restored.aside == state / "replaced-20260301T120100Z"
    kept = {name: content for name, content in before.items() if name not in ("lock", "token")}
    assert files(restored.aside) == kept
    assert (state / "token").read_text() == "secret-token"
    ledger = Ledger.open(state)
    assert len(ledger.events()) == 2
    assert ledger.places() == (incident(1),)
    assert json.loads(ledger.meta(RESTORED) or "") == {
        "made_at": "2026-03-01T12:00:00+00:00", "restored_at": "2026-03-01T12:01:00+00:00", "unsent": 1,
    }  # fmt: skip
    ledger.close()
    history = History.open(state / "history.sqlite")
    assert len(history.minutes("orders/live", T0, T0 + 5 * MINUTE)) == 3
    assert history.incomplete_since == T0 + MINUTE
    history.close()
    assert (state / "baselines" / "orders.latency.json").read_text() == "{}"
    assert stat.S_IMODE((state / "ledger.sqlite").stat().st_mode) == 0o600


def test_effects_that_were_waiting_are_asked_about_first_and_no_place_is_given_twice(
    state: Path, tmp_path: Path
) -> None:
    write_backup(state, tmp_path / "b", T0)
    for at in (T0 + MINUTE, T0 + 2 * MINUTE):
        restore(state, tmp_path / "b", at)
        ledger = Ledger.open(state)
        confirmed, waiting, place = ledger.effects()
        ledger.close()

        assert (confirmed.state, waiting.state) == (EffectState.CONFIRMED, EffectState.SENDING)
        assert place.state is EffectState.SUPERSEDED
        assert place.order == int(at.timestamp()), "above every place that was given since, and each time anew"


def test_no_number_is_given_twice(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "b", T0)
    ledger = Ledger.open(state)
    ledger.commit(Commit(incidents=(incident(2), incident(3)))).result(60)
    ledger.close()

    restore(state, tmp_path / "b", T0)
    ledger = Ledger.open(state)
    assert ledger.next_number() == 4, "the state of then was asked"
    ledger.close()
    restore(tmp_path / "elsewhere", tmp_path / "b", T0)
    ledger = Ledger.open(tmp_path / "elsewhere")
    assert ledger.next_number() == 102, "nobody could be asked"
    ledger.close()


def test_what_the_backup_does_not_hold_stays(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "b", T0, with_history=False)
    history = (state / "history.sqlite").read_bytes()

    restored = restore(state, tmp_path / "b", T0)

    assert (state / "history.sqlite").read_bytes() == history
    assert restored.aside is not None
    assert not (restored.aside / "history.sqlite").exists()


def test_the_copy_before_an_upgrade_can_be_restored_and_a_history_of_the_newer_version_is_set_aside(
    state: Path, tmp_path: Path
) -> None:
    newest = len(LEDGER_STEPS) + 1
    copy = tmp_path / f"ledger.sqlite.before-schema-{newest}"
    copy.write_bytes((state / "ledger.sqlite").read_bytes())
    for name in ("ledger.sqlite", "history.sqlite"):
        newer = sqlite3.connect(state / name)
        newer.execute(f"PRAGMA user_version = {newest}")
        newer.close()

    restored = restore(state, copy, T0)

    Ledger.open(state).close()
    History.open(state / "history.sqlite").close()
    assert restored.aside is not None
    assert (restored.aside / "history.sqlite").exists()
    assert str(restored.contents) == (
        f"ledger of schema {len(LEDGER_STEPS)} with 2 events, 1 incidents (1 live), "
        "1 effects not sent; no history; 0 baselines"
    )


def test_a_running_daemon_is_not_pulled_the_ground_away(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "b", T0)
    lock = StateLock.acquire(state)
    before = files(state)

    with pytest.raises(AlreadyRunning, match=f"held by process {os.getpid()}: a daemon already runs on this state"):
        restore(state, tmp_path / "b", T0)

    assert files(state) == before
    lock.release()


def rewritten(file: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> None:
    with tarfile.open(file) as tar:
        parts = [(m.name, tar.extractfile(m).read()) for m in tar]  # type: ignore[union-attr]
    with tarfile.open(file, "w:gz") as tar:
        for name, content in filter(None, (change(*part) for part in parts)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def told(**more: object) -> Callable[[str, bytes], tuple[str, bytes]]:
    def change(name: str, content: bytes) -> tuple[str, bytes]:
        return name, json.dumps({**json.loads(content), **more}).encode() if name == "backup.json" else content

    return change


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.write_bytes(b"Dear diary"), "is no whole backup (not a gzip file): name another file"),
        (lambda file: file.write_bytes(file.read_bytes()[:400]), "is no whole backup ("),
        (lambda file: file.write_bytes(b""), "is no whole backup ("),
        (lambda file: file.unlink(), "cannot be read (No such file or directory): name a file that monitor backup"),
        (lambda file: rewritten(file, told(format=2)), "is no backup that this version knows (format 2)"),
        (lambda file: rewritten(file, told(counts={})), "is no backup that this version knows (no counts)"),
        (lambda file: rewritten(file, told(digests={"../x": ""})), "names other files than a state folder has"),
        (
            lambda file: rewritten(file, lambda n, c: (n.replace("history.sqlite", "/etc/passwd"), c)),
            "is no backup of ours: it holds '/etc/passwd'",
        ),
        (
            lambda file: rewritten(file, lambda n, c: None if n == "ledger.sqlite" else (n, c)),
            "is damaged: ledger.sqlite is missing; use another backup",
        ),
        (
            lambda file: rewritten(file, lambda n, c: (n, c[:-1] if n == "ledger.sqlite" else c)),
            "is damaged: ledger.sqlite is not what was saved; use another backup",
        ),
        (lambda file: rewritten(file, lambda n, c: (n, c) if n != "backup.json" else None), "is no backup that this"),
    ],
)  # fmt: skip
def test_what_is_no_sound_backup_is_refused_and_nothing_is_touched(
    state: Path, tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    write_backup(state, tmp_path / "b", T0)
    before = files(state)
    spoil(tmp_path / "b")

    with pytest.raises(LedgerError) as caught:
        restore(state, tmp_path / "b", T0)

    assert str(caught.value).startswith(f"{tmp_path}/b ")
    assert message in str(caught.value)
    assert {**files(state), "lock": b""} == before


def test_a_backup_of_a_newer_version_is_refused(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "b", T0)
    known = len(LEDGER_STEPS)
    rewritten(tmp_path / "b", told(schema=known + 1))

    with pytest.raises(SchemaTooNew, match=f"b has schema {known + 1}, this version knows {known}: start the newer"):
        restore(state, tmp_path / "b", T0)


def test_a_ledger_alone_that_is_damaged_is_refused(state: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes((state / "ledger.sqlite").read_bytes()[:20_000])

    with pytest.raises(LedgerError, match=rf"^{copy}.* malformed"):
        restore(state, copy, T0)


RESTORE = """
import sys
from datetime import datetime
from pathlib import Path
from monitor.ledger.restore import restore
restore(Path(sys.argv[1]), Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
"""


@pytest.mark.parametrize("point", ["before-restore", *(f"inside-restore:{n}" for n in range(1, 8))])
def test_kill_minus_nine_during_a_restore_and_the_next_start_has_the_backup_whole(
    state: Path, tmp_path: Path, point: str, said: list[str]
) -> None:
    write_backup(state, tmp_path / "b", T0)
    ledger = Ledger.open(state)
    intruder = sqlite3.connect(ledger.path)  # so that a -wal and a -shm are left to be moved, too
    intruder.execute("SELECT * FROM meta").fetchall()
    ledger.set_meta("later", "yes").result(60)
    ledger.close()
    assert (state / "ledger.sqlite-wal").exists()

    arguments = [sys.executable, "-c", RESTORE, str(state), str(tmp_path / "b"), T0.isoformat()]
    ended = subprocess.run(arguments, env={**os.environ, VARIABLE: point}, check=False)
    intruder.close()
    assert ended.returncode == -signal.SIGKILL

    again = Ledger.open(state)
    assert again.meta("later") is None
    assert again.meta(RESTORED)
    assert again.places() == (incident(1),)
    again.close()
    assert said == [f"{state}: a restore had been cut off; the backup is in its place now"]
    assert {p.name for p in state.iterdir() if not p.name.endswith(("-wal", "-shm"))} == {
        "baselines", "history.sqlite", "ledger.sqlite", "lock", "token", "replaced-20260301T120000Z",
    }  # fmt: skip
    replaced = Ledger.open(state / "replaced-20260301T120000Z")
    assert replaced.meta("later") == "yes", "what was there before is whole too"
    replaced.close()
    assert (state / "replaced-20260301T120000Z" / "history.sqlite").exists()


def test_a_restore_that_is_killed_while_it_unpacks_has_changed_nothing(state: Path, tmp_path: Path) -> None:
    (state / ".restoring-20260301T120000Z").mkdir()
    (state / ".restoring-20260301T120000Z" / "ledger.sqlite").write_bytes(b"half")

    ledger = Ledger.open(state)

    assert len(ledger.events()) == 2
    ledger.close()
    assert not list(state.glob(".restoring-*"))


@pytest.fixture
def somebody() -> int:
    if os.geteuid() != 0:
        pytest.skip("giving files to another user needs root")
    return 65534


def test_restored_by_root_it_is_still_the_daemons_own(state: Path, tmp_path: Path, somebody: int) -> None:
    write_backup(state, tmp_path / "b", T0)
    for path in (state, *state.rglob("*")):
        os.chown(path, somebody, somebody)
    (state / "lock").unlink()

    restore(state, tmp_path / "b", T0)

    assert {path.stat().st_uid for path in state.rglob("*")} == {somebody}
