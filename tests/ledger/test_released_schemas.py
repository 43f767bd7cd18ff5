"""What earlier versions left on the disks of others is opened, brought to the newest schema, and read back equal."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from monitor.ledger.crashpoints import VARIABLE
from monitor.ledger.database import SchemaTooNew
from monitor.ledger.history import History
from monitor.ledger.records import EffectState
from monitor.ledger.schema import HISTORY_FILE, HISTORY_STEPS, LEDGER_FILE, LEDGER_STEPS
from monitor.ledger.store import Ledger
from monitor.ledger.upgrade import UpgradeFailed, open_for_writing

RELEASED = Path(__file__).with_name("released")
DIGESTS = {
    LEDGER_FILE: (
        "4eb7bb64eb47cf46ae36bfe6e7f9a8ee2e3cf2e2f1b78769dc2ea44a2e3e0c16",
        "b6466349a4ef0d99621114fdd81f33fdc17b53f5c7d189ad631598b64a202030",
    ),
    HISTORY_FILE: ("ec420da0bf8018558c19d36ce43d51f900f529428b5d043ce3056d48a70cbbaf",),
}
"""Of each step's text, in order. What is new is added; what stands here has been run by others."""

NEXT = """
-- A step as one may come: a column, and a table; with a trigger of its own.
ALTER TABLE effects ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE TABLE people (name TEXT PRIMARY KEY) STRICT;
CREATE TRIGGER people_stay BEFORE DELETE ON people
BEGIN SELECT RAISE(ABORT, 'people stay'); END;
INSERT INTO people SELECT DISTINCT author FROM events;
"""
NEWEST = (*LEDGER_STEPS, NEXT)
KNOWN = len(LEDGER_STEPS)


@pytest.fixture(scope="module")
def released() -> ModuleType:
    spec = importlib.util.spec_from_file_location("released_make", RELEASED / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def dumps(name: str) -> list[Path]:
    return sorted(RELEASED.glob(f"{Path(name).stem}-*.sql"))


@pytest.fixture
def first(tmp_path: Path, released: ModuleType) -> Path:
    """A ledger of the newest schema that was released."""
    path = tmp_path / LEDGER_FILE
    released.load((RELEASED / f"ledger-{KNOWN}.sql").read_text(), path)
    return path


@pytest.mark.parametrize(("name", "steps"), [(LEDGER_FILE, LEDGER_STEPS), (HISTORY_FILE, HISTORY_STEPS)])
def test_a_released_step_is_never_edited_and_each_has_left_its_dump(name: str, steps: tuple[str, ...]) -> None:
    digests = tuple(hashlib.sha256(step.encode()).hexdigest() for step in steps)

    assert digests == DIGESTS[name], "add a step instead; then its digest here, and tests/ledger/released/make.py"
    stem = Path(name).stem
    assert [path.name for path in dumps(name)] == [f"{stem}-{n + 1}.sql" for n in range(len(steps))]


@pytest.mark.parametrize("dump", dumps(LEDGER_FILE), ids=lambda path: path.stem)
def test_everything_in_a_ledger_of_an_earlier_version_is_read_back_equal(
    tmp_path: Path, released: ModuleType, dump: Path
) -> None:
    released.load(dump.read_text(), tmp_path / LEDGER_FILE)

    ledger = Ledger.open(tmp_path)

    numbered = sorted((place for place in released.PLACES if place.id), key=lambda place: place.number)
    assert ledger.places() == released.PLACES
    assert ledger.incidents() == tuple(numbered)
    assert ledger.effects() == released.EFFECTS
    assert ledger.events() == tuple(replace(event, seq=n) for n, event in enumerate(released.EVENTS, 1))
    assert ledger.members("01JNQ0000000000000000000A2") == released.MEMBERS
    assert ledger.alerts("01JNQ0000000000000000000A3") == released.ALERTS
    assert ledger.tickets("01JNQ0000000000000000000A1") == (released.TICKET,)
    day = timedelta(days=1)
    assert ledger.checkpoints(released.T0 - day, released.T0 + day) == released.CHECKPOINTS
    assert ledger.pasts() == released.PASTS
    assert {key: ledger.meta(key) for key in released.META} == released.META
    assert ledger.next_number() == 4
    ledger.close()


@pytest.mark.parametrize("dump", dumps(HISTORY_FILE), ids=lambda path: path.stem)
def test_everything_in_a_history_of_an_earlier_version_is_read_back_equal(
    tmp_path: Path, released: ModuleType, dump: Path
) -> None:
    released.load(dump.read_text(), tmp_path / HISTORY_FILE)

    history = History.open(tmp_path / HISTORY_FILE)

    day = timedelta(days=1)
    since, until = released.T0 - day, released.T0 + day
    assert history.minutes_of_all(since, until) == released.MINUTES
    assert len(history.five_minutes("open-service/live", since, until)) == 18
    (hour,) = history.hours("open-service/live", since, until)
    assert (hour.good, hour.bad) == (120, 30)
    assert history.detector_states() == released.DETECTORS
    assert history.windows() == released.WINDOWS
    assert history.incomplete_since is None
    history.close()


def test_before_an_upgrade_a_copy_is_made_that_the_older_version_can_use(tmp_path: Path, first: Path) -> None:
    open_for_writing(first, NEWEST, synchronous="FULL", busy_seconds=1, keeps_copy=True).close()

    copy = tmp_path / f"ledger.sqlite.before-schema-{KNOWN + 1}"
    assert {path.name for path in tmp_path.iterdir()} == {first.name, copy.name}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with pytest.raises(SchemaTooNew) as caught:
        Ledger.open(tmp_path)
    assert str(caught.value) == (
        f"{first} has schema {KNOWN + 1}, this version knows {KNOWN}: start the newer version that wrote it, "
        f"or restore the copy made before the upgrade, {copy}"
    )
    copy.replace(first)
    ledger = Ledger.open(tmp_path)
    assert len(ledger.effects(states=tuple(EffectState))) == 6
    ledger.close()


def test_what_is_only_in_the_wal_is_in_the_copy_too(tmp_path: Path, first: Path) -> None:
    writer = sqlite3.connect(first, isolation_level=None)
    writer.execute("INSERT INTO meta VALUES ('late', 'yes')")
    assert first.with_name("ledger.sqlite-wal").stat().st_size > 0

    open_for_writing(first, NEWEST, synchronous="FULL", busy_seconds=1, keeps_copy=True).close()
    writer.close()

    copy = sqlite3.connect(f"file:{tmp_path}/ledger.sqlite.before-schema-{KNOWN + 1}?immutable=1", uri=True)
    assert copy.execute("SELECT value FROM meta WHERE key = 'late'").fetchall() == [("yes",)]
    copy.close()


def test_a_new_ledger_and_one_that_is_up_to_date_leave_no_copy(tmp_path: Path) -> None:
    for _ in range(2):
        open_for_writing(tmp_path / "l", NEWEST, synchronous="FULL", busy_seconds=1, keeps_copy=True).close()

    assert [path.name for path in tmp_path.iterdir()] == ["l"]
    assert stat.S_IMODE((tmp_path / "l").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("step", "why"),
    [("CREATE TABLE effects (x)", "table effects already exists"), ("nonsense", 'near "nonsense": syntax error')],
)
def test_a_step_that_fails_changes_nothing_and_says_so(first: Path, step: str, why: str) -> None:
    before = rows(first)
    with pytest.raises(UpgradeFailed) as caught:
        open_for_writing(first, (*NEWEST, step), synchronous="FULL", busy_seconds=1, keeps_copy=True)

    assert str(caught.value) == (
        f"{first} could not be upgraded from schema {KNOWN} to {KNOWN + 2} ({why}) and is as it was: "
        "see to it and start again, or start the version that wrote it"
    )
    assert rows(first) == before


def test_a_history_that_a_step_does_not_fit_is_set_aside(tmp_path: Path, released: ModuleType) -> None:
    """Somebody's table stands in the way: what may be lost must not keep the daemon from starting."""
    path = tmp_path / HISTORY_FILE
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE minutes (x)")
    other.close()

    history = History.open(path, wall=lambda: released.T0)

    assert history.incomplete_since == released.T0
    assert (tmp_path / "history.sqlite.corrupt-20260301T030000Z").exists()
    history.write_minutes(released.MINUTES)
    assert len(history.minutes_of_all(released.T0 - timedelta(days=1), released.T0)) == 90
    history.close()


UPGRADE = """
import sys
from pathlib import Path
from monitor.ledger.schema import LEDGER_STEPS
from monitor.ledger.upgrade import open_for_writing
steps = (*LEDGER_STEPS, sys.argv[2])
open_for_writing(Path(sys.argv[1]), steps, synchronous="FULL", busy_seconds=1, keeps_copy=True).close()
"""


def rows(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    found = [str(connection.execute("PRAGMA user_version").fetchone()), *connection.iterdump()]
    connection.close()
    return found


@pytest.mark.parametrize("point", ["before-migration", *(f"inside-migration:{n}" for n in (1, 2, 3, 4))])
def test_kill_minus_nine_during_an_upgrade_leaves_the_old_ledger_and_the_next_start_upgrades_it(
    first: Path, point: str
) -> None:
    before = rows(first)

    def upgrade(crash_at: str) -> int:
        environ = {**os.environ, VARIABLE: crash_at}
        return subprocess.run([sys.executable, "-c", UPGRADE, str(first), NEXT], env=environ, check=False).returncode

    assert upgrade(point) == -signal.SIGKILL
    copy = first.with_name(f"ledger.sqlite.before-schema-{KNOWN + 1}")
    assert rows(copy) == before
    assert rows(first) == before, "half of the new schema"

    assert upgrade("") == 0
    after = rows(first)
    assert after[0] == f"({KNOWN + 1},)"
    assert any("people_stay" in line for line in after)
    assert sorted(line for line in after if line.startswith('INSERT INTO "people"')) == [
        "INSERT INTO \"people\" VALUES('Grace');",
        "INSERT INTO \"people\" VALUES('watchkeeper');",
    ]
    assert rows(copy) == before
