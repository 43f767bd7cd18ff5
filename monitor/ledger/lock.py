"""One daemon per state folder: two of them would both send."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from monitor.ledger.database import LedgerError, make_folder, opening


class AlreadyRunning(LedgerError):
    """
    Attributes:
        pid: Of the process that holds the lock; 0 when it has not written it yet.
    """

    def __init__(self, path: Path, pid: int) -> None:
        super().__init__(f"{path} is held by process {pid or 'unknown'}: a daemon already runs on this state folder")
        self.pid = pid


@dataclass(frozen=True, slots=True)
class StateLock:
    """
    An exclusive flock on `lock` in the state folder. The kernel lets go of it when the process ends, however it ends,
    so a lock file that is left behind says nothing. Children do not inherit it.
    """

    path: Path
    _file: IO[str]

    @classmethod
    def acquire(cls, folder: Path) -> StateLock:
        """Raises AlreadyRunning, or LedgerUnusable when nothing can be kept there."""
        path = folder / "lock"
        with opening(path):
            make_folder(folder)
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                raise AlreadyRunning(path, _pid(file.read(32))) from None
        with opening(path):
            os.truncate(file.fileno(), 0)
            os.write(file.fileno(), f"{os.getpid()}\n".encode("ascii"))
        return cls(path, file)

    def release(self) -> None:
        """The file stays: removing it would let two processes hold two locks of one name."""
        self._file.close()


def holder(folder: Path) -> int | None:
    """The PID of the daemon that runs on *folder*, 0 if it cannot be told, None if there is none. Makes no file."""
    try:
        with (folder / "lock").open(encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _pid(file.read(32))
    except FileNotFoundError:
        pass
    return None


def _pid(text: str) -> int:
    return int(text) if text.strip().isdigit() else 0
