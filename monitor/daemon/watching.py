"""
Notices that the configuration has changed, and reads it, in a thread: the loop neither waits for a disk nor for YAML.

By looking every two seconds and not by inotify: inotify watches inodes, and tells nothing where a folder is mounted
from elsewhere (bind mounts, network file systems) or where a link is turned around to another folder (ConfigMaps).
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from monitor.config import Config, ConfigError, Stamps, load, stamps

EVERY = 2.0
"""Seconds between two looks, and for how long at least a file must have stood still: longer than any clock of a file
system is coarse, so that a file that was read looks different after every later change."""


@dataclass(slots=True)
class Settling:
    """
    Says when what changed is worth reading: once it looked the same twice, or half of a file would be read.

    Attributes:
        read: How the files looked when they were last read.
    """

    read: Stamps
    _changed: Stamps | None = None

    def is_due(self, seen: Stamps) -> bool:
        """*seen*: how they look now."""
        if seen == self.read:
            self._changed = None
            return False
        if seen == self._changed:
            return True
        self._changed = seen
        return False


class ConfigWatch:
    """
    Args:
        paths: Files and folders, as `load` takes them.
        first: What they held when the daemon started.
        tell: Called in the watching thread with what was read, or with all that is wrong with it.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        environ: Mapping[str, str],
        first: Config,
        tell: Callable[[Config | ConfigError], None],
        every: float = EVERY,
    ) -> None:
        self._paths = paths
        self._environ = environ
        self._tell = tell
        self._every = every
        self._settling = Settling(first.read_from())
        self._asked = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="config", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def read_now(self) -> None:
        """Whatever the files look like. For a signal handler: it only sets a mark."""
        self._asked.set()

    def stop(self) -> None:
        """Nothing more is told. The thread ends by itself: it may be in the middle of a large file."""
        self._stopping = True
        self._asked.set()

    def _run(self) -> None:
        while not self._stopping:
            is_asked = self._asked.wait(self._every)
            self._asked.clear()
            if not self._stopping and (is_asked or self._settling.is_due(stamps(self._paths, self._settling.read))):
                self._read()

    def _read(self) -> None:
        found: Config | ConfigError
        # The collector would walk through everything there is again and again while YAML becomes a million objects,
        # and nothing else runs meanwhile: with ten thousand checks 0.2 s at a time.
        gc.disable()
        try:
            found = load(self._paths, self._environ)
        except ConfigError as error:
            found = error
        except Exception as error:  # a bug of ours; the watching goes on, and the next change is another chance
            logger.opt(exception=error).error("config: reading it failed in our own code; the one before stays")
            self._settling.read = stamps(self._paths, self._settling.read)
            return
        finally:
            gc.enable()
        self._settling = Settling(found.read_from() if isinstance(found, Config) else found.read_from)
        if not self._stopping:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._tell(found)
