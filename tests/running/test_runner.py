"""Whoever runs a mitigation, and the monitor on the other side: asked, told, and gone in between."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.running.alive import born, is_alive
from monitor.running.meeting import HEARD, SOCKET, YES, address
from monitor.running.runner import speak


class Monitor:
    """Listens in *folder*, and is ended and begun anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begin()

    def begin(self) -> None:
        (self.folder / SOCKET).unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.settimeout(60)
        with address(self.folder) as path:
            self._listening.bind(path)
        self._listening.listen()

    def hears(self) -> tuple[socket.socket, dict[str, Any]]:
        """Who connects, and the first that it says."""
        connection, _ = self._listening.accept()
        connection.settimeout(60)
        return connection, self.next_of(connection)

    def next_of(self, connection: socket.socket) -> dict[str, Any]:
        with connection.makefile("rb") as lines:
            found: dict[str, Any] = json.loads(lines.readline())
            return found

    def end(self, *connections: socket.socket) -> None:
        for each in (*connections, self._listening):
            each.close()


class Runner(threading.Thread):
    def __init__(self, folder: Path, script: str, told_for: float = 60.0) -> None:
        super().__init__()
        self.command = ["sh", "-c", script]
        self.arguments = (folder, "word", self.command, 60.0, told_for)
        self.code: int | None = None
        self.start()

    def run(self) -> None:
        self.code = speak(*self.arguments)

    def ends(self) -> int | None:
        self.join(60)
        assert not self.is_alive()
        return self.code


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    """In a folder whose path is longer than a socket's may be."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    monitor = Monitor(folder)
    yield monitor
    monitor.end()


def test_it_asks_and_runs_after_a_yes_and_ends_once_that_is_heard(monitor: Monitor) -> None:
    runner = Runner(monitor.folder, "echo hello; exit 3")
    connection, asked = monitor.hears()
    assert asked == {"approval": "word", "command": runner.command}

    connection.sendall(YES)
    told = monitor.next_of(connection)
    connection.sendall(HEARD)

    assert runner.ends() == 3
    assert told["approval"] == "word"
    assert (told["ended"]["code"], told["ended"]["output"]) == (3, "hello\n")


@pytest.mark.parametrize("answer", [b"", b"no\n\n"], ids=["silence", "no"])
def test_without_a_yes_nothing_runs(monitor: Monitor, tmp_path: Path, answer: bytes) -> None:
    runner = Runner(monitor.folder, f"touch {tmp_path}/ran")
    connection, _ = monitor.hears()

    connection.sendall(answer)
    connection.close()

    assert runner.ends() == 1
    assert not (tmp_path / "ran").exists()


def test_where_nobody_listens_nothing_runs(tmp_path: Path) -> None:
    assert Runner(tmp_path, f"touch {tmp_path}/ran").ends() == 1
    assert Runner(tmp_path / "gone", f"touch {tmp_path}/ran").ends() == 1
    assert not (tmp_path / "ran").exists()


def test_a_monitor_that_goes_in_its_middle_is_not_missed_and_the_next_is_told(monitor: Monitor, tmp_path: Path) -> None:
    runner = Runner(monitor.folder, f"until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo ended")
    connection, _ = monitor.hears()
    connection.sendall(YES)

    monitor.end(connection)
    (tmp_path / "go").touch()
    monitor.begin()
    successor, told = monitor.hears()
    assert told["ended"]["output"] == "ended\n"

    monitor.end(successor)  # before it has said that it heard
    monitor.begin()
    another, again = monitor.hears()
    another.sendall(HEARD)

    assert again == told
    assert runner.ends() == 0


def test_a_monitor_that_stays_away_is_not_tried_for_ever(monitor: Monitor) -> None:
    runner = Runner(monitor.folder, "exit 4", told_for=0.0)
    connection, _ = monitor.hears()
    connection.sendall(YES)

    monitor.end(connection)

    assert runner.ends() == 4


def test_a_process_is_known_again_by_its_number_and_its_beginning() -> None:
    began = born(os.getpid())

    assert began > 0
    assert is_alive(os.getpid(), began)
    assert is_alive(os.getpid(), 0)  # where /proc showed nothing of it
    assert not is_alive(os.getpid(), began - 1)  # another had the number then
    assert not is_alive(0, 0)


def test_a_process_that_has_ended_is_not_alive_even_before_its_parent_has_looked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = born(child.pid)
    assert is_alive(child.pid, began)

    assert child.stdin is not None
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(child.pid, began)

    child.wait()
    assert not is_alive(child.pid, began)
