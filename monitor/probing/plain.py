"""
Plain HTTP asked over our own sockets, on the engine's epoll, for half the CPU that libcurl takes.

One connection is one request, as a check asks whether a newcomer gets in; unless it says that it asks something else.
"""

from __future__ import annotations

import errno
import select
import socket
from math import inf
from time import monotonic
from typing import Final

from monitor.probing.exchange import Exchange
from monitor.probing.failures import COULDNT_CONNECT, RECV_ERROR, SEND_ERROR, TIMED_OUT
from monitor.probing.http1 import Response
from monitor.probing.idle import Idle, IdleConnections
from monitor.probing.plain_request import Place
from monitor.probing.transfer import HopEnd

_KIND: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_READ: Final = 65_536
# What leaves in one segment is never held back for the acknowledgement of another, so it needs no option set.
_ONE_SEGMENT: Final = 1_024
# To a socket that was not connected yet, these are the end of a connection; all others are that none came about.
_HUNG_UP: Final = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})


class Connection:
    """
    One request on its way.

    Attributes:
        deadline, begun, named, connected, first: Monotonic. The last three are when connecting began, when it was done,
            and when the first byte came; 0.0 before that.
        made: When its socket was connected: before it began, where the connection was kept.
        wire: The request.
        unsent: What of it the kernel has not taken yet.
        interest: The epoll events that are waited for.
        tried: How many of the addresses of `place` were tried.
        was_kept: Whether it goes over a connection that an earlier request has made.
    """

    __slots__ = (
        "address", "begun", "connected", "deadline", "exchange", "fd", "first", "interest", "made", "named", "place",
        "response", "socket", "tried", "unsent", "was_kept", "wire",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, place: Place, wire: bytes, now: float) -> None:
        """*now*: when it was asked for."""
        request = exchange.request
        self.exchange = exchange
        self.place = place
        self.wire = wire
        self.unsent: bytes | memoryview = wire
        self.response = Response(
            head=exchange.hop.method == "HEAD", follows=request.max_redirects > 0, max_body=request.max_body
        )
        self.deadline = now + exchange.remaining(now)
        self.begun = self.named = self.connected = self.first = self.made = 0.0
        self.interest = 0
        self.was_kept = False
        self.tried = 0
        self.fd = -1
        self.address: str | None = None
        self.socket: socket.SocketType | None = None


class Plain:
    """
    Attributes:
        flying: By descriptor.
        due: When `expire` may have something to do (monotonic). It may be early, never late: a heap would keep every
            connection that has ended until its deadline.
    """

    def __init__(self, epoll: select.epoll, most_idle: int) -> None:
        self.flying: dict[int, Connection] = {}
        self.idle = IdleConnections(most_idle)
        self.due = inf
        self._epoll = epoll
        self._over: list[socket.SocketType] = []

    def begin(self, connection: Connection) -> HopEnd | None:
        """The end, where it ends at once."""
        connection.begun = monotonic()
        if connection.deadline < self.due:
            self.due = connection.deadline
        if (keep_alive := connection.exchange.request.keep_alive) and (
            idle := self.idle.take(connection.place.host, connection.begun - keep_alive)
        ):
            return self._go_on(connection, idle)
        return self._connect(connection)

    def act(self, connection: Connection, events: int) -> HopEnd | None:
        """What an event on its descriptor leads to; the end, where this was the last one."""
        if not connection.connected:
            return self._try_to_send(connection, monotonic())
        if connection.unsent and not events & ~select.EPOLLOUT:
            return self._send_more(connection)
        return self._receive(connection)

    def expire(self, now: float) -> list[tuple[Connection, HopEnd]]:
        late = [connection for connection in self.flying.values() if connection.deadline <= now]
        ended = [(connection, self._end(connection, now, TIMED_OUT)) for connection in late]
        self.due = min((connection.deadline for connection in self.flying.values()), default=inf)
        return ended

    def drop(self, connection: Connection) -> None:
        if connection.socket is not None:
            self.flying.pop(connection.fd, None)
            # The kernel takes it out of the epoll with this.
            connection.socket.close()
            connection.socket = None
            connection.interest = 0

    def hang_up(self) -> None:
        """
        On targets whose answers are over, all at once: who still has an answer for us does not wait for it meanwhile,
        and a server is woken once for all that leave it.
        """
        if self._over:
            for made in self._over:
                made.close()  # the kernel takes it out of the epoll with this
            self._over.clear()

    def close(self) -> None:
        self.hang_up()
        for connection in list(self.flying.values()):
            self.drop(connection)
        self.idle.close_all()

    def _go_on(self, connection: Connection, idle: Idle) -> HopEnd | None:
        """With a connection that was kept."""
        connection.socket, connection.fd, connection.address = idle.socket, idle.fd, idle.address
        connection.named = connection.begun
        connection.made = idle.made
        connection.was_kept = True
        connection.interest = select.EPOLLIN
        self.flying[idle.fd] = connection
        return self._try_to_send(connection, connection.begun)

    def _begin_anew(self, connection: Connection) -> HopEnd | None:
        """The target had hung up on a connection that was kept, and has not seen this request: RFC 9112, 9.3.1."""
        self.drop(connection)
        connection.unsent = connection.wire
        connection.connected = connection.made = 0.0
        connection.was_kept = False
        return self._connect(connection)

    def _connect(self, connection: Connection) -> HopEnd | None:
        number = 0
        addresses = connection.place.addresses
        while connection.tried < len(addresses):
            family, address = addresses[connection.tried]
            connection.tried += 1
            try:
                made = connection.socket = socket.SocketType(family, _KIND)
            except OSError as error:
                number = 0 if error.errno == errno.EAFNOSUPPORT else error.errno or errno.EIO
                continue
            connection.fd = made.fileno()
            self.flying[connection.fd] = connection
            connection.address = address[0]
            if len(connection.unsent) > _ONE_SEGMENT:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            before = monotonic()
            connection.named = connection.named or before
            number = made.connect_ex(address)
            if number in (0, errno.EINPROGRESS):
                if connection.place.near:
                    # Over the loopback the handshake is done by now, and waiting to be told would cost two calls more.
                    return self._try_to_send(connection, monotonic())
                self._wait_for(connection, select.EPOLLOUT)
                return None
            self.drop(connection)
        return self._end(connection, monotonic(), COULDNT_CONNECT, number)

    def _try_to_send(self, connection: Connection, now: float) -> HopEnd | None:
        """Sending tells whether the connection came about, and if not, why."""
        assert connection.socket is not None
        try:
            sent = connection.socket.send(connection.unsent)
        except BlockingIOError:
            self._wait_for(connection, select.EPOLLOUT)
            return None
        except OSError as error:
            number = error.errno or errno.EIO
            if connection.was_kept:
                return self._begin_anew(connection)
            if number in _HUNG_UP:
                connection.connected = now
                return self._end(connection, now, SEND_ERROR, number)
            self.drop(connection)
            if connection.tried < len(connection.place.addresses):
                return self._connect(connection)
            return self._end(connection, now, COULDNT_CONNECT, number)
        connection.connected = now
        connection.made = connection.made or now
        connection.unsent = memoryview(connection.unsent)[sent:] if sent < len(connection.unsent) else b""
        self._wait_for(connection, select.EPOLLIN | select.EPOLLOUT if connection.unsent else select.EPOLLIN)
        return None

    def _send_more(self, connection: Connection) -> HopEnd | None:
        assert connection.socket is not None
        try:
            sent = connection.socket.send(connection.unsent)
        except BlockingIOError:
            return None
        except OSError as error:
            return self._end(
                connection, monotonic(), SEND_ERROR, error.errno or errno.EIO, f"Send failure: {error.strerror}"
            )
        connection.unsent = connection.unsent[sent:]
        if not connection.unsent:
            self._wait_for(connection, select.EPOLLIN)
        return None

    def _receive(self, connection: Connection) -> HopEnd | None:
        now = monotonic()
        assert connection.socket is not None
        try:
            data = connection.socket.recv(_READ)
        except BlockingIOError:
            return None
        except OSError as error:
            if connection.was_kept and not connection.first:
                return self._begin_anew(connection)
            return self._end(connection, now, RECV_ERROR, error.errno or errno.EIO, f"Recv failure: {error.strerror}")
        if data:
            if not connection.first:
                connection.first = now
            if not connection.response.feed(data):
                return None
        elif connection.was_kept and not connection.first:
            return self._begin_anew(connection)
        else:
            connection.response.end()
        if connection.exchange.request.keep_alive and data and connection.response.persists:
            self._keep(connection)
        return self._end(connection, now, connection.response.code)

    def _keep(self, connection: Connection) -> None:
        assert connection.socket is not None
        del self.flying[connection.fd]
        self.idle.put(
            connection.place.host,
            Idle(connection.fd, connection.socket, connection.made, connection.address),
        )
        connection.socket = None

    def _wait_for(self, connection: Connection, interest: int) -> None:
        if connection.interest == interest:
            return
        (self._epoll.modify if connection.interest else self._epoll.register)(connection.fd, interest)
        connection.interest = interest

    def _end(self, connection: Connection, now: float, code: int, number: int = 0, message: str = "") -> HopEnd:
        if connection.socket is not None:
            self.flying.pop(connection.fd, None)
            self._over.append(connection.socket)
            connection.socket = None
        if code and connection.exchange.request.keep_alive:
            # Who comes next, a retry too, comes as a newcomer.
            self.idle.close_to(connection.place.host)
        begun, response = connection.begun, connection.response
        named, connected, first = connection.named, connection.connected, connection.first
        return HopEnd(
            code=code,
            message=message or response.message,
            errno=number,
            marks=(
                named and named - begun,
                connected and connected - begun,
                0.0,
                first and first - begun,
                now - begun,
            ),
            status=response.status,
            headers=tuple(response.headers),
            headers_ended=response.headers_ended,
            body=bytes(response.body),
            stopped=response.stopped,
            address=connection.address,
            kept=connection.was_kept,
        )
