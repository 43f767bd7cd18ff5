"""One daemon per state folder: two of them would both send."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from monitor.ledger.database import FolderUnusable, LedgerError, make_folder


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
        """Raises AlreadyRunning, or FolderUnusable when nothing can be kept in *folder*."""
        make_folder(folder)
        path = folder / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderUnusable(folder, error) from None
        file = os.fdopen(descriptor, "r+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                raise AlreadyRunning(path, _pid(file.read(32))) from None
        try:
            # Not through the file's buffer: what a full disk refused would be written, and refused, again at its end.
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        except OSError as error:
            file.close()
            raise FolderUnusable(folder, error) from None
        return cls(path, file)

    def tell(self, address: str) -> None:
        """The second line: where the holder listens, for whoever must not pay for reading a whole configuration."""
        with suppress(OSError):  # a full disk: whoever asks then reads the configuration
            os.write(self._file.fileno(), f"{address}\n".encode("ascii", "replace"))

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


def address_in(folder: Path) -> str:
    """
    Where the last holder said that it listens; empty when it has not, or when we may not look. It may be gone by now.

    Takes no lock: a daemon that starts at this very moment would take ours for another daemon's.
    """
    try:
        with (folder / "lock").open(encoding="ascii", errors="replace") as file:
            lines = file.read(512).splitlines()
    except OSError:
        return ""
    return lines[1] if len(lines) > 1 else ""


def _pid(text: str) -> int:
    first = text.partition("\n")[0]
    return int(first) if first.isdigit() else 0
