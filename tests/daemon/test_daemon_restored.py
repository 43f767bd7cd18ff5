"""What a bad disk leaves: the daemon refuses it, a restored backup goes on, a lost history costs only itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.records import BudgetCheckpoint, EffectState
from monitor.ledger.store import Ledger


def monitor(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WATCHKEEPER", "OTEL"))}
    return subprocess.run(
        [sys.executable, "-m", "monitor", "-c", str(config), *arguments],
        cwd=config.parent, env=kept, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def overwrite(path: Path) -> None:
    """All but the first page: it opens, and nothing in it can be read."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


def test_an_incident_open_in_the_backup_goes_on_after_the_disk_was_lost_in_its_one_ticket(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config()
    target.status = 503
    first = start(config)
    first.wait_for_line(r"orders-service: pending => open")
    (ticket,) = wait_until(lambda: list((first.state / "tickets").glob("*.md")), "the ticket")
    (before,) = first.incidents()
    backup = monitor(config, "backup", "b.tar.gz")
    assert backup.returncode == 0, backup.stderr
    assert "1 incidents (1 live)" in backup.stdout
    refused = monitor(config, "restore", "b.tar.gz")
    assert refused.returncode == 3
    assert refused.stderr == (
        f"{first.state}/lock is held by process {first.process.pid}: a daemon already runs on this state folder\n"
    )
    # After the backup: an update that the ticket has and the restored ledger does not know of.
    assert first.cli("incident", "note", "1", "after the backup", "--by", "Grace").returncode == 0
    wait_until(lambda: "after the backup" in ticket.read_text(), "the note in the ticket")
    first.terminate(120)

    overwrite(first.state / "ledger.sqlite")
    broken = monitor(config, "run")
    assert broken.returncode == 3
    assert "put a backup in its place with `monitor restore FILE`" in broken.stderr
    assert monitor(config, "restore", "b.tar.gz").returncode == 0

    second = start(config)
    second.wait_for_line(r"watchkeeper: ledger restored: restored at \S+ from a backup made at \S+; \d+ effects")
    (after,) = second.incidents()
    assert (after["id"], after["number"], after["state"]) == (before["id"], before["number"], "open")
    assert second.cli("incident", "note", "1", "after the restore", "--by", "Ada").returncode == 0
    # Its place in the ticket must be a new one, or the ticket would be said to have it already.
    wait_until(lambda: "after the restore" in ticket.read_text(), "the later note in the ticket")
    target.status = 200
    second.wait_for_line(r"orders-service: recovering => resolved")
    wait_until(lambda: "Ticket closed" in ticket.read_text(), "the ticket is closed")
    assert [path.name for path in (second.state / "tickets").glob("*.md")] == [ticket.name]
    second.terminate(120)

    third = start(config)
    third.wait_for_line("watching")
    ledger = Ledger.open_read_only(third.state)
    assert [event.name for event in ledger.events()].count("ledger.restored") == 1
    assert "restored:" not in third.log()
    assert ledger.effects(states=(EffectState.WAITING, EffectState.SENDING, EffectState.DEAD)) == ()


def test_a_ledger_that_is_overwritten_under_the_daemon_turns_readiness_red_and_the_watch_goes_on(
    target: Any, write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config()
    daemon = start(config)
    daemon.wait_for_line("watching")
    wait_until(lambda: daemon.ask("status")["ready"], "ready")
    overwrite_all(daemon.state)
    target.status = 503

    missing = wait_until(lambda: ledger_trouble(daemon), "not ready")
    assert "stop the daemon and put a backup in its place: monitor restore FILE" in missing
    asked = len(target.seen)
    wait_until(lambda: len(target.seen) >= asked + 3, "probes go on")
    assert daemon.process.poll() is None
    assert daemon.cli("incident", "list").returncode in (0, 3)
    assert daemon.process.poll() is None


def overwrite_all(state: Path) -> None:
    for name in ("ledger.sqlite", "ledger.sqlite-wal"):
        path = state / name
        size = path.stat().st_size if path.exists() else 0
        with path.open("r+b") as file:
            first = 4096 if name == "ledger.sqlite" and size > 4096 else 0
            file.seek(first)
            file.write(b"\xa5" * (size - first))


def ledger_trouble(daemon: Any) -> str:
    return next((fact for fact in daemon.ask("status")["missing"] if fact.startswith("the ledger")), "")


def test_a_corrupt_history_is_set_aside_and_the_budget_still_knows_the_hours_of_the_ledger(
    write_config: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config()
    document = json.loads(config.read_text())
    slo = {"sli": "success", "objective": "99%", "over": "30d"}
    document["services"]["orders-service"]["slos"] = [slo]
    config.write_text(json.dumps(document))
    state = Path(document["monitor"]["state"])
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    ledger = Ledger.open(state)
    spent = BudgetCheckpoint(check="orders-service/ready", hour=hour, expected=3600, good=1800, bad=1800, unknown=0)
    ledger.write_checkpoints([spent]).result(5)
    ledger.close()
    (state / "history.sqlite").write_bytes(b"not a database at all" * 500)

    before = datetime.now(UTC)
    daemon = start(config)

    daemon.wait_for_line(
        r"history: .*history\.sqlite is corrupt \(file is not a database\); set aside as history\.sqlite\."
    )
    (service,) = wait_until(lambda: daemon.ask("status")["services"], "the service")
    # 1,800 of the 25,920 that may fail of a probe a second in 30 days: half of an hour failed, and the ledger knows it.
    assert service["budget_remaining"] == pytest.approx(1 - 1800 / 25920, abs=0.001)
    since = datetime.fromisoformat(service["budget_incomplete_since"])
    assert before - timedelta(minutes=1) < since <= datetime.now(UTC)
    assert f"incomplete since {since:%Y-%m-%dT%H:%M}Z" in daemon.cli("status").stdout
    assert len(list(state.glob("history.sqlite.corrupt-*Z"))) == 1
