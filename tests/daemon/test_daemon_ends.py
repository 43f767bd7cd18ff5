"""SIGTERM ends the daemon in order, whatever the others do meanwhile; and from its first moment on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.history import History
from monitor.ledger.records import EffectState
from monitor.ledger.store import Ledger


@pytest.fixture
def abyss() -> Iterator[str]:
    """An address that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_sigterm_ends_the_daemon_and_its_prober_with_status_zero(
    target: Any,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
    ended: Callable[[int], bool],
) -> None:
    daemon = start(write_config())
    wait_until(lambda: target.seen, "a probe")
    prober = daemon.prober()["pid"]
    status, _ = daemon.terminate(120)
    assert status == 0, daemon.log()
    assert ended(prober)
    assert "Traceback" not in daemon.log()


@pytest.mark.parametrize("collector", ["answers", "hangs"])
def test_sigterm_ends_the_daemon_in_the_middle_of_an_incident(
    collector: str, target: Any, receiver: Any, write_config: Callable[..., Any], start: Callable[..., Any]
) -> None:
    receiver.behaviour.delay = 60.0 if collector == "hangs" else 0.0
    target.status = 503
    daemon = start(write_config(receiver.url))
    daemon.wait_for_line(r"orders-service: pending => open")
    status, _ = daemon.terminate(120)
    assert status == 0, daemon.log()
    assert "Traceback" not in daemon.log()


def test_sigterm_ends_the_daemon_in_order_though_target_webhook_and_collector_hang(
    abyss: str,
    target: Any,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
    wait_until: Callable[..., Any],
    ended: Callable[[int], bool],
    tmp_path: Path,
) -> None:
    config = write_config(abyss)
    document = json.loads(config.read_text())
    hanging = {"http": f"{abyss}/healthz", "interval": "20s", "timeout": "15s"}
    document["services"]["hanging"] = {"checks": {f"check-{n}": hanging for n in range(40)}}
    tickets = str(tmp_path / "tickets")
    document["tracker"] = {"folder": tickets, "webhook": {"url": f"{abyss}/hook", "secret": "of the webhook"}}
    config.write_text(json.dumps(document))
    target.status = 503
    daemon = start(config)
    daemon.wait_for_line(r"orders-service: pending => open")
    wait_until(lambda: daemon.prober()["in_flight"] >= 1, "a probe that hangs")
    wait_until(lambda: EffectState.SENDING in states(daemon)["webhook"], "a post that hangs")
    wait_until(lambda: states(daemon)["folder"] == {EffectState.CONFIRMED}, "the ticket")
    prober = daemon.prober()["pid"]

    status, seconds = daemon.terminate(120)

    print(f"ended after {seconds:.2f} s: {daemon.lines[-4:]}")
    assert status == 0, daemon.log()
    assert "stopped after" in daemon.lines[-1], "in order, and not by the last resort"
    assert "Traceback" not in daemon.log()
    assert ended(prober)
    assert EffectState.SENDING in states(daemon)["webhook"], "the next start asks what became of it"
    assert not (daemon.state / "ledger.sqlite-wal").exists(), "everything is in the one file"


def test_sigterm_ends_the_daemon_though_its_disk_takes_nothing(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    daemon = start(write_config())
    wait_until(lambda: target.seen, "a probe")
    with ExitStack() as held:
        for name in ("ledger.sqlite", "history.sqlite"):
            connection = held.enter_context(closing(sqlite3.connect(daemon.state / name, isolation_level=None)))
            connection.execute("BEGIN IMMEDIATE")
        target.status = 503
        wait_until(lambda: 503 in [status for _, status in target.seen], "a failure, which the ledger cannot take")
        status, seconds = daemon.terminate(120)
    print(f"ended after {seconds:.2f} s: {daemon.lines[-4:]}")
    assert status == 0, daemon.log()
    assert "stopped after" in daemon.lines[-1]
    assert "commits that could not be written" in daemon.log()


def states(daemon: Any) -> dict[str, set[EffectState]]:
    reader = Ledger.open_read_only(daemon.state)
    try:
        found: dict[str, set[EffectState]] = {"folder": set(), "webhook": set()}
        for effect in reader.effects():
            found.setdefault(effect.outlet, set()).add(effect.state)
        return found
    finally:
        reader.close()


def test_results_that_arrive_while_it_ends_are_judged(
    target: Any, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    target.answers.clear()
    config = write_config()
    document = json.loads(config.read_text())
    document["services"]["orders-service"]["checks"]["ready"] |= {"interval": "10s", "timeout": "9s"}
    config.write_text(json.dumps(document))
    target.status = 503
    daemon = start(config)
    wait_until(lambda: target.seen, "a probe waits for its answer")

    daemon.process.send_signal(signal.SIGTERM)
    daemon.wait_for_line("stopping")
    target.answers.set()

    assert daemon.process.wait(120) == 0, daemon.log()
    history = History.open(daemon.state / "history.sqlite")
    kept = history.detector_state("orders-service/ready")
    history.close()
    assert kept is not None, "its failure came after we had been told to stop"
    assert kept["s"] > 0.0


def test_the_second_sigterm_ends_it_at_once(
    abyss: str, write_config: Callable[..., Any], start: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config(abyss)  # what is left for the collector takes two seconds to be given up
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")
    daemon.process.send_signal(signal.SIGTERM)
    daemon.wait_for_line("stopping")
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(120) == 128 + signal.SIGTERM
    assert "stopped after" not in daemon.log()


def test_sigterm_ends_a_start_that_takes_long(tmp_path: Path, wait_until: Callable[..., Any]) -> None:
    with starting(tmp_path) as process:
        wait_until(lambda: handles_signals(process.pid), "its handlers")
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root makes a PID namespace")
def test_sigterm_ends_it_as_pid_one_of_a_container(tmp_path: Path, wait_until: Callable[..., Any]) -> None:
    with starting(tmp_path, "unshare", "--pid", "--fork", "--kill-child") as outer:
        first = wait_until(lambda: child_of(outer.pid), "the first process of the namespace")
        wait_until(lambda: handles_signals(first), "its handlers")
        os.kill(first, signal.SIGTERM)
        assert outer.wait(120) == 0


def starting(folder: Path, *before: str) -> subprocess.Popen[bytes]:
    """A daemon that waits for its configuration, from a pipe that nobody writes into."""
    os.mkfifo(folder / "config.yaml")
    command = [*before, sys.executable, "-m", "monitor", "-c", str(folder / "config.yaml"), "run"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=folder)


def handles_signals(pid: int) -> bool:
    """SIGHUP's is set last: the first process of a container has a handler of SIGTERM that ends it with 143 before."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) & 1 << signal.SIGHUP - 1)


def child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else 0
