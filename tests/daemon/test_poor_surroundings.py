"""No HOME, no place for temporary files, closed or broken standard streams: the daemon does its work all the same."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NOWHERE = "/nonexistent/folder"


@contextmanager
def running(
    config: Path, environment: Mapping[str, str], prefix: tuple[str, ...] = (), **streams: Any
) -> Iterator[Any]:
    command = [*prefix, sys.executable, "-m", "monitor", "-c", str(config), "run"]
    process = subprocess.Popen(command, env=environment, cwd=config.parent, **streams)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(120)


def ticketed(target: Any, state: Path, wait_until: Callable[..., Any]) -> None:
    """It probes, judges, writes the ledger and the ticket."""
    wait_until(lambda: target.seen, "a probe")
    target.status = 503
    wait_until(lambda: list((state / "tickets").glob("*.md")), "the ticket")


@pytest.mark.parametrize("closed", ["", "0<&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"])
def test_it_works_with_closed_streams(
    closed: str, target: Any, write_config: Callable[..., Path], wait_until: Callable[..., Any], tmp_path: Path
) -> None:
    prefix = ("sh", "-c", f'exec "$@" {closed}', "sh")
    with running(write_config(), {**os.environ}, prefix) as process:
        ticketed(target, tmp_path / "state", wait_until)
        opened = {fd: str(Path(f"/proc/{process.pid}/fd/{fd}").readlink()) for fd in (0, 1, 2)}
        assert not [name for name in opened.values() if "sqlite" in name or "socket" in name], opened
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


def test_it_goes_on_when_whoever_read_its_log_is_gone(
    target: Any, write_config: Callable[..., Path], wait_until: Callable[..., Any], tmp_path: Path
) -> None:
    ours, theirs = socket.socketpair()  # as journald gives it
    with running(write_config(), {**os.environ}, stdout=theirs, stderr=theirs) as process:
        theirs.close()
        wait_until(lambda: target.seen, "a probe")
        ours.close()
        ticketed(target, tmp_path / "state", wait_until)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


def test_it_needs_neither_a_home_nor_a_place_for_temporary_files(
    target: Any, write_config: Callable[..., Path], wait_until: Callable[..., Any], tmp_path: Path
) -> None:
    bare = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH")}
    log = tmp_path / "log"
    with log.open("wb") as stderr, running(write_config(), bare | {"TMPDIR": NOWHERE}, stderr=stderr):
        ticketed(target, tmp_path / "state", wait_until)
        wait_until(lambda: "baselines: " in log.read_text(), "a fitting")
    assert "cannot be fitted" not in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_machine_without_time_zones_is_told_what_to_install(
    tmp_path: Path, write_config: Callable[..., Path]
) -> None:
    config = write_config()
    document = json.loads(config.read_text())
    document["monitor"]["time_zone"] = "Europe/Berlin"
    config.write_text(json.dumps(document))
    hidden = (
        "import sys; sys.modules['tzdata'] = None; sys.argv[0] = 'monitor'; from monitor.__main__ import main; main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", hidden, "-c", str(config), "validate"],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 3
    assert "monitor.time_zone: no time zone is known here" in answer.stderr
    assert "Install tzdata" in answer.stderr
