"""
Requests that need a token first. One is kept for all that ask for it alike, and renewed before it is needed.

Without a token the target has not been asked: that is our trouble, and unknown. The target's own answer counts alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from time import monotonic
from typing import Any, Final, Protocol

from checks.exchange import Answer, HttpAnswer, HttpRequest, TransportError
from checks.oauth2 import AuthorizedRequest, OAuth2
from checks.result import Reason
from checks.tokens import NoToken, token_of, token_request
from checks.urls import shown
from monitor.probing.hops import Headers

_SHARE: Final = 0.5
"""Of a check's timeout that fetching a token may take; the rest is the target's."""
_RENEWED_IN: Final = 120.0
_GIVEN_UP_IN: Final = 10.0
"""
Seconds before its end at which a token is renewed, while probes go on with it, and from which it is not used any more;
a fifth and a twentieth of its life where that is less.
"""

Done = Callable[[Any], None]


class Host(Protocol):
    """The engine, as far as it matters here."""

    def submit(self, request: HttpRequest, done: Done, own_headers: Headers = ()) -> None: ...
    def deliver(self, done: Done, answer: Answer) -> None: ...


@dataclass(slots=True)
class _Asking:
    """
    Attributes:
        deadline: Monotonic.
        again: Whether the target has refused a token already.
    """

    request: AuthorizedRequest
    done: Done
    own_headers: Headers
    deadline: float
    again: bool = False


@dataclass(slots=True)
class Kept:
    """
    Attributes:
        value: Of the token; empty where there is none.
        renewed: From when on it is renewed, and `ends`: from when on it is not used. Monotonic.
        waiting: Who cannot go on without one.
    """

    value: str = field(default="", repr=False)
    renewed: float = -inf
    ends: float = -inf
    is_fetched: bool = False
    waiting: list[_Asking] = field(default_factory=list)

    def keep(self, value: str, lasts: float | None, now: float) -> None:
        ends = inf if lasts is None else now + lasts
        self.value = value
        self.renewed = ends - min(_RENEWED_IN, (lasts or 0.0) / 5)
        self.ends = ends - min(_GIVEN_UP_IN, (lasts or 0.0) / 20)


_Key = tuple[OAuth2, str | None, str]


class Tokens:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._kept: dict[_Key, Kept] = {}

    @property
    def in_flight(self) -> int:
        return sum(len(kept.waiting) for kept in self._kept.values())

    @property
    def due(self) -> float:
        """When `expire` has something to do (monotonic)."""
        return min((asking.deadline for kept in self._kept.values() for asking in kept.waiting), default=inf)

    def begin(self, request: AuthorizedRequest, done: Done, own_headers: Headers) -> None:
        now = monotonic()
        self._go_on(_Asking(request, done, own_headers, now + request.request.timeout), now)

    def expire(self, now: float) -> None:
        for kept in self._kept.values():
            late = [asking for asking in kept.waiting if asking.deadline <= now]
            kept.waiting = [asking for asking in kept.waiting if asking.deadline > now]
            for asking in late:
                where = shown(asking.request.oauth2.token_url)
                self._give_up(asking, f"no answer within {asking.request.request.timeout:g} s: {where}")

    def forget_authorities(self) -> None:
        """Who is trusted is the engine's business. A token that was given is one."""

    def close(self) -> None:
        """Abandon what waits: its `done` is not called."""
        self._kept.clear()

    def _go_on(self, asking: _Asking, now: float) -> None:
        kept = self._kept_for(asking.request, now)
        if now >= kept.renewed and not kept.is_fetched:
            try:
                self._fetch(kept, asking, now)
            except ValueError as error:  # a secret that is no text, as a variable of other bytes is
                self._give_up(asking, f"its request cannot be written: {type(error).__name__}")
                return
        if now >= kept.ends:
            kept.waiting.append(asking)
        if now < kept.ends:
            self._ask(kept, asking, was_kept=True)

    def _kept_for(self, request: AuthorizedRequest, now: float) -> Kept:
        way = request.request.way
        key = request.oauth2, request.request.ca_file, way.proxy if way is not None else ""
        kept = self._kept.get(key)
        if kept is None:
            # Of checks that were taken out of the config nobody tells us.
            for gone in [one for one, old in self._kept.items() if now >= old.ends and not old.waiting]:
                del self._kept[gone]
            kept = self._kept[key] = Kept()
        return kept

    def _fetch(self, kept: Kept, asking: _Asking, now: float) -> None:
        """Raises ValueError, and then nothing is under way."""
        wanted = asking.request
        request = token_request(wanted.oauth2, wanted.request, wanted.request.timeout * _SHARE)
        kept.is_fetched = True
        self._host.submit(request, partial(self._fetched, kept, now), asking.own_headers)

    def _fetched(self, kept: Kept, since: float, answer: HttpAnswer) -> None:
        kept.is_fetched = False
        try:
            token = token_of(answer)
        except NoToken as error:
            waiting, kept.waiting = kept.waiting, []
            for asking in waiting:
                self._give_up(asking, str(error))
            return
        kept.keep(token.value, token.lasts, since)
        waiting, kept.waiting = kept.waiting, []
        for asking in waiting:
            self._ask(kept, asking, was_kept=False)

    def _ask(self, kept: Kept, asking: _Asking, was_kept: bool) -> None:
        request = asking.request.request
        whole = was_kept and not asking.again
        authorized = replace(
            request,
            headers=(*request.headers, ("Authorization", f"Bearer {kept.value}")),
            timeout=request.timeout if whole else max(0.001, round(asking.deadline - monotonic(), 3)),
        )
        answered = partial(self._answered, kept, asking, kept.value, was_kept)
        self._host.submit(authorized, answered, asking.own_headers)

    def _answered(self, kept: Kept, asking: _Asking, token: str, was_kept: bool, answer: HttpAnswer) -> None:
        if answer.status == 401 and was_kept and not asking.again:
            # Taken back before its end, or from before a restart of whoever gave it.
            if kept.value == token:
                kept.renewed = kept.ends = -inf
            asking.again = True
            self._go_on(asking, monotonic())
            return
        asking.done(_without(token, answer))

    def _give_up(self, asking: _Asking, why: str) -> None:
        request = asking.request.request
        error = TransportError(
            reason=Reason.INTERNAL, detail=f"{shown(request.url)} was not asked, without a token: {why}"
        )
        self._host.deliver(asking.done, HttpAnswer(url=request.url, error=error))


def _without(token: str, answer: HttpAnswer) -> HttpAnswer:
    """
    *answer* with asterisks for the token: a target may say again what it heard, and the daemon, which masks secrets,
    does not know this one.
    """
    stars = "*" * len(token)
    if token.encode() not in answer.body and all(token not in value for _, value in answer.headers):
        return answer
    return replace(
        answer,
        body=answer.body.replace(token.encode(), stars.encode()),
        headers=tuple((name, value.replace(token, stars)) for name, value in answer.headers),
    )
