"""`monitor healthy` beside the real daemon: well, busy with nothing, gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def healthy(tmp_path):
    """`healthy("--ready", state=path)` as a HEALTHCHECK asks it: told the state folder and no configuration."""

    def healthy(*arguments: str, state: Path | None = None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WATCHKEEPER", "STATE_DIR"))}
        if state is not None:
            kept["STATE_DIRECTORY"] = str(state)
        return subprocess.run(
            [sys.executable, "-m", "monitor", "-c", "nowhere.yaml", "healthy", *arguments],
            capture_output=True, text=True, timeout=60, cwd=tmp_path, env=kept, check=False,
        )  # fmt: skip

    return healthy


def test_it_is_healthy_from_the_moment_it_answers_until_it_is_gone(write_config, start, healthy, wait_until):
    daemon = start(write_config())
    address = daemon.wait_for_line(r"http://(127\.0\.0\.1:\d+)")[1]

    well = healthy(state=daemon.state)
    assert (well.returncode, well.stdout) == (0, f"ok, at {address}\n")
    wait_until(lambda: healthy("--ready", state=daemon.state).returncode == 0, "every check was heard")

    daemon.kill()
    gone = healthy(state=daemon.state)
    assert (gone.returncode, gone.stdout) == (1, f"no daemon answers at {address}; start it with: monitor run\n")


def test_a_daemon_that_stands_still_is_not_healthy(write_config, start, healthy):
    daemon = start(write_config())
    address = daemon.wait_for_line(r"http://(127\.0\.0\.1:\d+)")[1]
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        stalled = healthy(state=daemon.state)
    finally:
        daemon.process.send_signal(signal.SIGCONT)

    assert stalled.returncode == 1
    assert f"no daemon answers at {address}: timed out" in stalled.stdout


def test_without_a_daemon_in_the_folder_the_configuration_is_asked_for_its_place(healthy, tmp_path):
    for state in (None, tmp_path / "empty"):
        asked = healthy(state=state)

        assert asked.returncode == 3
        assert "nowhere.yaml  there is no such file" in asked.stderr


def test_commands_find_a_daemon_whose_port_the_system_chose(write_config, start):
    config = write_config()
    daemon = start(config)
    daemon.wait_for_line("watching 1 services")

    asked = subprocess.run(
        [sys.executable, "-m", "monitor", "-c", config, "healthy"], capture_output=True, text=True, check=False
    )

    assert asked.returncode == 0, asked.stdout + asked.stderr
