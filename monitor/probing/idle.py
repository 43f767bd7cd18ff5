"""Connections that wait for their next request: which may be used again, and which have to go."""

from __future__ import annotations

import socket
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Idle:
    """
    Attributes:
        made: When it was connected, monotonic seconds.
        address: Where to.
    """

    fd: int
    socket: socket.SocketType
    made: float
    address: str | None


class IdleConnections:
    """Their sockets stay in the epoll: a target that hangs up is noticed at once and costs no probe."""

    def __init__(self, most: int) -> None:
        """*most* are kept; beyond that the one that has waited longest is closed."""
        self._most = most
        self._waiting: dict[int, tuple[Hashable, Idle]] = {}
        self._by_place: dict[Hashable, list[Idle]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, place: Hashable, made_after: float) -> Idle | None:
        """One to *place*, the last that was put; what was made earlier is closed."""
        for_it = self._by_place.get(place)
        while for_it:
            idle = for_it.pop()
            if not for_it:
                del self._by_place[place]
            del self._waiting[idle.fd]
            if idle.made > made_after:
                return idle
            idle.socket.close()
        return None

    def put(self, place: Hashable, idle: Idle) -> None:
        if len(self._waiting) >= self._most:
            if not self._most:
                idle.socket.close()
                return
            self.close(next(iter(self._waiting)))
        self._waiting[idle.fd] = place, idle
        for_it = self._by_place.get(place)
        if for_it is None:
            for_it = self._by_place[place] = []
        for_it.append(idle)

    def close(self, fd: int) -> bool:
        """Whether *fd* was one of them."""
        if fd not in self._waiting:
            return False
        self._remove(fd).socket.close()
        return True

    def close_to(self, place: Hashable) -> None:
        """All that lead to *place*."""
        for idle in tuple(self._by_place.get(place, ())):
            self.close(idle.fd)

    def close_all(self) -> None:
        for fd in list(self._waiting):
            self.close(fd)

    def _remove(self, fd: int) -> Idle:
        place, idle = self._waiting.pop(fd)
        for_it = self._by_place[place]
        for_it.remove(idle)
        if not for_it:
            del self._by_place[place]
        return idle
