"""`monitor backtest` replays what a daemon keeps, beside it and without it, and leaves no trace in its folder."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.history import History, MinuteRow

MINUTE = timedelta(minutes=1)
HOURS = 72
"""The daemon's rows: minutes for the last two days, five minutes before that."""


def state_of(folder: Path) -> Path:
    return folder / "state"


@pytest.fixture
def began() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS)


@pytest.fixture
def daemon(tmp_path: Path, began: datetime) -> Iterator[History]:
    """
    A history that another process, this one, has open: an outage of 20 minutes in its first day, one in its last.
    """
    state_of(tmp_path).mkdir()
    history = History.open(state_of(tmp_path) / "history.sqlite")
    rows = []
    for i in range(HOURS * 60):
        down = 600 <= i < 620 or 4000 <= i < 4020
        latency = None if down else 0.1
        rows.append(
            MinuteRow(
                check="orders/ready",
                minute=began + i * MINUTE,
                expected=1,
                good=int(not down),
                bad=int(down),
                unknown=0,
                latency=latency,
            )
        )
    history.write_minutes(rows)
    history.compact(began + timedelta(hours=HOURS))
    yield history
    history.close()


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "config.yaml", **more: Any) -> Path:
        check = {"http": "http://orders.example/", "interval": "60s"}
        slo = {"sli": "success", "objective": 0.999, "over": "30d"}
        service = {"checks": {"ready": check}, "slos": [slo]}
        document = {"monitor": {"state": str(state_of(tmp_path))}, "services": {"orders": service}, **more}
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return path

    return write


def run(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor", "-c", str(config), "backtest", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def traces(folder: Path) -> dict[str, bytes]:
    # The -shm holds who reads at the moment, and that somebody did.
    return {path.name: b"" if path.name.endswith("-shm") else path.read_bytes() for path in folder.iterdir()}


def test_beside_a_daemon_both_outages_are_found_and_how_sharp_each_is(
    daemon: History, config: Callable[..., Path], began: datetime, tmp_path: Path
) -> None:
    before = traces(state_of(tmp_path))

    done = run(config(), "--since", "4d", "--format", "json")

    assert done.returncode == 0, done.stderr
    assert traces(state_of(tmp_path)) == before
    document = json.loads(done.stdout)
    assert document["source"] == "history"
    first, second = document["incidents"]
    # The fourth failure opens, somewhere within its minute.
    for incident, minute, unsharp in ((first, 603, 300.0), (second, 4003, 0.0)):
        opened = datetime.fromisoformat(incident["opened_at"])
        assert timedelta(0) <= opened - (began + minute * MINUTE) <= MINUTE
        assert incident["unsharp_seconds"] == unsharp
    edge = began + timedelta(hours=24)
    assert document["notes"] == [
        f"{began:%Y-%m-%d %H:%M} to {edge:%Y-%m-%d %H:%M} UTC: rows of 5 min, up to 5 min unsharp; the failures of a "
        "row are taken as one run, its latency as one value",
        f"{edge:%Y-%m-%d %H:%M} to {began + timedelta(hours=HOURS):%Y-%m-%d %H:%M} UTC: rows of 1 min",
    ]
    assert document["checks"] == [
        {"check": "orders/ready", "rows": 24 * 12 + 48 * 60, "interval": 60.0, "samples": HOURS * 60}
    ]
    daemon.write_minutes([])  # nobody holds it up
    assert daemon.minutes("orders/ready", edge, edge + MINUTE)


def test_without_a_daemon_the_one_file_stays_the_one_file(
    daemon: History, config: Callable[..., Path], tmp_path: Path
) -> None:
    daemon.close()
    before = traces(state_of(tmp_path))
    assert list(before) == ["history.sqlite"]

    done = run(config(), "--since", "4d")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" orders ") == 2
    assert "rows of 5 min, up to 5 min unsharp" in done.stdout
    assert traces(state_of(tmp_path)) == before


def test_the_history_is_asked_for_where_there_is_a_prometheus_and_is_both_configurations_past(
    daemon: History, config: Callable[..., Path], tmp_path: Path
) -> None:
    away = {"sources": {"prometheus": "http://127.0.0.1:9"}}
    patient = config("patient.yaml", monitor={"state": str(tmp_path / "other")}, incidents={"open_after": "30m"})
    page = tmp_path / "page.html"
    assert run(config(**away)).returncode == 3

    arguments = ["--from", "history", "--since", "4d", "--config", str(patient), "--html", str(page)]
    done = run(config(**away), *arguments)

    assert done.returncode == 0, done.stderr
    first, other = done.stdout.split(f"--config {patient}: ")
    # Each outage was over sooner than the patient one opens; that both burn the budget it notices after the second.
    assert (first.count(" orders "), other.count(" orders ")) == (2, 1)
    assert ("burns its budget" in first, "burns its budget" in other) == (False, True)
    assert page.read_text().count("rows of 5 min, up to 5 min unsharp") == 2


def no_file(_: Path) -> None:
    pass


def no_database(path: Path) -> None:
    path.write_bytes(b"not a database " * 1000)


def empty(path: Path) -> None:
    path.touch()


def newer(path: Path) -> None:
    History.open(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9")


def damaged(path: Path) -> None:
    history = History.open(path)
    begin = datetime.now(UTC).replace(second=0, microsecond=0) - 2000 * MINUTE
    values = {"expected": 1, "good": 1, "bad": 0, "unknown": 0, "latency": 0.1}
    history.write_minutes([MinuteRow(check="orders/ready", minute=begin + i * MINUTE, **values) for i in range(1900)])  # type: ignore[arg-type]
    history.close()
    whole = bytearray(path.read_bytes())
    whole[4096 * 12 :] = b"\xff" * (len(whole) - 4096 * 12)
    path.write_bytes(whole)


def without_rows(path: Path) -> None:
    History.open(path).close()


@pytest.mark.parametrize(
    ("made", "arguments", "said"),
    [
        (no_file, (), "history.sqlite does not exist: no daemon has kept a history there yet"),
        (no_database, (), "history.sqlite is no SQLite database: the daemon sets it aside and begins a new one when"),
        (
            empty,
            (),
            "history.sqlite is empty, what it held is gone: the daemon sets it aside and begins a new one when",
        ),
        (newer, (), "has schema 9, this version knows 1: start the newer version that wrote it"),
        (damaged, (), "is damaged (database disk image is malformed): the daemon sets it aside"),
        (without_rows, (), "UTC of any check of the configuration: give a longer --since"),
        (without_rows, ("--series", "orders/ready=up"), "--series names series of Prometheus, and the history has"),
        (without_rows, ("--from", "prometheus"), "no Prometheus is configured: set sources: {prometheus: URL}, or"),
    ],
)
def test_what_keeps_it_from_its_work_is_said(
    config: Callable[..., Path], tmp_path: Path, made: Callable[[Path], None], arguments: tuple[str, ...], said: str
) -> None:
    state_of(tmp_path).mkdir()
    made(state_of(tmp_path) / "history.sqlite")
    before = traces(state_of(tmp_path))

    done = run(config(), *arguments)

    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert traces(state_of(tmp_path)) == before


def test_rows_that_were_lost_are_not_passed_over_in_silence(
    daemon: History, config: Callable[..., Path], began: datetime, tmp_path: Path
) -> None:
    daemon.close()
    with closing(sqlite3.connect(state_of(tmp_path) / "history.sqlite")) as db, db:
        db.execute("INSERT INTO meta (key, value) VALUES ('incomplete_since', ?)", (began.isoformat(),))

    done = run(config(), "--since", "4d")

    assert f"rows before {began:%Y-%m-%d %H:%M} UTC are missing, all or some: they were lost" in done.stdout
