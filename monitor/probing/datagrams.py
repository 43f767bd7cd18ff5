"""
What is asked in datagrams, over our own sockets on the engine's epoll: one is sent, and what comes back is listened to
until it is the answer, or the time is over.

Each socket is connected, so that the kernel hands over what comes from there alone, and a refusal (ICMP) too. Nothing
is sent twice: that a lost datagram is not a failing target is for the check's further attempts to find out.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from math import inf
from time import monotonic
from typing import Any, Final, Protocol

from checks.exchange import Answer, TransportError
from checks.kinds import Request
from checks.result import Reason, Timings
from checks.stream import StreamAnswer
from monitor.probing.failures import reason_of
from monitor.probing.flight import Asked, Flight, NotAllowed, Talk
from monitor.probing.hops import Headers, host_of
from monitor.probing.names import of_family, unasked, unresolved, without_address
from monitor.probing.resolver import Addresses, Found, Resolver
from monitor.probing.shortage import remedy, shortage

Done = Callable[[Any], None]

_LOOKUPS_AT_ONCE: Final = 64
"""Each is a thread; more names than this wait for their turn."""
_HEARD_AT_ONCE: Final = 64


class Host(Protocol):
    """The engine, as far as it matters here."""

    def watch(self, fd: int, callback: Callable[[int], None]) -> None: ...
    def unwatch(self, fd: int) -> None: ...
    def submit(self, request: Request, done: Done) -> None: ...
    def deliver(self, done: Done, answer: Answer) -> None: ...
    def bug(self, error: BaseException) -> None: ...


class Datagrams:
    """
    Attributes:
        due: When `expire` may have something to do (monotonic). It may be early, never late.
    """

    def __init__(self, host: Host, talk: Callable[[Any], Talk]) -> None:
        """*talk*: what is done with a request of this transport."""
        self.due = inf
        self._talk = talk
        self._host = host
        self._resolver = Resolver(host)
        self._unasked: dict[str, None] = {}  # in the order in which they came
        self._named: dict[str, list[Flight]] = {}
        self._flying: set[Flight] = set()

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    def begin(self, request: Asked, done: Done, own_headers: Headers) -> None:  # noqa: ARG002 - nobody to send them to
        """Raises ValueError for what cannot be asked at all."""
        flight = Flight(request, self._talk(request), done, monotonic())
        self._flying.add(flight)
        self.due = min(self.due, flight.deadline)
        self._guarded(flight, self._start)

    def expire(self, now: float) -> None:
        if self.due > now:
            return
        for flight in [flight for flight in self._flying if flight.deadline <= now]:
            detail = f"no answer within {flight.request.timeout:g} s: {flight.where}, waited for {flight.awaited}"
            self._end(flight, TransportError(reason=Reason.TIMEOUT, detail=detail, before_any_byte=not flight.strays))
            self._wait_no_more(flight)
        self.due = min((flight.deadline for flight in self._flying), default=inf)

    def forget_authorities(self) -> None:
        """Nothing is secured here."""

    def close(self) -> None:
        """Abandon what is in flight: its `done` is not called."""
        for flight in list(self._flying):
            self._hang_up(flight)
        self._resolver.close()

    def _start(self, flight: Flight) -> None:
        if self._ask_instead(flight):
            return
        name = host_of(flight.request.url)
        addresses = known_addresses(name)
        if addresses is not None:
            # An address is asked as it stands, as libcurl has it.
            self._send(flight, of_family(addresses, flight.request.ip) or addresses)
            return
        waiting = self._named.setdefault(name, [])
        waiting.append(flight)
        if len(waiting) == 1:
            self._unasked[name] = None
            self._look_up()

    def _look_up(self) -> None:
        while self._unasked and self._resolver.running < _LOOKUPS_AT_ONCE:
            name = next(iter(self._unasked))
            del self._unasked[name]
            self._resolver.ask(name, partial(self._found, name))

    def _wait_no_more(self, flight: Flight) -> None:
        """Whoever asks for that name next has it looked up anew: a lookup may hang for longer than its cause lasts."""
        name = host_of(flight.request.url)
        waiting = self._named.get(name, [])
        if flight in waiting:
            waiting.remove(flight)
            if not waiting:
                del self._named[name]
                self._unasked.pop(name, None)

    def _found(self, name: str, found: Found) -> None:
        self._unasked.pop(name, None)  # who waits for it once more has it now
        self._look_up()
        number = found.unasked or (shortage() if found.verdict is not None else 0)
        for flight in self._named.pop(name, ()):
            if flight not in self._flying:
                continue
            usable = of_family(found.addresses, flight.request.ip)
            if usable:
                self._guarded(flight, partial(self._send, addresses=usable))
            elif found.verdict is None:
                self._end(flight, without_address(name, flight.request.ip))
            else:
                self._end(flight, unasked(name, number) if number else unresolved(name, found.verdict))

    def _send(self, flight: Flight, addresses: Addresses) -> None:
        flight.named = monotonic()
        flight.addresses.extend(addresses)
        self._try_next(flight, None)

    def _try_next(self, flight: Flight, last: OSError | None) -> None:
        """Ask at the next address; without one, *last* is why."""
        while flight.addresses:
            family, address = flight.addresses.popleft()
            try:
                made = flight.socket = flight.talk.open(family)
                if flight.request.source:
                    made.bind((flight.request.source, 0))
                # Flow and scope of an IPv6 address are in its text.
                made.connect((address, flight.port))
                made.send(flight.talk.datagram())
            except OSError as error:
                last = error
                self._drop_socket(flight)
                continue
            flight.address = address
            self._host.watch(made.fileno(), lambda _events: self._guarded(flight, self._hear))
            return
        self._broke(flight, last)

    def _hear(self, flight: Flight) -> None:
        assert flight.socket is not None
        # Whoever floods us gets no more of one turn than this.
        for _ in range(_HEARD_AT_ONCE):
            try:
                if flight.talk.hear(flight.socket):
                    break
                flight.strays += 1
            except BlockingIOError:
                return
            except OSError as error:
                self._drop_socket(flight)
                self._try_next(flight, error)
                return
        else:
            return
        flight.first = monotonic()
        if not self._ask_instead(flight):
            self._end(flight, None)

    def _ask_instead(self, flight: Flight) -> bool:
        left = round(flight.deadline - monotonic(), 3) if flight.first else flight.request.timeout
        request = flight.talk.instead(flight.address, left)
        if request is None:
            return False
        # Begun first: what cannot be begun ends the flight as any bug of ours does.
        self._host.submit(request, partial(self._told, flight))
        self._hang_up(flight)
        return True

    def _told(self, flight: Flight, answer: StreamAnswer) -> None:
        flight.address, error = answer.address or flight.address, answer.error
        if error is None:
            flight.talk.told(answer)
        elif flight.first:
            # It has answered us once already: whatever keeps it from doing so again is not our own network.
            detail = f"the answer was cut, and over TCP: {error.detail}"
            error = replace(error, detail=detail, before_any_byte=False)
        self._conclude(flight, error, flight.timings_with(answer.timings))

    def _broke(self, flight: Flight, error: OSError | None) -> None:
        number = error.errno if error is not None else None
        reason = Reason.INTERNAL if isinstance(error, NotAllowed) else reason_of(number)
        if isinstance(error, NotAllowed):
            detail = f"{flight.where} could not be asked: {error}"
        elif reason is Reason.REFUSED:
            detail = f"{flight.where} refused: nothing listens there"
        elif reason is Reason.INTERNAL:
            detail = f"{flight.where} could not be asked: {remedy(number)}"
        else:
            detail = f"{flight.where} could not be reached: {remedy(number)}"
        self._end(flight, TransportError(reason=reason, detail=detail, before_any_byte=not flight.strays))

    def _guarded(self, flight: Flight, act: Callable[[Flight], None]) -> None:
        """Whoever asked must hear of a bug of ours: a `done` that never comes would hold its check for ever."""
        try:
            act(flight)
        except Exception as error:
            self._host.bug(error)
            if flight in self._flying:
                self._end(flight, _broken(flight, error))
                self._wait_no_more(flight)

    def _end(self, flight: Flight, error: TransportError | None) -> None:
        self._hang_up(flight)
        self._conclude(flight, error, flight.timings())

    def _conclude(self, flight: Flight, error: TransportError | None, timings: Timings | None) -> None:
        fields = {"timings": timings, "address": flight.address, "url": flight.request.url}
        try:
            answer = flight.talk.answer(error, **fields)
        except Exception as bug:
            self._host.bug(bug)
            answer = flight.talk.answer(_broken(flight, bug), **fields)
        self._host.deliver(flight.done, answer)

    def _hang_up(self, flight: Flight) -> None:
        self._flying.discard(flight)
        self._drop_socket(flight)

    def _drop_socket(self, flight: Flight) -> None:
        if flight.socket is not None:
            self._host.unwatch(flight.socket.fileno())
            flight.socket.close()
            flight.socket = None


@lru_cache(maxsize=4096)
def known_addresses(host: str) -> Addresses | None:
    """Of what needs no lookup: an address, and the name that is never looked up (RFC 6761)."""
    if host == "localhost":
        return (socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return None
    return ((family, host),)


def _broken(flight: Flight, bug: Exception) -> TransportError:
    detail = f"{flight.where} could not be asked: {type(bug).__name__} in the probe engine"
    return TransportError(reason=Reason.INTERNAL, detail=detail)
