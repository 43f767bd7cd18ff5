"""The disk with the state is full while a service breaks totally: people are told at once, the ledger is told later."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from monitor.ledger.records import EffectState
from monitor.ledger.store import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real filesystem of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a tmpfs needs root")
    options = "size=4m,mode=0700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """To the last byte."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    assert shutil.disk_usage(disk).free == 0
    return ballast


def test_a_full_disk_keeps_nobody_from_being_told_and_loses_nothing(
    disk: Path,
    target: Any,
    hook: Any,
    write_config: Callable[..., Path],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
) -> None:
    config = write_config(
        monitor={"state": str(disk / "state")},
        incidents={"open_after": "1s", "stable_for": "4s", "update_every": "2s"},
        tracker={"folder": str(disk / "tickets"), **hook.tracker},
        services={"orders-service": service_of(target.url)},
    )
    daemon = start(config)
    address = daemon.wait_for_line(r"http://127\.0\.0\.1:\d+")[0]
    wait_until(lambda: requests.get(f"{address}/healthz/ready", timeout=10).ok, "ready")

    ballast = fill(disk)
    target.status = 503
    (first,) = wait_until(lambda: hook.posts[:1], "the webhook is told")
    assert first.key.endswith("/webhook/0001/create")
    assert (first.body["severity"], first.body["state"]) == ("SEV1", "open")
    assert first.body["degraded"].startswith("Ledger unavailable since ")
    wait_until(lambda: len(hook.posts) >= 3, "updates go on")
    alive, ready = (requests.get(f"{address}{path}", timeout=10) for path in ("/healthz", "/healthz/ready"))
    assert (alive.status_code, ready.status_code) == (200, 503)
    assert "the ledger cannot be written: database or disk is full" in ready.text
    assert Ledger.open_read_only(daemon.state).incidents() == ()
    assert list((disk / "tickets").glob("*.md")) == []

    ballast.unlink()
    wait_until(lambda: requests.get(f"{address}/healthz/ready", timeout=10).ok, "ready again")
    (ticket,) = wait_until(lambda: list((disk / "tickets").glob("*.md")), "the ticket")
    target.status = 200
    daemon.wait_for_line(r"orders-service: recovering => resolved")
    wait_until(lambda: "Ticket closed" in ticket.read_text(), "the ticket is closed")
    wait_until(lambda: any(key.endswith("/close") for key in hook.taken()), "the webhook is told of the end")
    assert daemon.terminate(120)[0] == 0
    assert "Traceback" not in daemon.log()

    ledger = Ledger.open_read_only(daemon.state)
    moves = [event.name for event in ledger.events() if "old" in event.attributes]
    assert moves == ["incident.pending", "incident.opened", "incident.recovering", "incident.resolved"]
    assert [event.at for event in ledger.events()] == sorted(event.at for event in ledger.events())
    (incident,) = ledger.incidents()
    effects = ledger.effects(incident.id)
    assert {effect.state for effect in effects} <= {EffectState.CONFIRMED, EffectState.SUPERSEDED}
    confirmed = [e.key for e in effects if e.outlet == "webhook" and e.state is EffectState.CONFIRMED]
    assert Counter(hook.taken()) == Counter(confirmed), "told twice, or recorded otherwise than told"
    assert [path.name for path in (disk / "tickets").glob("*")] == [ticket.name]
    assert daemon.log().count("ledger: cannot take commits") == 1
    assert daemon.log().count("ledger: takes commits again") == 1


def service_of(url: str) -> dict[str, Any]:
    checks = {"ready": {"http": f"{url}/healthz", "interval": "1s", "timeout": "500ms"}}
    return {"criticality": "critical", "checks": checks}


def test_a_start_on_a_full_disk_says_what_is_wanted_and_leaves_with_three(
    disk: Path, write_config: Callable[..., Path], start: Callable[..., Any]
) -> None:
    config = write_config(monitor={"state": str(disk / "state")})
    first = start(config)
    first.wait_for_line("watching")
    assert first.terminate(120)[0] == 0
    fill(disk)
    refused(
        start(config), rf"Error: {disk}/state/ledger.sqlite cannot be opened for writing .+: see that its disk has room"
    )


def test_a_ledger_that_is_none_is_named_with_its_remedy_and_left_as_it_is(
    tmp_path: Path, write_config: Callable[..., Path], start: Callable[..., Any]
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "ledger.sqlite").write_text("somebody's notes, and no database at all")
    refused(start(write_config()), r"Error: .+/ledger.sqlite is no SQLite database: put a backup in its place")
    assert (state / "ledger.sqlite").read_text() == "somebody's notes, and no database at all"


def refused(daemon: Any, pattern: str) -> None:
    assert daemon.process.wait(120) == 3
    daemon.wait_for_line(pattern)
    assert "Traceback" not in daemon.log()
