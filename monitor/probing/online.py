"""
Are we online ourselves? Only then is silence the target's fault.

A failure is excused (unknown, "blind") when it is of a kind that our own network can cause and none of at least two
reference targets, asked after the failed attempt began, answered either. To hide a real outage is worse than to
announce a false one: wherever these rules leave a doubt, the failure stands.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Protocol
from urllib.parse import urlsplit

from checks.check import Finding
from checks.exchange import HttpAnswer, HttpRequest, TransportError
from checks.result import Outcome, Reason
from monitor.probing.alarms import Alarms

LONGEST_WAIT = 5.0  # seconds that a result may wait for its excuse
MIN_REFERENCES = 2  # one silent reference may be down itself
_ROUND_EVERY = 1.0  # seconds; a storm of failures must not become a storm of requests to somebody else's site
_TIMEOUT = 3.5  # seconds for one reference: with a round's own wait it stays below LONGEST_WAIT

_SILENCE = frozenset({Reason.DNS, Reason.TIMEOUT, Reason.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Excuse:
    """Whether a failure is ours, and why, as a clause that can follow the failure's own detail."""

    granted: bool
    why: str


def is_local(target: str) -> bool:
    """Whether *target*, a URL or an address, is this machine: no network lies between, so nothing excuses it."""
    try:
        host = urlsplit(target).hostname if "//" in target else target
    except ValueError:
        return True  # whatever it is, nothing excuses it
    host = (host or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return _is_legacy_loopback(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def _is_legacy_loopback(host: str) -> bool:
    """`127.1` and `0x7f000001`, which every resolver still takes for addresses."""
    with suppress(OSError, UnicodeError):
        return socket.inet_aton(host)[0] in (0, 127)
    return False


def may_be_excused(finding: Finding, targets: Callable[[], Iterable[str]], references: int) -> bool:
    """Whether asking the references could change what *finding* says. *targets* tells the URLs that the check asks."""
    if not finding.excusable or references < MIN_REFERENCES or finding.outcome is Outcome.UNKNOWN:
        return False
    answer = finding.answer
    if answer is not None and any(is_local(place) for place in (answer.address, answer.url) if place):
        return False
    return not any(is_local(target) for target in targets())


def answered(answer: HttpAnswer) -> bool:
    """
    Whether anything at all came back from a reference, be it a refusal or a bad certificate.

    A connection that was made counts even if it then stayed silent: packets did travel.
    """
    error = answer.error
    if error is None or answer.status is not None or not error.before_any_byte:
        return True
    timings = answer.timings
    if timings is not None and timings.tls + timings.first_byte + timings.transfer > 0:
        return True
    return error.reason not in _SILENCE and error.reason is not Reason.INTERNAL


def excuse(reason: Reason | None, answers: Sequence[HttpAnswer]) -> Excuse:
    """What the references' *answers*, one of each that was asked, make of a failure for *reason*."""
    asked = [answer for answer in answers if _was_asked(answer)]
    if any(map(answered, asked)):
        return Excuse(False, "a reference target answered")
    if len(asked) < MIN_REFERENCES:
        return Excuse(False, f"only {len(asked)} of the reference targets could be asked")
    if reason is Reason.DNS and not any(_error_reason(answer) is Reason.DNS for answer in asked):
        return Excuse(False, "the reference names did resolve")
    return Excuse(True, f"none of {len(asked)} reference targets answered us either")


def _error_reason(answer: HttpAnswer) -> Reason | None:
    return None if answer.error is None else answer.error.reason


def _was_asked(answer: HttpAnswer) -> bool:
    """A name that does not exist is a slip in the config, and no witness of our network."""
    error = answer.error
    if error is None:
        return True
    return error.reason is not Reason.INTERNAL and (error.reason is not Reason.DNS or error.temporary)


class Submitter(Protocol):
    """What is needed of the engine here."""

    def submit(self, request: HttpRequest, done: Callable[[HttpAnswer], None]) -> None: ...


class _Waiter:
    """One failure that waits for the end of a round; told once."""

    def __init__(self, reason: Reason | None, tell: Callable[[Excuse], None]) -> None:
        self.reason = reason
        self._tell: Callable[[Excuse], None] | None = tell

    def tell(self, verdict: Excuse) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(verdict)


class _Round:
    """Each reference asked once, and the failures that wait for it."""

    def __init__(self, began: float, size: int) -> None:
        self.began = began
        self._missing = size
        self._answers: list[HttpAnswer] = []
        self._waiting: list[_Waiter] = []

    def join(self, waiter: _Waiter) -> None:
        if self._decided:
            waiter.tell(excuse(waiter.reason, self._answers))
        else:
            self._waiting.append(waiter)

    def add(self, answer: HttpAnswer) -> None:
        self._missing -= 1
        self._answers.append(answer)
        if self._decided:
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                waiter.tell(excuse(waiter.reason, self._answers))

    @property
    def _decided(self) -> bool:
        # One answer that came settles it; that none came is known only at the end.
        return self._missing == 0 or any(map(answered, self._answers))


class References:
    """
    Asks the reference targets, at most one round a second for however many failures.

    A round serves the failures that began before it and ended while it was at most a second old; an older one could
    have seen a network that has changed since.
    """

    def __init__(self, engine: Submitter, alarms: Alarms, seconds: Callable[[], float]) -> None:
        self._engine = engine
        self._alarms = alarms
        self._seconds = seconds
        self._urls: tuple[str, ...] = ()
        self._round: _Round | None = None
        self._for_next: list[_Waiter] = []

    def __len__(self) -> int:
        return len(self._urls)

    def replace(self, urls: Iterable[str]) -> None:
        # The same one twice is still one witness.
        self._urls = tuple(dict.fromkeys(urls))

    def judge(self, reason: Reason | None, began: float, at_most: float, tell: Callable[[Excuse], None]) -> None:
        """
        Call *tell* once, at once or within *at_most* seconds.

        Args:
            reason: Why the attempt failed.
            began: When it began, in seconds of the steady timeline.
        """
        now = self._seconds()
        waiter = _Waiter(reason, tell)
        self._alarms.at(now + at_most, lambda: waiter.tell(Excuse(False, "the reference targets took too long")))
        last = self._round
        if last is not None and last.began > began and now - last.began < _ROUND_EVERY:
            last.join(waiter)
            return
        self._for_next.append(waiter)
        if last is None or now - last.began >= _ROUND_EVERY:
            self._begin()
        elif len(self._for_next) == 1:
            self._alarms.at(last.began + _ROUND_EVERY, self._begin)

    def _begin(self) -> None:
        waiting, self._for_next = self._for_next, []
        if not waiting:
            return
        this = self._round = _Round(self._seconds(), len(self._urls))
        for waiter in waiting:
            this.join(waiter)
        for url in self._urls:
            # One byte is an answer, and a redirect is one too.
            request = HttpRequest(url=url, timeout=_TIMEOUT, max_redirects=0, max_body=1)
            try:
                self._engine.submit(request, this.add)
            except Exception as error:  # our own limit or bug: this reference was not asked, which excuses nothing
                this.add(HttpAnswer(error=TransportError(reason=Reason.INTERNAL, detail=repr(error))))
