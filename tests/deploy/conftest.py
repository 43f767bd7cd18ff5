"""What the examples need to run here: `monitor` on the PATH, a real daemon, and addresses of this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

PATIENCE = 120.0
TOKEN = "a-token-of-the-pipeline"


class Daemon:
    """`monitor run` on a port that the system chose."""

    def __init__(self, folder: Path, target: str) -> None:
        config = folder / "daemon.yaml"
        (folder / "token").write_text(TOKEN)
        document = {
            "monitor": {"state": "state", "listen": "127.0.0.1:0", "token_file": "token"},
            "services": {"orders": {"checks": {"live": {"http": target, "interval": "24h"}}}},
        }
        config.write_text(json.dumps(document))
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "-c", config, "run"], stderr=subprocess.PIPE, text=True, cwd=folder
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._wait(r"http://127\.0\.0\.1:\d+")

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines += iter(self.process.stderr)

    def _wait(self, pattern: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, "".join(self.lines))):
            assert time.monotonic() < deadline, f"no {pattern} within {PATIENCE:g} s: {self.lines}"
            time.sleep(0.05)
        return found[0]

    def incidents(self) -> list[dict[str, Any]]:
        with urlopen(Request(f"{self.url}/api/v1/incidents?state=all"), timeout=60) as answer:
            found: list[dict[str, Any]] = json.load(answer)["incidents"]
            return found

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        self._reader.join(5)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def daemon(tmp_path: Path, httpserver: Any) -> Iterator[Daemon]:
    folder = tmp_path / "daemon"
    folder.mkdir()
    started = Daemon(folder, httpserver.url_for("/elsewhere"))
    yield started
    started.close()


@pytest.fixture
def bash(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`bash(script, **variables)`: as a runner does it, with nothing of this machine's but its PATH."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    command = bin_folder / "monitor"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m monitor "$@"\n')
    command.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()

    def bash(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ: Mapping[str, str] = {"PATH": f"{bin_folder}:{os.environ['PATH']}", **variables}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=work, env=environ, check=False)

    return bash
