"""
Journeys: one step after the other, each asked of the engine as any other request. What is decided of them is decided
in `checks/progress.py`; here it is begun, timed, and given its span, and no thread waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from math import inf
from random import getrandbits
from time import monotonic
from typing import Any, Final, Protocol

from checks.check import Finding
from checks.exchange import Answer, HttpAnswer, TransportError
from checks.progress import Leg, Progress
from checks.result import Reason, Timings
from checks.steps import JourneyAnswer, JourneyRequest, StepEnd
from checks.taking import LONGEST_TOLD, hidden
from checks.urls import shown
from monitor.probing.hops import Headers

_TRACEPARENT: Final = "traceparent"

Done = Callable[[Any], None]


class Host(Protocol):
    """The engine, as far as it matters here."""

    def submit(self, request: Any, done: Done, own_headers: Headers = ()) -> None: ...
    def deliver(self, done: Done, answer: Answer) -> None: ...
    def bug(self, error: BaseException) -> None: ...


class Journeys:
    """
    Attributes:
        in_flight: None of its own: each has a step under way, which the engine counts, or its answer lies ready there.
        due: Never: each step has a time of its own.
    """

    in_flight = 0
    due = inf

    def __init__(self, host: Host) -> None:
        self._host = host

    def begin(self, request: JourneyRequest, done: Done, own_headers: Headers) -> None:
        _Run(self._host, request, done, own_headers).go_on()

    def expire(self, now: float) -> None:
        """Nothing waits here."""

    def forget_authorities(self) -> None:
        """Who is trusted is the engine's business."""

    def close(self) -> None:
        """What is under way is the engine's."""


class _Run:
    __slots__ = ("_began", "_done", "_host", "_own_headers", "_progress", "_url")

    def __init__(self, host: Host, request: JourneyRequest, done: Done, own_headers: Headers) -> None:
        self._host = host
        self._done = done
        self._own_headers = own_headers
        self._url = request.url
        self._progress = Progress(request)
        self._began = monotonic()

    def go_on(self) -> None:
        """Never raises: a `done` that never comes would hold the check for ever."""
        try:
            self._go_on()
        except Exception as bug:
            self._break(bug)

    def _go_on(self) -> None:
        after = monotonic() - self._began
        leg = self._progress.next(after)
        if leg is None:
            self._end()
            return
        span_id = f"{getrandbits(64):016x}"
        self._host.submit(
            leg.request, partial(self._answered, leg, after, span_id), with_span(self._own_headers, span_id)
        )

    def _answered(self, leg: Leg, after: float, span_id: str, answer: HttpAnswer) -> None:
        try:
            self._progress.answered(leg, answer, after, span_id)
            self._go_on()
        except Exception as bug:
            self._break(bug)

    def _end(self) -> None:
        ends = tuple(_hidden(end, self._progress.secrets) for end in self._progress.ends)
        answers = [end.finding.answer for end in ends if end.finding.answer is not None]
        error = next((answer.error for answer in answers if answer.error is not None), None)
        timings = _together(end.result.timings for end in ends)
        self._host.deliver(self._done, JourneyAnswer(url=self._url, ends=ends, timings=timings, error=error))

    def _break(self, bug: Exception) -> None:
        self._host.bug(bug)
        detail = f"{shown(self._url)} and what follows could not be asked: {type(bug).__name__} in the probe engine"
        error = TransportError(reason=Reason.INTERNAL, detail=detail)
        self._host.deliver(self._done, JourneyAnswer(url=self._url, error=error))


def with_span(own_headers: Headers, span_id: str) -> Headers:
    """The trace goes on by way of the step's own span."""

    def child(value: str) -> str:
        version, trace_id, _, flags = value.split("-")
        return f"{version}-{trace_id}-{span_id}-{flags}"

    return tuple((name, child(value) if name == _TRACEPARENT else value) for name, value in own_headers)


def _together(each: Iterable[Timings | None]) -> Timings | None:
    spent = [timings for timings in each if timings is not None]
    if not spent:
        return None
    return Timings(
        name_lookup=sum(timings.name_lookup for timings in spent),
        connect=sum(timings.connect for timings in spent),
        tls=sum(timings.tls for timings in spent),
        first_byte=sum(timings.first_byte for timings in spent),
        transfer=sum(timings.transfer for timings in spent),
    )


def _hidden(end: StepEnd, secrets: Collection[str]) -> StepEnd:
    """Without the values that were taken: the daemon, which masks secrets, does not know these."""
    finding = end.finding
    if not secrets or not (finding.detail or finding.warnings or finding.notes):
        return end
    detail = hidden(finding.detail, secrets)
    masked = replace(
        finding,
        detail=detail,
        warnings=tuple(hidden(text, secrets) for text in finding.warnings),
        notes=tuple(hidden(text, secrets) for text in finding.notes),
        answer=_without(finding, secrets),
    )
    return StepEnd(replace(end.result, detail=detail), masked)


def _without(finding: Finding, secrets: Iterable[str]) -> Answer | None:
    answer = finding.answer
    if answer is None or not answer.body:
        return answer
    text = answer.body[:LONGEST_TOLD].decode("utf-8", "surrogateescape")
    return replace(answer, body=hidden(text, secrets).encode("utf-8", "surrogateescape"))
