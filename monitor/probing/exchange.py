"""One HttpRequest on its way to its HttpAnswer: hop by hop, within one time budget. Decides; the engine acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from checks.exchange import HttpAnswer, HttpRequest, TransportError
from checks.result import Reason, Timings
from checks.urls import shown
from monitor.probing.failures import UNRESOLVED, explain, phases
from monitor.probing.hops import REDIRECTS, Headers, Hop, follow
from monitor.probing.transfer import HopEnd, Stopped

# Python 3.11 takes as long to find a member in its enum as to call a function.
_NOT_STOPPED, _BY_BODY, _BY_HEADERS = Stopped.NO, Stopped.BODY, Stopped.HEADERS


class Exchange:
    """
    Attributes:
        family: Of the addresses that are asked for now, 4 or 6; 0 for either.
        cookies: In libcurl's form; the request's own and what the hops so far have set, where it wants them sent along.
    """

    __slots__ = ("_redirects", "_started", "_timings", "cookies", "done", "family", "hop", "own_headers", "request")

    def __init__(
        self,
        request: HttpRequest,
        done: Callable[[HttpAnswer], None],
        own_headers: Headers,
        hop: Hop,
        now: float,
    ) -> None:
        self.request = request
        self.done = done
        self.own_headers = own_headers
        self.hop = hop
        self.family = self._preferred() if request.way is not None else 0
        self.cookies = request.jar or ()
        self._started = now
        self._redirects = 0
        self._timings: Timings | None = None

    def remaining(self, now: float) -> float:
        return self.request.timeout - (now - self._started)

    def conclude(self, end: HopEnd, now: float) -> HttpAnswer | None:
        """The answer, or None when `hop` is now the next one to ask, or is to be asked in another `family`."""
        secure = self.hop.url[:6].lower() == "https:"
        took = phases(end.marks, secure, end.status is not None, end.kept)
        self._timings = took if self._timings is None else _added(self._timings, took)
        if end.code in UNRESOLVED and self.remaining(now) > 0.001 and (other := self._other_family()):
            self.family = other
            return None
        # A transfer that we ended ourselves, having what we wanted, is reported by libcurl as a failed write.
        # And headers that are cut off in the middle are no fault to libcurl.
        if end.stopped is _BY_HEADERS or (end.stopped is _NOT_STOPPED and (end.code or not end.headers_ended)):
            return self._answer(end, explain(self.hop, end, self.request.timeout, self._redirects))
        location = self._location(end)
        if location is None:
            return self._answer(end, None)
        if self._redirects >= self.request.max_redirects:
            detail = f"more than {self.request.max_redirects} redirects, the last one from {shown(self.hop.url)}"
            return self._answer(end, TransportError(reason=Reason.PROTOCOL, detail=detail, before_any_byte=False))
        hop = follow(self.hop, end.status or 0, location)
        if isinstance(hop, TransportError):
            return self._answer(end, replace(hop, detail=f"{shown(self.hop.url)} {hop.detail}"))
        if self.remaining(now) <= 0.001:
            detail = f"no answer within {self.request.timeout:g} s: {self._redirects + 1} redirects took all of it"
            return self._answer(end, TransportError(reason=Reason.TIMEOUT, detail=detail, before_any_byte=False))
        self._redirects += 1
        self.hop = hop
        self.family = self._preferred()
        self.cookies = end.cookies
        return None

    def _preferred(self) -> int:
        way = self.request.way
        return way.ip.version if way is not None and way.ip is not None else 0

    def _other_family(self) -> int:
        """0 where there is none that was not asked for yet."""
        ip = self.request.way.ip if self.request.way is not None else None
        return ip.other if ip is not None and not ip.only and self.family == ip.version else 0

    def impossible(self, error: BaseException) -> HttpAnswer:
        """libcurl would not even send it."""
        words = str(error.args[-1] if error.args else error)
        detail = f"{shown(self.hop.url)} could not be asked: {words}"
        if self._redirects:
            return self._answer(
                HopEnd(code=0), TransportError(reason=Reason.PROTOCOL, detail=detail, before_any_byte=False)
            )
        return self._answer(HopEnd(code=0), TransportError(reason=Reason.INTERNAL, detail=detail))

    def broken(self, bug: Exception) -> HttpAnswer:
        """We got something wrong. Its type and not its text, which may quote anything."""
        detail = f"{shown(self.hop.url)} could not be asked: {type(bug).__name__} in the probe engine"
        return self._answer(HopEnd(code=0), TransportError(reason=Reason.INTERNAL, detail=detail))

    def _location(self, end: HopEnd) -> str | None:
        if self.request.max_redirects == 0 or end.status not in REDIRECTS:
            return None
        return next((value for name, value in end.headers if name.lower() == "location"), None)

    def _answer(self, end: HopEnd, error: TransportError | None) -> HttpAnswer:
        return HttpAnswer(
            status=end.status,
            headers=end.headers,
            body=end.body,
            truncated=end.stopped is _BY_BODY,
            timings=self._timings,
            address=end.address,
            url=self.hop.url,
            redirects=self._redirects,
            version=end.version,
            decoded=self.request.way is not None and self.request.way.compressed,
            certificate_left=end.certificate_left,
            expires_at=end.expires_at,
            jar=end.cookies,
            particulars=end.particulars,
            error=error,
        )


def _added(one: Timings, other: Timings) -> Timings:
    return Timings(
        name_lookup=one.name_lookup + other.name_lookup,
        connect=one.connect + other.connect,
        tls=one.tls + other.tls,
        first_byte=one.first_byte + other.first_byte,
        transfer=one.transfer + other.transfer,
    )
