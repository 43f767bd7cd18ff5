"""
Why a name could not be resolved: there is no such name (the target's fault), or nobody could say (perhaps ours).

libcurl reports both with the same words, so a failed lookup is made once more, beside the loop, for the resolver's
own verdict.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Any, Protocol

from checks.exchange import Answer, TransportError
from checks.family import Family
from checks.result import Reason
from checks.urls import clip
from monitor.probing.hops import host_of
from monitor.probing.resolver import Addresses, Found, Resolver
from monitor.probing.shortage import remedy, shortage

# Seconds that the verdict may take. A resolver that is slower than this has not said that there is no such name.
_PATIENCE = 2.0
# Lookups at the same time; with more than this failing at once, the resolver is in trouble and not one name.
_AT_ONCE = 8

_VERDICTS = {
    socket.EAI_NONAME: "there is no such name",
    socket.EAI_NODATA: "the name exists, but has no address",
    socket.EAI_FAIL: "the name server refuses to answer for it",
}

Done = Callable[[Any], None]


class Host(Protocol):
    """The engine, as far as it matters here."""

    def watch(self, fd: int, callback: Callable[[int], None]) -> None: ...
    def unwatch(self, fd: int) -> None: ...
    def deliver(self, done: Done, answer: Answer) -> None: ...


@dataclass(slots=True)
class _Case:
    due: float
    patients: list[tuple[Answer, Done, Family | None]] = field(default_factory=list)


class NameDoctor:
    """
    Attributes:
        waiting: Answers that wait for their verdict. A count, because the loop asks at every turn and mostly it is 0.
    """

    def __init__(self, host: Host) -> None:
        self.waiting = 0
        self._host = host
        self._resolver = Resolver(host)
        self._cases: dict[str, _Case] = {}

    @property
    def due(self) -> float | None:
        """When `give_up` has something to do (monotonic)."""
        return min((case.due for case in self._cases.values()), default=None)

    def examine(self, answer: Answer, remaining: float, done: Done, ip: Family | None = None) -> None:
        """
        Deliver *answer* with the resolver's verdict in it, within *remaining* seconds.

        Args:
            ip: The addresses that were wanted.
        """
        name = host_of(answer.url)
        case = self._cases.get(name)
        if case is None:
            if number := shortage():
                # The resolver needs a socket as well: without one it has asked nobody, and nothing is the target's.
                self._host.deliver(done, _unasked(answer, number))
                return
            patience = min(remaining, _PATIENCE)
            if self._resolver.running >= _AT_ONCE or patience <= 0:
                self._host.deliver(done, _judged(answer, Found(socket.EAI_AGAIN), ip))
                return
            case = self._cases[name] = _Case(monotonic() + patience)
            self._resolver.ask(name, partial(self._close_case, name))
        case.patients.append((answer, done, ip))
        self.waiting += 1

    def give_up(self, now: float) -> None:
        for name in [name for name, case in self._cases.items() if case.due <= now]:
            self._close_case(name, Found(socket.EAI_AGAIN))

    def close(self) -> None:
        self._cases.clear()
        self.waiting = 0
        self._resolver.close()

    def _close_case(self, name: str, found: Found) -> None:
        case = self._cases.pop(name, None)
        for answer, done, ip in case.patients if case else ():
            self.waiting -= 1
            self._host.deliver(done, _judged(answer, found, ip))


def _unasked(answer: Answer, number: int) -> Answer:
    return answer if answer.error is None else replace(answer, error=unasked(host_of(answer.url), number))


def unasked(name: str, number: int) -> TransportError:
    """Nobody was asked for *name*: we had no socket to do it, for the errno *number*."""
    detail = f"the name {clip(name)} could not be looked up: {remedy(number)}"
    return TransportError(reason=Reason.INTERNAL, detail=detail)


def _judged(answer: Answer, found: Found, ip: Family | None) -> Answer:
    error = answer.error
    if error is None:
        return answer
    name = host_of(answer.url)
    if found.unasked:
        return _unasked(answer, found.unasked)
    if found.addresses and not of_family(found.addresses, ip):
        told = without_address(name, ip)
    else:
        told = unresolved(name, found.verdict)
    return replace(answer, error=replace(error, detail=told.detail, temporary=told.temporary))


def unresolved(name: str, verdict: int | None) -> TransportError:
    """What *verdict* of the resolver means to whoever asks *name*. None: it had none when it was asked once more."""
    if verdict is None:
        words = "the lookup failed, and went well a moment later"
    else:
        words = _VERDICTS.get(verdict, "the resolver gave no answer (server failure, or no name server reached)")
    detail = f"the name {clip(name)} could not be resolved: {words}"
    return TransportError(reason=Reason.DNS, detail=detail, temporary=verdict not in _VERDICTS)


def without_address(name: str, ip: Family | None) -> TransportError:
    """It has addresses, and none that may be used."""
    which = f"IPv{ip.version} " if ip is not None else ""
    detail = f"the name {clip(name)} could not be resolved: it has no {which}address"
    return TransportError(reason=Reason.DNS, detail=detail)


def of_family(addresses: Addresses, ip: Family | None) -> Addresses:
    """Those of *addresses* that are used, in their order."""
    if ip is None:
        return addresses
    wanted = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
    found = tuple(one for one in addresses if one[0] == wanted)
    return found if found or ip.only else addresses
