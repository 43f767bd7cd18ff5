"""`monitor backup` and `monitor restore` as a person or a nightly job types them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.cli.backup import size
from monitor.cli.main import monitor
from monitor.ledger.schema import LEDGER_STEPS
from monitor.ledger.store import Ledger

Invoke = Callable[..., Any]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    ledger = Ledger.open(tmp_path / "state")
    ledger.set_meta("who", "first").result(5)
    ledger.close()
    return tmp_path / "state"


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    document = {
        "monitor": {"state": str(tmp_path / "state"), "listen": "127.0.0.1:9"},
        "services": {"orders": {"checks": {"live": "http://127.0.0.1:9/"}}},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(monitor, ["-c", "config.yaml", *arguments])


def test_each_says_what_it_did_in_lines_that_a_job_can_mail(state: Path, invoke: Invoke) -> None:
    made = invoke("backup", "b.tar.gz")
    restored = invoke("restore", "b.tar.gz")

    schema = f"ledger of schema {len(LEDGER_STEPS)}"
    counts = f"{schema} with 0 events, 0 incidents (0 live), 0 effects not sent; no history; 0 baselines"
    assert (made.exit_code, made.stderr) == (0, "")
    assert re.fullmatch(rf"b\.tar\.gz: \S+ (bytes|kB), {re.escape(counts)}\n", made.stdout)
    assert (restored.exit_code, restored.stderr) == (0, "")
    first, second, third = restored.stdout.splitlines()
    assert re.fullmatch(rf"restored into {state}, as it was at \S+\+00:00: {re.escape(counts)}", first)
    assert re.fullmatch(
        rf"what was there before \(\S+ kB\) stays until you remove it: rm -r {state}/replaced-\d{{8}}T\d{{6}}Z", second
    )
    assert third == "go on from here with: monitor run"


def test_what_earlier_restores_have_set_aside_is_named_until_somebody_removes_it(state: Path, invoke: Invoke) -> None:
    invoke("backup", "b.tar.gz")
    invoke("restore", "b.tar.gz")
    (first,) = state.glob("replaced-*")

    again = invoke("restore", "b.tar.gz").stdout.splitlines()
    (second,) = set(state.glob("replaced-*")) - {first}
    shutil.rmtree(first)
    third = invoke("restore", "b.tar.gz").stdout.splitlines()

    told = r"what earlier restores have set aside \(\S+ kB\) is still there: rm -r {}"
    assert re.fullmatch(told.format(first), again[2])
    assert re.fullmatch(told.format(second), third[2])


def test_a_backup_without_its_damaged_history_ends_with_1(state: Path, invoke: Invoke) -> None:
    (state / "history.sqlite").write_bytes(b"noise" * 5000)

    made = invoke("backup", "b.tar.gz")

    assert made.exit_code == 1
    assert made.stderr == (
        f"warning: {state}/history.sqlite is damaged and not in the backup (file is not a database)\n"
    )
    assert Path("b.tar.gz").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("backup", "config.yaml"), "config.yaml is there already: name another file, or replace it with --force\n"),
        (("restore", "config.yaml"), "config.yaml is no whole backup (not a gzip file): name another file that "),
        (
            ("restore", "none"),
            "none cannot be read (No such file or directory): name a file that monitor backup made\n",
        ),
    ],
)
def test_what_cannot_be_done_ends_with_3_in_one_line(
    state: Path, invoke: Invoke, arguments: tuple[str, ...], message: str
) -> None:
    ended = invoke(*arguments)

    assert (ended.exit_code, ended.stdout) == (3, "")
    assert ended.stderr.startswith(message)
    assert ended.stderr.count("\n") == 1


def test_without_a_ledger_there_is_nothing_to_save_and_no_folder_is_made(tmp_path: Path, invoke: Invoke) -> None:
    ended = invoke("backup", "b.tar.gz")

    assert ended.exit_code == 3
    assert ended.stderr == f"{tmp_path}/state/ledger.sqlite does not exist: no daemon has kept a ledger there yet\n"
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml"}


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (999_900, "999.9 kB"), (1_000_000, "1.0 MB")],
)
def test_a_size_is_told_in_a_unit_that_people_read(count: int, told: str) -> None:
    assert size(count) == told
