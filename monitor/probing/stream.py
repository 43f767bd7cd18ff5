"""
Conversations over a connection: libcurl resolves the name and connects, then the socket is ours.

So names, addresses and refusals mean here what they mean to an http check, in the same words.
"""

from __future__ import annotations

import heapq
import os
import select
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from math import inf
from time import monotonic
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import pycurl

from checks.exchange import Answer, TransportError
from checks.family import Family
from checks.result import Reason
from checks.stream import Security, StreamRequest
from checks.urls import clip
from monitor.probing.conversation import Done, Stream, Talk
from monitor.probing.dialogue import Dialogue, Next
from monitor.probing.failures import COULDNT_RESOLVE_HOST, UNRESOLVED, explain
from monitor.probing.hops import Headers, Hop
from monitor.probing.secured import Contexts, Unready, certificates_of, handshake_failed
from monitor.probing.shortage import remedy
from monitor.probing.transfer import HopEnd, end_of_connect
from monitor.probing.travel import resolve_only

_READ: Final = 16_384
_GOODBYE: Final = 1.0
"""Seconds that a target is given for its part of a goodbye, once all has been answered."""
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


class Host(Protocol):
    """The engine, as far as it matters here."""

    bundle: str | None

    def watch(self, fd: int, callback: Callable[[int], None], events: int = ...) -> None: ...
    def unwatch(self, fd: int) -> None: ...
    def unregister(self, fd: int) -> None: ...
    def connect(self, curl: pycurl.Curl, ended: Callable[[int, str], None]) -> None: ...
    def give_back(self, curl: pycurl.Curl) -> None: ...
    def deliver(self, done: Done, answer: Answer) -> None: ...
    def examine(self, answer: Answer, remaining: float, done: Done, ip: Family | None) -> None: ...
    def bug(self, error: BaseException) -> None: ...


def _by_script(request: StreamRequest, _own_headers: Headers) -> Talk:
    return Dialogue(request.script)


class Streams:
    def __init__(self, host: Host, talk: Callable[[Any, Headers], Talk] = _by_script) -> None:
        """*talk*: what is said, given the request and headers of ours for what has headers."""
        self._host = host
        self._talk = talk
        self._contexts = Contexts(host.bundle)
        self._connecting: set[pycurl.Curl] = set()
        self._talking: set[Stream] = set()
        self._deadlines: list[tuple[float, int, Stream]] = []
        self._order = count()

    @property
    def in_flight(self) -> int:
        return len(self._connecting) + len(self._talking)

    @property
    def due(self) -> float:
        """When `expire` has something to do (monotonic)."""
        while self._deadlines and self._deadlines[0][2] not in self._talking:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else inf

    def begin(self, request: StreamRequest, done: Done, own_headers: Headers) -> None:
        try:
            talk = self._talk(request, own_headers)
        except ValueError as error:
            self._impossible(Stream(request, Dialogue(()), done, monotonic()), error)
            return
        stream = Stream(request, talk, done, monotonic())
        self._connect(stream, request.timeout, request.ip.version if request.ip is not None else 0)

    def _connect(self, stream: Stream, timeout: float, family: int) -> None:
        curl, begun = pycurl.Curl(), monotonic()
        try:
            _set_up(curl, stream.request, timeout, family)
            self._host.connect(curl, lambda code, message: self._connected(stream, curl, begun, code, message))
        except (ValueError, TypeError, pycurl.error) as error:
            curl.close()
            self._impossible(stream, error)
            return
        self._connecting.add(curl)

    def _impossible(self, stream: Stream, error: Exception) -> None:
        detail = f"{stream.where} could not be asked: {clip(str(error.args[-1] if error.args else error))}"
        self._end(stream, TransportError(reason=Reason.INTERNAL, detail=detail))

    def _connected(self, stream: Stream, curl: pycurl.Curl, begun: float, code: int, message: str) -> None:
        """libcurl, which began at *begun*, is done: there is a connection, or there is none."""
        self._connecting.discard(curl)
        end = end_of_connect(curl, code, message)
        stream.named, stream.connected = (begun + mark if mark else 0.0 for mark in end.marks[:2])
        stream.address = end.address
        try:
            if not code:
                stream.socket = self._taken_over(curl)
        except OSError as error:
            detail = f"no connection to {stream.where} could be begun: {remedy(error.errno)}"
            self._end(stream, TransportError(reason=Reason.INTERNAL, detail=detail))
            return
        finally:
            self._host.give_back(curl)
        if stream.socket is None:
            self._unconnected(stream, end)
            return
        self._talking.add(stream)
        heapq.heappush(self._deadlines, (stream.deadline, next(self._order), stream))
        self._guarded(stream, self._greet)

    def expire(self, now: float) -> None:
        while self.due <= now:
            stream = self._deadlines[0][2]
            detail = f"no answer within {stream.request.timeout:g} s: {stream.where}, waited for {stream.awaited}"
            self._end(stream, TransportError(reason=Reason.TIMEOUT, detail=detail, before_any_byte=stream.silent))

    def forget_authorities(self) -> None:
        self._contexts.forget()

    def close(self) -> None:
        """Abandon what is in flight: its `done` is not called."""
        for curl in self._connecting:
            self._host.give_back(curl)
        self._connecting.clear()
        for stream in list(self._talking):
            self._hang_up(stream)

    def _taken_over(self, curl: pycurl.Curl) -> socket.socket:
        """The connection by a number of our own. libcurl closes its number with the handle."""
        fd = curl.getinfo(pycurl.ACTIVESOCKET)
        # The kernel forgets a number that is closed only with the last one of its connection. Ours stays open, and the
        # loop would be woken for ever in the name of libcurl's.
        self._host.unregister(fd)
        made = socket.socket(fileno=os.dup(fd))
        made.setblocking(False)
        return made

    def _unconnected(self, stream: Stream, end: HopEnd) -> None:
        request = stream.request
        if end.code in UNRESOLVED and self._asks_for_the_other_family(stream):
            return
        error = explain(Hop(url=request.url, method=""), end, request.timeout, 0)
        if end.code != COULDNT_RESOLVE_HOST:
            self._end(stream, error)
            return
        answer = stream.answer(error)
        self._host.examine(answer, stream.deadline - monotonic(), stream.done, request.ip)

    def _asks_for_the_other_family(self, stream: Stream) -> bool:
        ip, left = stream.request.ip, stream.deadline - monotonic()
        if ip is None or ip.only or stream.fell_back or left <= 0.001:
            return False
        stream.fell_back = True
        self._connect(stream, left, ip.other)
        return True

    def _greet(self, stream: Stream) -> None:
        if stream.request.security is not None and not stream.request.secures_itself:
            self._secure(stream, stream.request.security)
        self._advance(stream)

    def _advance(self, stream: Stream) -> None:
        """As far as it goes without waiting."""
        dialogue = stream.dialogue
        while stream in self._talking:
            if stream.shaking_since:
                if not self._shake(stream):
                    return
            elif stream.unsent:
                if not self._send(stream):
                    return
            elif (due := dialogue.next()) is Next.OVER:
                self._end(stream, None)
            elif due is Next.SEND:
                stream.unsent = dialogue.sending()
                if dialogue.leaving and not stream.left:
                    stream.left = monotonic()
                    heapq.heappush(self._deadlines, (stream.left + _GOODBYE, next(self._order), stream))
            elif due is Next.SECURE:
                self._secure(stream, stream.request.security or Security())
            elif not self._receive(stream):
                return

    def _secure(self, stream: Stream, security: Security) -> None:
        assert stream.socket is not None
        if stream.dialogue.said_too_early:
            detail = f"{stream.where} said more before the TLS handshake than it was asked for"
            self._end(stream, TransportError(reason=Reason.PROTOCOL, detail=detail, before_any_byte=False))
            return
        host = security.name or urlsplit(stream.request.url).hostname or ""
        try:
            context = self._contexts.of(security)
            fd = stream.socket.fileno()
            self._unwatch(stream, fd)
            stream.socket = context.wrap_socket(
                stream.socket, server_hostname=host or None, do_handshake_on_connect=False
            )
        except Unready as error:
            self._end(stream, TransportError(reason=Reason.INTERNAL, detail=str(error)))
        except ValueError as error:
            self._impossible(stream, error)
        except OSError as error:  # it looks at the connection, which may be gone by now
            self._end(stream, handshake_failed(stream.where, error, stream.silent))
        else:
            stream.shaking_since = monotonic()

    def _shake(self, stream: Stream) -> bool:
        """Whether to go on."""
        assert isinstance(stream.socket, ssl.SSLSocket)
        try:
            stream.socket.do_handshake()
        except ssl.SSLWantReadError:
            return self._wait(stream, _IN)
        except ssl.SSLWantWriteError:
            return self._wait(stream, _OUT)
        except OSError as error:
            self._end(stream, handshake_failed(stream.where, error, stream.silent))
            return False
        stream.shook += monotonic() - stream.shaking_since
        stream.shaking_since = 0.0
        stream.certificates = certificates_of(stream.socket)
        stream.protocol = stream.socket.version() or ""
        if stream.request.secures_itself:
            stream.dialogue.secured()
        return True

    def _send(self, stream: Stream) -> bool:
        assert stream.socket is not None
        try:
            sent = stream.socket.send(stream.unsent)
        except ssl.SSLWantReadError:
            return self._wait(stream, _IN)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return self._wait(stream, _OUT)
        except OSError as error:
            self._broke(stream, error)
            return False
        stream.unsent = stream.unsent[sent:]
        return True

    def _receive(self, stream: Stream) -> bool:
        assert stream.socket is not None
        try:
            data = stream.socket.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError):
            return self._wait(stream, _IN)
        except ssl.SSLWantWriteError:
            return self._wait(stream, _OUT)
        except ssl.SSLEOFError:
            data = b""  # closed without a goodbye, as many do
        except OSError as error:
            self._broke(stream, error)
            return False
        if not data:
            stream.dialogue.closed()
            return True
        stream.first = stream.first or monotonic()
        stream.dialogue.hear(data)
        return True

    def _broke(self, stream: Stream, error: OSError) -> None:
        if isinstance(error, ConnectionError):
            when = "before it answered" if stream.silent else "in the middle of its answer"
            found = TransportError(
                reason=Reason.RESET,
                detail=f"{stream.where} reset the connection {when}",
                before_any_byte=stream.silent,
            )
        elif isinstance(error, ssl.SSLError):
            found = handshake_failed(stream.where, error, stream.silent)
        else:
            words = os.strerror(error.errno) if error.errno else clip(str(error))
            detail = f"the connection to {stream.where} broke: {words}"
            found = TransportError(reason=Reason.UNREACHABLE, detail=detail, before_any_byte=stream.silent)
        self._end(stream, found)

    def _wait(self, stream: Stream, interest: int) -> bool:
        assert stream.socket is not None
        if stream.interest != interest:
            self._host.watch(stream.socket.fileno(), lambda _events: self._guarded(stream, self._advance), interest)
            stream.interest = interest
        return False

    def _guarded(self, stream: Stream, act: Callable[[Stream], None]) -> None:
        """Whoever asked must hear of a bug of ours: a `done` that never comes would hold its check for ever."""
        try:
            act(stream)
        except Exception as error:
            self._host.bug(error)
            detail = f"{stream.where} could not be asked: {type(error).__name__} in the probe engine"
            self._end(stream, TransportError(reason=Reason.INTERNAL, detail=detail))

    def _end(self, stream: Stream, error: TransportError | None) -> None:
        if stream.dialogue.leaving:
            error = None
        elif stream.dialogue.failed is not None:  # and not what became of telling the target
            error = _said_of(stream.where, stream.dialogue.failed)
        answer = stream.answer(error)
        self._hang_up(stream)
        self._host.deliver(stream.done, answer)

    def _hang_up(self, stream: Stream) -> None:
        self._talking.discard(stream)
        if stream.socket is not None:
            self._unwatch(stream, stream.socket.fileno())
            stream.socket.close()
            stream.socket = None

    def _unwatch(self, stream: Stream, fd: int) -> None:
        if stream.interest:
            self._host.unwatch(fd)
            stream.interest = 0


def _set_up(curl: pycurl.Curl, request: StreamRequest, timeout: float, family: int) -> None:
    """Raises ValueError, UnicodeError or pycurl.error for what libcurl would not connect to."""
    resolve_only(curl, family)
    target = urlsplit(request.url)
    if target.scheme == "unix":
        curl.setopt(pycurl.UNIX_SOCKET_PATH, target.path)
        curl.setopt(pycurl.URL, "http://localhost/")
    else:
        curl.setopt(
            pycurl.URL,
            f"http://{target.netloc.encode('idna').decode() if not target.netloc.isascii() else target.netloc}/",
        )
    if request.source:
        curl.setopt(pycurl.INTERFACE, f"host!{request.source}")
    curl.setopt(pycurl.CONNECT_ONLY, 1)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.FRESH_CONNECT, 1)
    curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.TIMEOUT_MS, max(1, round(timeout * 1000)))


def _said_of(where: str, error: TransportError) -> TransportError:
    return replace(error, detail=f"{where} {error.detail}")
