"""
The probe engine: libcurl's multi interface, driven by its socket and timer callbacks over one epoll, in one thread.

Nothing that a target answers can make `turn` raise. Our own bugs, in callbacks, go to `on_bug`: caught, never lost.
"""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import pycurl

from checks.exchange import HttpAnswer, HttpRequest
from monitor.probing.exchange import Exchange
from monitor.probing.failures import COULDNT_RESOLVE_HOST
from monitor.probing.hops import Headers, Hop, first_hop
from monitor.probing.names import NameDoctor
from monitor.probing.transfer import HopEnd, Transfer, system_bundle

T = TypeVar("T")

# What is kept between bursts. A handle costs about 10 KB; making one costs as much CPU as a tenth of a check.
_POOL = 256

_INTEREST = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


class Engine:
    def __init__(self, on_bug: Callable[[BaseException], None]) -> None:
        self._on_bug = on_bug
        self._epoll = select.epoll()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._bundle = system_bundle()
        self._pool: list[Transfer] = []
        self._flying: dict[pycurl.Curl, tuple[Transfer, Exchange]] = {}
        self._ready: deque[tuple[Callable[[HttpAnswer], None], HttpAnswer]] = deque()
        self._watched: dict[int, Callable[[int], None]] = {}
        self._curl_due: float | None = None
        self._doctor = NameDoctor(self)

    @property
    def in_flight(self) -> int:
        """Requests whose `done` has not been called yet."""
        return len(self._flying) + len(self._ready) + self._doctor.waiting

    def submit(self, request: HttpRequest, done: Callable[[HttpAnswer], None], own_headers: Headers = ()) -> None:
        """
        Start *request*; *done* is called once, from a later `turn`, never from here.

        Args:
            own_headers: Ours and not the config's: they go to whatever host a redirect leads to.
        """
        now = time.monotonic()
        try:
            hop = first_hop(request)
        except ValueError as error:
            exchange = Exchange(request, done, own_headers, Hop(url=request.url, method=request.method), now)
            self._ready.append((done, exchange.impossible(error)))
            return
        self._start(Exchange(request, done, own_headers, hop, now), now)

    def turn(self, timeout: float) -> None:
        """Wait at most *timeout* seconds for something to happen, and deal with everything that did."""
        self._kick()
        self._deliver()
        for fd, events in self._epoll.poll(self._wait(timeout)):
            callback = self._watched.get(fd)
            if callback is not None:
                self._guarded(callback, events)
            else:
                self._act(fd, events)
        self._kick()
        self._doctor.give_up(time.monotonic())
        self._deliver()

    def watch(self, fd: int, callback: Callable[[int], None], events: int = select.EPOLLIN) -> None:
        """Call *callback* with the epoll events of *fd* from `turn`. Watching it again replaces callback and events."""
        if fd in self._watched:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._watched[fd] = callback

    def unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            try:
                self._epoll.unregister(fd)
            except OSError:
                return  # closed by its owner: the kernel has forgotten it already

    def close(self) -> None:
        """Abandon what is in flight: its `done` is not called."""
        for curl, (transfer, _) in self._flying.items():
            self._multi.remove_handle(curl)
            transfer.curl.close()
        self._flying.clear()
        self._ready.clear()
        for transfer in self._pool:
            transfer.curl.close()
        self._pool.clear()
        self._doctor.close()
        # libcurl waits here for name lookups that it has given up, which is up to ten seconds with a dead resolver.
        closing = threading.Thread(target=self._multi.close, name="close-libcurl", daemon=True)
        closing.start()
        closing.join(timeout=0.2)
        self._epoll.close()

    def _start(self, exchange: Exchange, now: float) -> None:
        transfer = self._pool.pop() if self._pool else Transfer(self._bundle)
        try:
            transfer.begin(exchange.request, exchange.hop, exchange.own_headers, exchange.remaining(now))
            self._multi.add_handle(transfer.curl)
        except (ValueError, TypeError, pycurl.error) as error:
            transfer.curl.close()
            self._ready.append((exchange.done, exchange.impossible(error)))
            return
        self._flying[transfer.curl] = transfer, exchange

    def _wait(self, timeout: float) -> float:
        if self._ready:
            return 0.0
        due = min((d for d in (self._curl_due, self._doctor.due) if d is not None), default=None)
        if due is not None:
            timeout = min(timeout, due - time.monotonic())
        return max(0.0, timeout)

    def _kick(self) -> None:
        """Tell libcurl that the time it asked for has come."""
        if self._curl_due is not None and self._curl_due <= time.monotonic():
            self._curl_due = None
            self._advance(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, fd: int, events: int) -> None:
        action = 0
        if events & select.EPOLLIN:
            action |= pycurl.CSELECT_IN
        if events & select.EPOLLOUT:
            action |= pycurl.CSELECT_OUT
        if events & (select.EPOLLERR | select.EPOLLHUP):
            action |= pycurl.CSELECT_ERR
        self._advance(fd, action)

    def _advance(self, fd: int, action: int) -> None:
        try:
            running = self._multi.socket_action(fd, action)[1]
        except pycurl.error as error:
            self._on_bug(error)
            return
        if running == len(self._flying):
            return
        left = 1
        while left:
            left, well, failed = self._multi.info_read()
            for curl in well:
                self._ended(curl, 0, "")
            for curl, code, message in failed:
                self._ended(curl, code, message)

    def _ended(self, curl: pycurl.Curl, code: int, message: str) -> None:
        transfer, exchange = self._flying.pop(curl)
        end = transfer.end(code, message)
        self._multi.remove_handle(curl)
        transfer.rest()
        if len(self._pool) < _POOL:
            self._pool.append(transfer)
        try:
            self._conclude(exchange, end)
        except Exception as error:
            # Whoever asked must hear of it: a `done` that never comes would hold its check for ever.
            self._on_bug(error)
            self._ready.append((exchange.done, exchange.broken(error)))

    def _conclude(self, exchange: Exchange, end: HopEnd) -> None:
        now = time.monotonic()
        answer = exchange.conclude(end, now)
        if answer is None:
            self._start(exchange, now)
        elif end.code == COULDNT_RESOLVE_HOST:
            self._doctor.examine(answer, exchange.remaining(now), exchange.done)
        else:
            self._ready.append((exchange.done, answer))

    def deliver(self, done: Callable[[HttpAnswer], None], answer: HttpAnswer) -> None:
        """Hand *answer* over at the end of this turn."""
        self._ready.append((done, answer))

    def _deliver(self) -> None:
        # Only what is here now: a callback that submits what cannot be sent would otherwise never let go.
        for _ in range(len(self._ready)):
            done, answer = self._ready.popleft()
            self._guarded(done, answer)

    def _guarded(self, callback: Callable[[T], None], argument: T) -> None:
        try:
            callback(argument)
        except Exception as error:
            self._on_bug(error)

    def _on_socket(self, what: int, fd: int, _multi: pycurl.CurlMulti, _data: object) -> None:
        try:
            if what == pycurl.POLL_REMOVE:
                self._epoll.unregister(fd)
                return
            try:
                self._epoll.register(fd, _INTEREST[what])
            except FileExistsError:
                self._epoll.modify(fd, _INTEREST[what])
        except FileNotFoundError:
            return  # closed before we were told: the kernel has forgotten it already
        except Exception as error:  # pycurl would print and swallow it
            self._on_bug(error)

    def _on_timer(self, milliseconds: int) -> None:
        self._curl_due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
