"""The system's resolver beside the loop: it blocks, so each name is looked up in a thread of its own."""

from __future__ import annotations

import errno
import os
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Host(Protocol):
    """The engine, as far as it matters here."""

    def watch(self, fd: int, callback: Callable[[int], None]) -> None: ...
    def unwatch(self, fd: int) -> None: ...


Addresses = tuple[tuple[socket.AddressFamily, str], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """
    Attributes:
        verdict: The resolver's (EAI_*) where it found nothing; None where it did.
        addresses: In the order in which they are to be tried, each with its family.
        unasked: The errno that kept us from asking it at all; 0 where it was asked.
    """

    verdict: int | None
    addresses: Addresses = ()
    unasked: int = 0


Tell = Callable[[Found], None]


class Resolver:
    """
    Attributes:
        running: Lookups that have not come back. Whoever asks decides how many are enough.
    """

    def __init__(self, host: Host) -> None:
        self.running = 0
        self._host = host
        self._wake: int | None = None
        self._found: queue.SimpleQueue[tuple[Tell, Found]] = queue.SimpleQueue()

    def ask(self, name: str, tell: Tell) -> None:
        """*tell* is called in a later turn of the loop, unless `close` comes first."""
        if self._wake is None:
            self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._host.watch(self._wake, self._collect)
        self.running += 1
        # A daemon thread: one that hangs in the resolver must not keep the process from ending.
        thread = threading.Thread(target=self._look_up, args=(name, tell, self._wake), name="name-lookup", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has none left. It is told as any other: it counts as running until then
            self._found.put((tell, Found(socket.EAI_AGAIN, unasked=errno.EAGAIN)))
            os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        if self._wake is not None:
            self._host.unwatch(self._wake)
            # Not closed: a lookup that still runs would write into whatever has that number by then.
            self._wake = None

    def _look_up(self, name: str, tell: Tell, wake: int) -> None:
        self._found.put((tell, look_up(name)))
        os.eventfd_write(wake, 1)

    def _collect(self, _events: int) -> None:
        if self._wake is not None:
            os.eventfd_read(self._wake)
        while not self._found.empty():
            tell, found = self._found.get()
            self.running -= 1
            tell(found)


def look_up(name: str) -> Found:
    """Blocks for as long as the resolver does."""
    try:
        told = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return Found(error.errno)
    except UnicodeError:
        return Found(socket.EAI_NONAME)  # no name at all, for example a label of more than 63 letters
    except OSError:
        return Found(socket.EAI_AGAIN)
    return Found(None, tuple((family, str(place[0])) for family, _, _, _, place in told))
