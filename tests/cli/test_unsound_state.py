"""What the commands say of a state folder that cannot be used: one line, 3, and nothing is touched."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli.main import monitor
from monitor.ledger.records import Commit, LedgerEvent
from monitor.ledger.schema import LEDGER_STEPS
from monitor.ledger.store import Ledger

SILENT = socket.socket()
"""Bound and never listening: a port that no daemon of anybody answers at."""
SILENT.bind(("127.0.0.1", 0))

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REMEDY = "put a backup in its place with `monitor restore FILE`, or move it away to begin without its record"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with a ledger of some pages, closed well; `monitor -c config.yaml` is about it."""
    state = tmp_path / "state"
    ledger = Ledger.open(state)
    text = "a line of the log " * 50
    ledger.commit(Commit(events=tuple(LedgerEvent(name="n", at=T0, wall=T0, text=text) for _ in range(200)))).result(5)
    ledger.close()
    write_config(tmp_path, state)
    return state


def write_config(folder: Path, state: Path) -> None:
    document = {
        "monitor": {"state": str(state), "listen": f"127.0.0.1:{SILENT.getsockname()[1]}"},
        "services": {"orders": {"checks": {"live": "http://127.0.0.1:9/"}}},
    }
    (folder / "config.yaml").write_text(json.dumps(document))


def contents(folder: Path) -> dict[str, bytes | None]:
    """All but the lock and the token, which a daemon makes before it looks at the ledger, and the -shm: no content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name not in ("lock", "token") and not path.name.endswith("-shm")
    }


def sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def empty(ledger: Path) -> None:
    ledger.write_bytes(b"")


def empty_beside_a_wal(ledger: Path) -> None:
    empty(ledger)
    ledger.with_name("ledger.sqlite-wal").write_bytes(b"what is left of it")


def gone_beside_a_wal(ledger: Path) -> None:
    empty_beside_a_wal(ledger)
    ledger.unlink()


def garbage(ledger: Path) -> None:
    ledger.write_bytes(b"Dear diary, " * 1000)


def half_of_it(ledger: Path) -> None:
    with ledger.open("r+b") as file:
        file.truncate(32768)


def not_even_a_header(ledger: Path) -> None:
    with ledger.open("r+b") as file:
        file.truncate(50)


def noise_in_the_middle(ledger: Path) -> None:
    """From the first page of the events' index on."""
    with ledger.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 8192)


def a_folder(ledger: Path) -> None:
    ledger.unlink()
    ledger.mkdir()


def a_pipe(ledger: Path) -> None:
    ledger.unlink()
    os.mkfifo(ledger)


def of_another_program(ledger: Path) -> None:
    ledger.unlink()
    sql(ledger, "CREATE TABLE notes (text)")


def newer(ledger: Path) -> None:
    sql(ledger, f"PRAGMA user_version = {len(LEDGER_STEPS) + 1}")


CASES = {
    empty: f"is empty, what it held is gone: {REMEDY}",
    empty_beside_a_wal: f"is empty, what it held is gone: {REMEDY}",
    gone_beside_a_wal: "is gone and ledger.sqlite-wal is still there: put the file back, or move both away",
    garbage: f"is no SQLite database: {REMEDY}",
    half_of_it: "is cut off, MISSING bytes are missing: " + REMEDY,
    not_even_a_header: f"is damaged (FINDING): {REMEDY}",
    noise_in_the_middle: f"is damaged (FINDING): {REMEDY}",  # in words of SQLite that are not the same in each version
    a_folder: "is a folder and no ledger: move it away",
    a_pipe: "is no regular file and no ledger: move it away",
    of_another_program: "is a database of another program and no ledger: move it away",
    newer: (
        f"has schema {len(LEDGER_STEPS) + 1}, this version knows {len(LEDGER_STEPS)}: "
        "start the newer version that wrote it, "
        "or restore the copy made before the upgrade"
    ),
}


@pytest.mark.parametrize(("spoil", "message"), CASES.items(), ids=lambda case: getattr(case, "__name__", ""))
def test_run_says_what_is_wrong_and_what_to_do_and_touches_nothing(
    state: Path, run: Run, spoil: Callable[[Path], None], message: str
) -> None:
    ledger = state / "ledger.sqlite"
    whole = ledger.stat().st_size
    spoil(ledger)
    before = contents(state) if spoil is not a_pipe else None

    ended = run("run")

    said = re.escape(message).replace("MISSING", str(whole - 32768)).replace("FINDING", "[^)]+(\\(\\)[^)]*)?")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert re.fullmatch(rf"Error: {ledger} {said}\n", ended.stderr), ended.stderr
    assert before is None or contents(state) == before


@pytest.mark.parametrize("command", [("status",), ("incident", "list")], ids=" ".join)
@pytest.mark.parametrize("spoil", [empty, garbage, half_of_it, a_folder, of_another_program, newer])
def test_who_only_looks_is_told_the_same(
    state: Path, tmp_path: Path, spoil: Callable[[Path], None], command: tuple[str, ...]
) -> None:
    ledger = state / "ledger.sqlite"
    spoil(ledger)
    before = contents(state)

    ended = CliRunner().invoke(monitor, ["-c", str(tmp_path / "config.yaml"), *command])

    # A command does not count bytes: SQLite's own words.
    said = CASES[spoil] if spoil is not half_of_it else f"is damaged (database disk image is malformed): {REMEDY}"
    assert (ended.exit_code, ended.stdout, ended.stderr) == (3, "", f"{ledger} {said}\n")
    assert contents(state) == before


def test_a_wal_that_was_cut_off_is_what_a_kill_leaves_and_the_daemon_goes_on_from_what_was_whole(
    state: Path, tmp_path: Path
) -> None:
    ledger = state / "ledger.sqlite"
    writer = sqlite3.connect(ledger, isolation_level=None)
    for number in range(3):
        writer.execute("INSERT INTO meta VALUES (?, 'x')", (str(number),))
    wal = ledger.with_name("ledger.sqlite-wal").read_bytes()
    main = ledger.read_bytes()
    writer.close()
    ledger.write_bytes(main)
    ledger.with_name("ledger.sqlite-wal").write_bytes(wal[:-1000])  # the last frame is not whole

    opened = Ledger.open(state)

    assert [opened.meta(str(number)) for number in range(3)] == ["x", "x", None]
    opened.close()


def test_a_state_folder_that_cannot_be_made_is_one_line(tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").touch()
    state = tmp_path / "file" / "state"
    write_config(tmp_path, state)

    ended = run("run")

    assert ended.returncode == 3
    assert ended.stderr == (
        f"Error: the state folder {state} cannot be made by uid {os.geteuid()} (Not a directory): "
        "make it for this user, or name another one in monitor.state\n"
    )


# What is needed is loaded first: this user may not be allowed to see where the program is installed.
AS_NOBODY = """
import encodings.ascii, os
import monitor.cli.run, monitor.config, monitor.daemon.daemon
from click.testing import CliRunner
from monitor.cli.main import monitor
CliRunner().invoke(monitor, ["validate"])
os.setgid(65534)
os.setuid(65534)
monitor()
"""


@pytest.fixture
def as_nobody() -> Iterator[tuple[Path, Run]]:
    """A folder that uid 65534 may enter, and `monitor` run as this user in it."""
    if os.geteuid() != 0:
        pytest.skip("asking as another user needs root")
    folder = Path(tempfile.mkdtemp(prefix="watchkeeper-"))
    folder.chmod(0o755)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", AS_NOBODY, *arguments],
            cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    yield folder, run
    shutil.rmtree(folder)


def test_a_state_folder_of_somebody_else_names_its_owner(as_nobody: tuple[Path, Run]) -> None:
    folder, run = as_nobody
    (folder / "state").mkdir(mode=0o755)
    write_config(folder, folder / "state")

    ended = run("run")

    assert ended.returncode == 3
    assert ended.stderr == (
        f"Error: the state folder {folder}/state cannot be written by uid 65534 (Permission denied): "
        "run as its owner, uid 0, or chown it, or name another one in monitor.state\n"
    )
    assert contents(folder / "state") == {}


def test_a_ledger_of_somebody_else_names_its_owner(as_nobody: tuple[Path, Run]) -> None:
    folder, run = as_nobody
    Ledger.open(folder / "state").close()
    os.chown(folder / "state", 65534, 65534)
    write_config(folder, folder / "state")
    before = contents(folder / "state")

    ended = run("run")

    assert ended.returncode == 3
    assert ended.stderr == (
        f"Error: {folder}/state/ledger.sqlite may not be read and written by uid 65534: "
        "run as its owner, uid 0, or give it to uid 65534\n"
    )
    assert contents(folder / "state") == before


def test_a_folder_that_may_not_be_made_where_its_parent_is_somebody_elses(as_nobody: tuple[Path, Run]) -> None:
    folder, run = as_nobody
    write_config(folder, folder / "state")

    ended = run("run")

    assert ended.returncode == 3
    assert ended.stderr == (
        f"Error: the state folder {folder}/state cannot be made by uid 65534 (Permission denied): "
        "make it for this user, or name another one in monitor.state\n"
    )


def test_a_disk_that_is_mounted_read_only_is_named(state: Path, run: Run) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting needs root")
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", str(state), str(state)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount here: {mounted.stderr.decode().strip()}")
    try:
        ended = run("run")
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)

    assert ended.returncode == 3
    assert ended.stderr == (
        f"Error: the state folder {state} cannot be written by uid 0 (Read-only file system): "
        "make room or make it writable, or name another one in monitor.state\n"
    )
