"""One attempt of one check: its requests sent together, its answers judged by its kind, the whole as an `Attempt`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from checks.check import Check, Finding, Question
from checks.exchange import Answer, HttpAnswer, HttpRequest
from checks.kinds import Request, kind_of
from checks.record import record
from checks.result import Attempt, Outcome, Reason
from checks.steps import JourneyAnswer
from checks.unusable import Unusable
from checks.urls import clip
from monitor import __version__
from monitor.probing import plugged
from monitor.probing.engine import Engine

EXCERPT = 2048
"""Bytes of a body that are kept as evidence."""

USER_AGENT = f"watchkeeper/{__version__}"
_OK = Outcome.OK  # Python 3.11 takes as long to find a member in its enum as to call a function


@record(frozen=True, slots=True)
class Asked:
    attempt: Attempt
    finding: Finding


def ask(
    engine: Engine,
    check: Check,
    requests: tuple[Request, ...],
    *,
    trace_id: str,
    span_id: str,
    previous: Mapping[str, float],
    now: Callable[[], datetime],
    done: Callable[[Asked], None],
) -> None:
    """
    Calls *done* once, later, in a turn of the engine.

    Args:
        requests: What `requests_of` gave for *check*.
    """
    started_at = now()
    ours = (("traceparent", f"00-{trace_id}-{span_id}-01"), ("User-Agent", USER_AGENT))

    def complete(*answers: Answer) -> None:
        finding = judged(check.question, answers, previous)
        done(Asked(_attempt(started_at, span_id, finding, answers[0]), finding))

    if len(requests) == 1:
        engine.submit(requests[0], complete, ours)
        return
    collected: list[Answer | None] = [None] * len(requests)

    def came(place: int, answer: Answer) -> None:
        collected[place] = answer
        answers = tuple(a for a in collected if a is not None)
        if len(answers) == len(requests):
            complete(*answers)

    for place, request in enumerate(requests):
        engine.submit(request, partial(came, place), ours)


def requests_of(check: Check, timeout: float) -> tuple[Request, ...]:
    """
    What an attempt of *check* asks, all at the same time, each within *timeout* seconds.

    Raises Unusable where its kind was plugged in and does not do what it must.
    """
    kind = kind_of(check.question)
    asked = (
        plugged.requests_of(kind, check.question, timeout) if kind.plugged else kind.requests(check.question, timeout)
    )
    return tuple(map(_without_traceparent, asked))


def _without_traceparent(request: Request) -> Request:
    """A configured one would win over that of this probe, and point every probe at one old trace."""
    if not isinstance(request, HttpRequest) or not any(name.lower() == "traceparent" for name, _ in request.headers):
        return request
    return replace(request, headers=tuple(pair for pair in request.headers if pair[0].lower() != "traceparent"))


def judged(question: Question, answers: tuple[Answer, ...], previous: Mapping[str, float]) -> Finding:
    """A kind that raises has a bug of ours, or of who plugged it in: that is unknown, whatever the target answered."""
    try:
        kind = kind_of(question)
        if kind.plugged:
            return plugged.judged(kind, question, answers, previous)
        return kind.judge(question, answers, previous)
    except Unusable as fault:
        return Finding(outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=str(fault))
    except Exception as bug:
        detail = f"judging the answer raised {type(bug).__name__}"
    return Finding(outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=detail)


def _attempt(started_at: datetime, span_id: str, finding: Finding, first: Answer) -> Attempt:
    answer = finding.answer or first
    status, redirects = None, 0
    if isinstance(answer, HttpAnswer) and isinstance(first, HttpAnswer):
        status, redirects = answer.status, first.redirects
    timings = first.timings
    failed = finding.outcome is not _OK
    return Attempt(
        started_at=started_at,
        outcome=finding.outcome,
        reason=finding.reason,
        detail=finding.detail,
        latency=timings.total if timings is not None and first.error is None else None,
        timings=timings,
        status=status,
        address=first.address,
        redirects=redirects,
        span_id=span_id,
        body_excerpt=excerpt(answer) if failed else "",
        steps=tuple(end.result for end in first.ends) if isinstance(first, JourneyAnswer) else (),
    )


def excerpt(answer: Answer) -> str:
    """The beginning of the body as text that can go into a ticket, at most EXCERPT bytes of UTF-8."""
    headers = answer.headers if isinstance(answer, HttpAnswer) and not answer.decoded else ()
    coding = next((value for name, value in headers if name.lower() == "content-encoding"), "identity")
    if answer.body and coding.lower() != "identity":
        return f"[{clip(coding, 40)} body, {len(answer.body)} bytes, not decoded]"
    # One replaced byte becomes three, so it is cut once more.
    text = "".join(
        c if c.isprintable() or c in "\n\t" else "\ufffd" for c in answer.body[:EXCERPT].decode("utf-8", "replace")
    )
    return text.encode()[:EXCERPT].decode("utf-8", "ignore")
