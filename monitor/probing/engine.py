"""
The probe engine, in one thread over one epoll: our own sockets for plain HTTP where the address is known, and libcurl's
multi interface, driven by its socket and timer callbacks, for everything else.

Nothing that a target answers can make `turn` raise. Our own bugs, in callbacks, go to `on_bug`: caught, never lost.
"""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Protocol, TypeVar

import pycurl

from checks.datagram import DatagramRequest, DnsRequest, EchoRequest
from checks.exchange import Answer, HttpRequest
from checks.family import Family
from checks.kinds import Request
from checks.oauth2 import AuthorizedRequest
from checks.process import ProcessRequest
from checks.steps import JourneyRequest
from checks.stream import StreamRequest, WebSocketRequest
from monitor.probing.exchange import Exchange
from monitor.probing.failures import COULDNT_RESOLVE_HOST, OK
from monitor.probing.hops import Headers, Hop, first_hop
from monitor.probing.multi import Ended, Multi
from monitor.probing.names import NameDoctor
from monitor.probing.plain import Connection, Plain
from monitor.probing.plain_request import place_of, wire_of
from monitor.probing.sessions import Sessions
from monitor.probing.transfer import HopEnd, Stopped, Transfer, system_bundle

T = TypeVar("T")

# What asks otherwise than by HTTP alone, by the type of its requests. Most probers never need it, nor what it imports.
_TRANSPORTS: Final = {
    AuthorizedRequest: ("monitor.probing.tokens", "Tokens"),
    StreamRequest: ("monitor.probing.stream", "Streams"),
    WebSocketRequest: ("monitor.probing.websocket", "websockets"),
    DatagramRequest: ("monitor.probing.udp", "exchanges"),
    DnsRequest: ("monitor.probing.dns", "name_servers"),
    EchoRequest: ("monitor.probing.echo", "echoes"),
    ProcessRequest: ("monitor.probing.process", "Processes"),
    JourneyRequest: ("monitor.probing.journey", "Journeys"),
}


class Transport(Protocol):
    """
    Attributes:
        in_flight: Requests whose `done` has not been called yet.
        due: When `expire` has something to do (monotonic seconds, or infinity).
    """

    @property
    def in_flight(self) -> int: ...
    @property
    def due(self) -> float: ...
    def begin(self, request: Any, done: Callable[[Any], None], own_headers: Headers) -> None: ...
    def expire(self, now: float) -> None: ...
    def forget_authorities(self) -> None: ...
    def close(self) -> None: ...


# What is kept between bursts. A handle costs about 10 KB; making one costs as much CPU as a tenth of a check.
_POOL = 256
# Plain requests that go out at once. Each waits until the others are prepared, some 30 us each: its deadline counts
# from when it was asked for, its timings from when it went out.
_TOGETHER = 16


class Engine:
    """
    Attributes:
        bundle: The file of the authorities that this machine trusts.
    """

    def __init__(
        self,
        on_bug: Callable[[BaseException], None],
        most_idle: int = 100,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            most_idle: Connections that are kept for a next request; half of them are libcurl's.
            seconds: By which sessions grow old.
        """
        self._on_bug = on_bug
        self._most_idle = most_idle // 2
        self._sessions = Sessions(seconds)
        self._epoll = select.epoll()
        self._multis: dict[str | None, Multi] = {}
        self._retired: list[Multi] = []
        self._owners: dict[int, Multi] = {}
        self.bundle = system_bundle()
        self._pool: list[Transfer] = []
        self._plain = Plain(self._epoll, self._most_idle)
        self._starting: list[Connection] = []
        self._flying: dict[pycurl.Curl, tuple[Transfer, Exchange, Multi]] = {}
        self._ready: deque[tuple[Callable[[Any], None], Answer]] = deque()
        self._watched: dict[int, Callable[[int], None]] = {}
        self._doctor = NameDoctor(self)
        self._transports: dict[type, Transport] = {}
        self._lent: dict[pycurl.Curl, Callable[[int, str], None]] = {}

    @property
    def in_flight(self) -> int:
        """Requests whose `done` has not been called yet."""
        others = sum(transport.in_flight for transport in self._transports.values())
        plain = len(self._starting) + len(self._plain.flying)
        return len(self._flying) + plain + len(self._ready) + self._doctor.waiting + others

    def submit(self, request: Request, done: Callable[[Any], None], own_headers: Headers = ()) -> None:
        """
        Start *request*; *done* is called once with its answer, from a later `turn`, never from here.

        Args:
            own_headers: Ours and not the config's: they go to whatever host a redirect leads to.
        """
        if type(request) is not HttpRequest:
            self._transport_for(type(request)).begin(request, done, own_headers)
            return
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
        self._kick(time.monotonic())
        if self._ready:
            self._deliver()
        # Nothing that was asked for may be left when we wait: not what `_deliver` has just led to either.
        if self._starting:
            self._start_together()
        for fd, events in self._epoll.poll(self._wait(timeout, time.monotonic())):
            if (connection := self._plain.flying.get(fd)) is not None:
                self._advance(connection, events)
            elif (callback := self._watched.get(fd)) is not None:
                self._guarded(callback, events)
            elif (owner := self._owners.get(fd)) is not None:
                self._end_all(owner.act(fd, events))
            elif not self._plain.idle.close(fd):
                self.unregister(fd)
        now = time.monotonic()
        self._kick(now)
        self._expire(now)
        self._plain.hang_up()
        if self._retired:
            self._close_retired()
        if self._doctor.waiting:
            self._doctor.give_up(now)
        if self._ready:
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
            self.unregister(fd)

    def unregister(self, fd: int) -> None:
        """Nobody waits for it any more. It would end every wait at once, were it left."""
        try:
            self._epoll.unregister(fd)
        except OSError:
            return  # closed by its owner: the kernel has forgotten it already

    def forget_authorities(self) -> None:
        """What begins from now on reads its file of CA certificates anew: it may hold others, or be of no more use."""
        self._sessions.forget()
        for ca_file in [ca_file for ca_file in self._multis if ca_file is not None]:
            self._retired.append(self._multis.pop(ca_file))
        self._close_retired()
        for transport in self._transports.values():
            transport.forget_authorities()

    def close(self) -> None:
        """Abandon what is in flight: its `done` is not called."""
        for curl, (transfer, _, multi) in self._flying.items():
            multi.remove(curl)
            transfer.curl.close()
        self._flying.clear()
        self._starting.clear()
        self._plain.close()
        for transport in self._transports.values():
            transport.close()
        self._ready.clear()
        for transfer in self._pool:
            transfer.curl.close()
        self._pool.clear()
        self._doctor.close()
        for multi in self._all_multis():
            multi.close()
        self._epoll.close()

    def _start(self, exchange: Exchange, now: float) -> None:
        place = place_of(exchange.hop.url) if exchange.request.way is None else None
        wire = wire_of(exchange.request, exchange.hop, exchange.own_headers, place) if place is not None else None
        if place is None or wire is None:
            self._start_transfer(exchange, now)
            return
        self._starting.append(Connection(exchange, place, wire, now))
        if len(self._starting) >= _TOGETHER:
            self._start_together()

    def _start_together(self) -> None:
        """
        What was asked for one after the other goes out at once: a server that is woken for the first finds the others
        there, and it costs us something to wake one, most of all one on this machine.
        """
        starting, self._starting = self._starting, []
        for connection in starting:
            self._advance(connection)

    def _advance(self, connection: Connection, events: int | None = None) -> None:
        """Without *events* it begins."""
        try:
            end = self._plain.begin(connection) if events is None else self._plain.act(connection, events)
        except Exception as error:
            self._plain.drop(connection)
            self._break(connection.exchange, error)
            return
        if end is not None:
            self._hop_ended(connection.exchange, end)

    def _start_transfer(self, exchange: Exchange, now: float) -> None:
        transfer = self._pool.pop() if self._pool else Transfer(self.bundle)
        request, hop = exchange.request, exchange.hop
        multi = self._multi_for(request.ca_file)
        try:
            # Only to the host that is configured: a target could otherwise send us to ever new ones.
            session = self._sessions.of(request) if hop.trusted else None
            transfer.begin(
                request,
                hop,
                exchange.own_headers,
                exchange.remaining(now),
                exchange.cookies,
                exchange.family,
                session,
            )
            multi.add(transfer.curl)
        except (ValueError, TypeError, pycurl.error) as error:
            transfer.curl.close()
            self._ready.append((exchange.done, exchange.impossible(error)))
            return
        self._flying[transfer.curl] = transfer, exchange, multi

    def _multi_for(self, ca_file: str | None) -> Multi:
        multi = self._multis.get(ca_file)
        if multi is None:
            multi = self._multis[ca_file] = Multi(self._epoll, self._owners, self._on_bug)
            for each in self._multis.values():
                each.keep_at_most(self._most_idle // len(self._multis))
        return multi

    def connect(self, curl: pycurl.Curl, ended: Callable[[int, str], None]) -> None:
        """
        Let libcurl make the connection that *curl* describes; *ended* is called with its verdict, from a later `turn`.

        Raises pycurl.error for what libcurl does not take.
        """
        self._multi_for(None).add(curl)
        self._lent[curl] = ended

    def give_back(self, curl: pycurl.Curl) -> None:
        """Nobody needs *curl* any more: its connection ends with it."""
        self._lent.pop(curl, None)
        self._multi_for(None).remove(curl)
        curl.close()

    def _transport_for(self, kind: type) -> Transport:
        transport = self._transports.get(kind)
        if transport is None:
            module, name = _TRANSPORTS[kind]
            transport = self._transports[kind] = getattr(import_module(module), name)(self)
        return transport

    def _all_multis(self) -> tuple[Multi, ...]:
        return (*self._multis.values(), *self._retired)

    def _close_retired(self) -> None:
        for multi in [multi for multi in self._retired if multi.idle]:
            self._retired.remove(multi)
            multi.close()

    def _wait(self, timeout: float, now: float) -> float:
        if self._ready:
            return 0.0
        until = min(now + timeout, self._plain.due)
        for transport in self._transports.values():
            until = min(until, transport.due)
        if self._multis or self._retired:
            until = min([until, *(multi.due for multi in self._all_multis() if multi.due is not None)])
        if self._doctor.waiting and (due := self._doctor.due) is not None and due < until:
            until = due
        return until - now if until > now else 0.0

    def _kick(self, now: float) -> None:
        if self._multis or self._retired:
            due = [multi for multi in self._all_multis() if multi.due is not None and multi.due <= now]
            for multi in due:
                self._end_all(multi.kick())

    def _expire(self, now: float) -> None:
        """
        Only after what came was read: an answer that waits here while we were held up is no target's silence. Libcurl
        looks at its clock first.
        """
        if self._plain.due <= now:
            for connection, end in self._plain.expire(now):
                self._hop_ended(connection.exchange, end)
        for transport in self._transports.values():
            try:
                transport.expire(now)
            except Exception as error:  # of one kind; without this it would end the prober, and with it all of them
                self._on_bug(error)

    def _end_all(self, ended: list[Ended]) -> None:
        for curl, code, message in ended:
            self._ended(curl, code, message)

    def _ended(self, curl: pycurl.Curl, code: int, message: str) -> None:
        if (ended := self._lent.get(curl)) is not None:
            ended(code, message)
            return
        transfer, exchange, multi = self._flying.pop(curl)
        end = transfer.end(code, message)
        multi.remove(curl)
        is_clean = transfer.rest()
        # What it had of headers that broke off, libcurl puts before the next answer to the same handle.
        whole = code == OK and end.status is not None and end.headers_ended
        whole = whole or end.stopped in (Stopped.REDIRECT, Stopped.BODY)
        if is_clean and whole and len(self._pool) < _POOL:
            self._pool.append(transfer)
        else:
            transfer.curl.close()
        self._hop_ended(exchange, end)

    def _hop_ended(self, exchange: Exchange, end: HopEnd) -> None:
        try:
            self._conclude(exchange, end)
        except Exception as error:
            self._break(exchange, error)

    def _break(self, exchange: Exchange, error: Exception) -> None:
        """Whoever asked must hear of a bug of ours: a `done` that never comes would hold its check for ever."""
        self._on_bug(error)
        self._ready.append((exchange.done, exchange.broken(error)))

    def _conclude(self, exchange: Exchange, end: HopEnd) -> None:
        now = time.monotonic()
        answer = exchange.conclude(end, now)
        if answer is None:
            self._start(exchange, now)
        elif end.code == COULDNT_RESOLVE_HOST:
            way = exchange.request.way
            self._doctor.examine(answer, exchange.remaining(now), exchange.done, way.ip if way is not None else None)
        else:
            self._ready.append((exchange.done, answer))

    def deliver(self, done: Callable[[Any], None], answer: Answer) -> None:
        """Hand *answer* over at the end of this turn."""
        self._ready.append((done, answer))

    def examine(self, answer: Answer, remaining: float, done: Callable[[Any], None], ip: Family | None) -> None:
        """Hand *answer*, of a name that was not resolved, over with the resolver's verdict. *ip*: what was wanted."""
        self._doctor.examine(answer, remaining, done, ip)

    def bug(self, error: BaseException) -> None:
        self._on_bug(error)

    def _deliver(self) -> None:
        # Only what is here now: a callback that submits what cannot be sent would otherwise never let go.
        for _ in range(len(self._ready)):
            done, answer = self._ready.popleft()
            try:
                done(answer)
            except Exception as error:
                self._on_bug(error)

    def _guarded(self, callback: Callable[[T], None], argument: T) -> None:
        try:
            callback(argument)
        except Exception as error:
            self._on_bug(error)
