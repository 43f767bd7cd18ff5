"""
libcurl's multi interface over somebody else's epoll: which sockets it waits for, when it wants to be woken, what ended.

One for each file of CA certificates: libcurl keeps the parsed certificates of one file per multi handle, and taking
turns between two files would parse the system's hundred and forty certificates, 6 ms of CPU, for every second check.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from typing import Final

import pycurl

_INTEREST: Final = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}

Ended = tuple[pycurl.Curl, int, str]


class Multi:
    """
    Attributes:
        due: When libcurl wants to be woken (monotonic), None when it waits for its sockets alone.
    """

    def __init__(self, epoll: select.epoll, owners: dict[int, Multi], on_bug: Callable[[BaseException], None]) -> None:
        """*owners* is shared: it tells to which multi an event on a descriptor belongs."""
        self.due: float | None = None
        self._epoll = epoll
        self._owners = owners
        self._on_bug = on_bug
        self._flying = 0
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)

    def keep_at_most(self, connections: int) -> None:
        """Of those that wait for their next request. libcurl would keep four for each transfer that is under way."""
        self._multi.setopt(pycurl.M_MAXCONNECTS, max(1, connections))

    def add(self, curl: pycurl.Curl) -> None:
        self._multi.add_handle(curl)
        self._flying += 1

    def remove(self, curl: pycurl.Curl) -> None:
        self._multi.remove_handle(curl)
        self._flying -= 1

    @property
    def idle(self) -> bool:
        return self._flying == 0

    def kick(self) -> list[Ended]:
        """Tell libcurl that the time it asked for, `due`, has come."""
        self.due = None
        return self._advance(pycurl.SOCKET_TIMEOUT, 0)

    def act(self, fd: int, events: int) -> list[Ended]:
        action = 0
        if events & select.EPOLLIN:
            action |= pycurl.CSELECT_IN
        if events & select.EPOLLOUT:
            action |= pycurl.CSELECT_OUT
        if events & (select.EPOLLERR | select.EPOLLHUP):
            action |= pycurl.CSELECT_ERR
        return self._advance(fd, action)

    def close(self) -> None:
        # libcurl waits here for name lookups that it has given up, which is up to ten seconds with a dead resolver.
        closing = threading.Thread(target=self._multi.close, name="close-libcurl", daemon=True)
        closing.start()
        closing.join(timeout=0.2)

    def _advance(self, fd: int, action: int) -> list[Ended]:
        try:
            running = self._multi.socket_action(fd, action)[1]
        except pycurl.error as error:
            self._on_bug(error)
            return []
        ended: list[Ended] = []
        left = running != self._flying
        while left:
            left, well, failed = self._multi.info_read()
            ended += [(curl, 0, "") for curl in well]
            ended += failed
        return ended

    def _on_socket(self, what: int, fd: int, _multi: pycurl.CurlMulti, _data: object) -> None:
        try:
            if what == pycurl.POLL_REMOVE:
                # Not unregistered: libcurl closes it next, and the kernel then forgets it by itself. One that stays
                # open and stirs is sent off by the engine.
                self._owners.pop(fd, None)
            else:
                self._wait_for(fd, _INTEREST[what])
        except Exception as error:  # pycurl would print and swallow it
            self._on_bug(error)

    def _wait_for(self, fd: int, interest: int) -> None:
        # The likely one first: that saves a system call and an exception for each probe. It is wrong where the socket
        # that we knew by this number was closed without a word.
        known = fd in self._owners
        self._owners[fd] = self
        try:
            (self._epoll.modify if known else self._epoll.register)(fd, interest)
        except FileNotFoundError:
            self._epoll.register(fd, interest)
        except FileExistsError:
            self._epoll.modify(fd, interest)

    def _on_timer(self, milliseconds: int) -> None:
        self.due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
