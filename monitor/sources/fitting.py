"""
The daemon's side of fitting: starts the short-lived process, looks whether it has ended, and reads what it left.

The baselines of before stay until new ones replace them: a Prometheus that is away makes them old, not absent.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

from loguru import logger

from monitor.core.baseline import Baseline, Level, Signal
from monitor.sources.job import OUT_OF_MEMORY, FitJob
from monitor.sources.job import file_name as file_name

MOST_MEMORY: Final = 2 * 1024**3
"""Bytes: a query that brings far too much ends the fitting process and nothing else on the machine."""
REMEDY: Final = (
    "give the service more memory (MemoryMax=), or narrow the traffic queries; tried again at the next refresh"
)
_SIGNS: Final = ("MemoryError", "Cannot allocate memory", "failed to map segment", "can't start new thread")
"""What Python says last when it could not even get as far as that."""

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the folder: a file is replaced once a day."""
HOURS_KEPT: Final = 10_000
"""Baselines of which one hour stays in memory: 56 MB in all. Those beyond are read anew whenever they are asked for."""
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "TZ", "TZDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Of our environment: the rest may hold secrets that the fitting process has no use for."""


KEPT: Final = "the baselines of before are kept"
"""How a summary ends when the fitting did not go well."""


class BaselineStore:
    """
    Baselines by service, signal and check, read when first asked for and again when their file was replaced.

    A week of one signal is 134 kB, and every check has one. So only the hour that is asked for is kept, about 6 kB, of
    the *keep* that were asked for last; the turn of the hour reads the file again.
    """

    def __init__(self, folder: Path, keep: int = HOURS_KEPT) -> None:
        self._folder = folder
        self._keep = keep
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, service: str, signal: Signal, check: str = "", at: datetime | None = None) -> Baseline | None:
        """As much of it as the hour of *at* needs; without *at* the whole, which is not kept."""
        name = file_name(service, signal, check)
        if at is None:
            return self._read(name, None).baseline
        kept, now = self._kept.get(name), time.monotonic()
        if kept is None or not kept.speaks_for(at) or now - kept.looked_at >= LOOK_EVERY:
            kept = self._kept[name] = self._look(name, kept, at)
            kept.looked_at = now
        self._kept.move_to_end(name)
        if len(self._kept) > self._keep:
            self._kept.popitem(last=False)
        return kept.baseline

    def _look(self, name: str, kept: _Kept | None, at: datetime) -> _Kept:
        try:
            stamp = (self._folder / name).stat().st_mtime_ns
        except OSError:
            stamp = 0
        if kept is not None and kept.speaks_for(at) and stamp in (0, kept.stamp):
            return kept
        return self._read(name, at)

    def _read(self, name: str, at: datetime | None) -> _Kept:
        path = self._folder / name
        stamp = 0
        try:
            stamp = path.stat().st_mtime_ns
            return _Kept(stamp, baseline_of(path.read_bytes(), at), at)
        except FileNotFoundError:
            return _Kept(stamp, None, at)
        except (OSError, ValueError) as problem:
            logger.warning("baseline {} cannot be read and is not used until it is fitted again: {}", path, problem)
            return _Kept(stamp, None, at)


@dataclass(slots=True)
class _Kept:
    """What was read for the hour of `at` from the file as it was at `stamp`; None where there was none to read."""

    stamp: int
    baseline: Baseline | None
    at: datetime | None
    looked_at: float = 0.0

    def speaks_for(self, at: datetime) -> bool:
        return self.baseline is None or (self.at is not None and self.baseline.hour(at) == self.baseline.hour(self.at))


def baseline_of(text: bytes, at: datetime | None) -> Baseline:
    """
    A baseline from its file, with the slots that the hour of *at* needs, or with all of them. Raises ValueError.

    The others are not even decoded: at the turn of the hour ten thousand of these are read in the daemon's loop.
    """
    import msgspec

    try:
        document = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        packed = msgspec.json.decode(document.pop("slots", msgspec.Raw(b"{}")), type=dict[str, msgspec.Raw])
        head = {name: msgspec.json.decode(value) for name, value in document.items()}
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise ValueError(f"not a baseline: {problem}") from None

    def with_slots(hours: Iterable[int]) -> Baseline:
        names = [str(hour) for hour in hours if str(hour) in packed]
        return Baseline.from_json({**head, "slots": {name: msgspec.json.decode(packed[name]) for name in names}})

    if at is not None:
        hour = with_slots(()).hour(at)
        # From the finest on: what the hour of the week says alone, the whole says as well.
        for hours, level in ((hour,), Level.HOUR_OF_WEEK), (range(hour % 24, 168, 24), Level.HOUR_OF_DAY):
            if (found := with_slots(hours)).sample(at).level is level:
                return found
    return with_slots(range(168))


@dataclass(slots=True)
class _Run:
    process: subprocess.Popen[bytes]
    began_at: datetime
    output: IO[bytes]


class Fitter:
    """
    At most one fitting process at a time.

    Attributes:
        trouble: What the last one failed of; empty when it went well.

    Args:
        timeout: Seconds after which it is killed: six weeks of a slow Prometheus take minutes, not an hour.
        memory: Bytes of address space that it may have.
    """

    def __init__(self, folder: Path, timeout: float = 1800.0, memory: int = MOST_MEMORY) -> None:
        self._folder = folder
        self._timeout = timedelta(seconds=timeout)
        self._run: _Run | None = None
        self._memory = memory
        self.trouble = ""

    def start(self, job: FitJob, now: datetime) -> bool:
        """False when one is still at work, or when none can be started; never waits for it."""
        if self._run is not None:
            return False
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Files and not pipes: a job of many services is larger than a pipe, and nobody reads while it works. Here
            # and not in /tmp, which may be full, or not there.
            with tempfile.TemporaryFile(dir=self._folder) as asked:
                asked.write(job.to_json().encode())
                asked.seek(0)
                output = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - it lives as long as the process
                process = _started(self._folder, self._memory, asked, output)
        except OSError as problem:
            self.trouble = f"cannot be started: {problem}; {KEPT}"
            logger.warning("baselines {}", self.trouble)
            return False
        self._run = _Run(process, now, output)
        return True

    def poll(self, now: datetime) -> str | None:
        """What became of it, in one line, once; None while it works or nothing was started."""
        run = self._run
        if run is None:
            return None
        code = run.process.poll()
        is_late = code is None
        if code is None:
            if now - run.began_at <= self._timeout:
                return None
            run.process.kill()
            code = run.process.wait()
        self._run = None
        run.output.seek(0)
        said = run.output.read()[-4096:].decode("utf-8", "replace").strip().splitlines()
        run.output.close()
        summary = _summary(code, said[-1] if said else "", now - run.began_at)
        if is_late:
            summary = f"fitting was ended after {self._timeout.total_seconds():g} s, which is too long; {KEPT}"
        self.trouble = summary if code else ""
        return summary

    def stop(self) -> None:
        if self._run is not None:
            self._run.process.kill()
            self._run.process.wait()
            self._run.output.close()
            self._run = None


def _started(folder: Path, memory: int, asked: IO[bytes], output: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "monitor.sources.fit", str(folder), str(memory)],
        stdin=asked,
        stdout=output,
        stderr=subprocess.STDOUT,
        # A thread per core for sums of a few thousand numbers costs more memory than the sums.
        env=environment | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _summary(code: int, last: str, took: timedelta) -> str:
    if code in (-signal.SIGKILL, OUT_OF_MEMORY) or (code and any(sign in last for sign in _SIGNS)):
        by = "ended by SIGKILL, probably" if code < 0 else "ended"
        return f"fitting was {by} for want of memory after {took.total_seconds():.0f} s: {REMEDY}; {KEPT}"
    try:
        told: Mapping[str, object] = json.loads(last)
    except ValueError:
        return f"fitting ended with status {code}: {last}; {KEPT}"
    fitted = f"{told.get('fitted', 0)} fitted in {took.total_seconds():.0f} s"
    return fitted if code == 0 else f"{fitted}; {told.get('problem')}; {KEPT}"
