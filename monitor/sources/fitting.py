"""
The daemon's side of fitting: starts the short-lived process, looks whether it has ended, and reads what it left.

The baselines of before stay until new ones replace them: a Prometheus that is away makes them old, not absent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from loguru import logger

from monitor.core.baseline import Baseline, Signal
from monitor.sources.job import FitJob

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the folder: a file is replaced once a day."""
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "TZ", "TZDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Of our environment: the rest may hold secrets that the fitting process has no use for."""


KEPT: Final = "the baselines of before are kept"
"""How a summary ends when the fitting did not go well."""


def file_name(service: str, signal: Signal, check: str = "") -> str:
    """Dots are for the parts alone: service a.b and check c are not service a and check b.c."""
    return (
        ".".join(quote(part, safe="").replace(".", "%2E") for part in (service, check, str(signal)) if part) + ".json"
    )


class BaselineStore:
    """Baselines by service, signal and check, read when first asked for and again when their file was replaced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, tuple[int, Baseline | None]] = {}
        self._looked_at: dict[str, float] = {}

    def get(self, service: str, signal: Signal, check: str = "") -> Baseline | None:
        name = file_name(service, signal, check)
        now = time.monotonic()
        if now - self._looked_at.get(name, -LOOK_EVERY) >= LOOK_EVERY:
            self._looked_at[name] = now
            self._look(name)
        return self._kept.get(name, (0, None))[1]

    def _look(self, name: str) -> None:
        path = self._folder / name
        try:
            stamp = path.stat().st_mtime_ns
            if self._kept.get(name, (0, None))[0] == stamp:
                return
            baseline = Baseline.from_json(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as problem:
            logger.warning("baseline {} cannot be read and is not used until it is fitted again: {}", path, problem)
            self._kept[name] = (stamp, None)
            return
        self._kept[name] = (stamp, baseline)


@dataclass(slots=True)
class _Run:
    process: subprocess.Popen[bytes]
    began_at: datetime
    output: IO[bytes]


class Fitter:
    """
    At most one fitting process at a time.

    Args:
        timeout: Seconds after which it is killed: six weeks of a slow Prometheus take minutes, not an hour.
    """

    def __init__(self, folder: Path, timeout: float = 1800.0) -> None:
        self._folder = folder
        self._timeout = timedelta(seconds=timeout)
        self._run: _Run | None = None

    def start(self, job: FitJob, now: datetime) -> bool:
        """False when one is still at work, or when none can be started; never waits for it."""
        if self._run is not None:
            return False
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Files and not pipes: a job of many services is larger than a pipe, and nobody reads while it works.
            with tempfile.TemporaryFile() as asked:
                asked.write(job.to_json().encode())
                asked.seek(0)
                output = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
                process = _started(self._folder, asked, output)
        except OSError as problem:
            logger.warning(
                "baselines cannot be fitted: {}; those of before are kept and it is tried again tomorrow", problem
            )
            return False
        self._run = _Run(process, now, output)
        return True

    def poll(self, now: datetime) -> str | None:
        """What became of it, in one line, once; None while it works or nothing was started."""
        run = self._run
        if run is None:
            return None
        code = run.process.poll()
        if code is None:
            if now - run.began_at <= self._timeout:
                return None
            run.process.kill()
            code = run.process.wait()
        self._run = None
        run.output.seek(0)
        said = run.output.read()[-4096:].decode("utf-8", "replace").strip().splitlines()
        run.output.close()
        return _summary(code, said[-1] if said else "", now - run.began_at)

    def stop(self) -> None:
        if self._run is not None:
            self._run.process.kill()
            self._run.process.wait()
            self._run.output.close()
            self._run = None


def _started(folder: Path, asked: IO[bytes], output: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "monitor.sources.fit", str(folder)],
        stdin=asked,
        stdout=output,
        stderr=subprocess.STDOUT,
        # A thread per core for sums of a few thousand numbers costs more memory than the sums.
        env=environment | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _summary(code: int, last: str, took: timedelta) -> str:
    try:
        told: Mapping[str, object] = json.loads(last)
    except ValueError:
        return f"fitting ended with status {code}: {last}; {KEPT}"
    fitted = f"{told.get('fitted', 0)} fitted in {took.total_seconds():.0f} s"
    return fitted if code == 0 else f"{fitted}; {told.get('problem')}; {KEPT}"
