"""One run of a journey: what is asked next, and what an answer makes of it. Pure: time and answers are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from checks.check import Finding, HttpQuestion
from checks.conditions import Placeholder
from checks.conditions import parse as parse_condition
from checks.conditions.binding import named
from checks.exchange import HttpAnswer, HttpRequest
from checks.expectations import facts_of
from checks.http import judged, requests
from checks.oauth2 import AuthorizedRequest
from checks.patterns import Searches
from checks.result import Outcome, Reason, StepResult
from checks.steps import JourneyRequest, Step, StepEnd
from checks.taking import NotThere, place_of, taken
from checks.templates import Scalar, Unfit, Values, in_address, in_body, in_header, references, syntax_of

SHARE_OF_ALWAYS: Final = 0.1
"""Of the whole timeout, kept for each step that cleans up and names no timeout of its own."""
MOST_KEPT: Final = 0.5
"""Of the whole timeout that all of them may keep."""
_TOO_SHORT: Final = 0.001


@dataclass(frozen=True, slots=True)
class Leg:
    """
    A step to ask now.

    Attributes:
        question: With every value filled in.
    """

    step: Step
    question: HttpQuestion
    request: HttpRequest | AuthorizedRequest


class Progress:
    """
    Attributes:
        values: What the steps have taken, by `STEP.NAME`.
        secrets: Those of the values that nobody may read, as texts.
        jar: Cookies, in libcurl's form.
        ends: Of the steps that it came to.
    """

    def __init__(self, request: JourneyRequest) -> None:
        self._timeout = request.timeout
        self._steps = request.steps
        self._kept = _kept(request)
        self._place = 0
        self._failed = False
        self.values: dict[str, Scalar] = {}
        self.secrets: set[str] = set()
        self.jar: tuple[str, ...] = ()
        self.ends: list[StepEnd] = []

    def next(self, elapsed: float) -> Leg | None:
        """
        What to ask now; None when the run is over. Steps that cannot be asked end here.

        Args:
            elapsed: Seconds since the run began.
        """
        while self._place < len(self._steps):
            step = self._steps[self._place]
            self._place += 1
            if self._failed and (not step.always or not self._knows(step)):
                continue
            left = self._left(step, elapsed)
            if left <= _TOO_SHORT:
                self._end(step, elapsed, _no_time(elapsed))
                continue
            try:
                question = _filled(step.question, self.values)
            except Unfit as unfit:
                self._end(step, elapsed, self._unfit(unfit))
                continue
            return Leg(step, question, self._request(question, left))
        return None

    def answered(self, leg: Leg, answer: HttpAnswer, after: float, span_id: str) -> None:
        """
        Args:
            after: Seconds since the run began at which the step did.
        """
        finding = judged(leg.question, answer, self.values)
        if answer.status is not None:
            self.jar = answer.jar
            finding = self._take(leg, answer, finding)
        timings = answer.timings
        self._end(
            leg.step,
            after,
            finding,
            StepResult(
                name=leg.step.name,
                after=after,
                outcome=finding.outcome,
                reason=finding.reason,
                detail=finding.detail,
                seconds=timings.total if timings is not None and answer.error is None else None,
                timings=timings,
                status=answer.status,
                address=answer.address,
                redirects=answer.redirects,
                span_id=span_id,
            ),
        )

    def _take(self, leg: Leg, answer: HttpAnswer, finding: Finding) -> Finding:
        """Also from an answer that is not ok, as far as it goes: what was ordered must be cancelled."""
        facts, searches = facts_of(answer, leg.question.max_body), Searches()
        for take in leg.step.take:
            try:
                value = taken(take, facts, self.jar, searches)
            except NotThere as missing:
                if finding.outcome is Outcome.OK:
                    finding = replace(
                        finding, outcome=Outcome.FAILED, reason=missing.reason, detail=str(missing), answer=answer
                    )
                continue
            self.values[f"{leg.step.name}.{take.name}"] = value
            if take.hidden and not isinstance(value, bool) and place_of(take.of) is not Placeholder.STATUS:
                self.secrets.add(str(value))
        return finding

    def _end(self, step: Step, after: float, finding: Finding, result: StepResult | None = None) -> None:
        if result is None:
            result = StepResult(
                name=step.name, after=after, outcome=finding.outcome, reason=finding.reason, detail=finding.detail
            )
        self._failed = self._failed or finding.outcome is not Outcome.OK
        if finding.outcome is Outcome.OK and not finding.excusable:
            # Nobody looks at it any more, and twenty of them may be large.
            finding = replace(finding, answer=None)
        self.ends.append(StepEnd(result, finding))

    def _knows(self, step: Step) -> bool:
        """Whether there is every value that *step* names: of what was never ordered there is nothing to cancel."""
        return all(name in self.values for name in names_in(step.question))

    def _left(self, step: Step, elapsed: float) -> float:
        later = sum(kept for other, kept in self._kept.items() if other >= self._place)
        left = self._timeout - elapsed - later
        return round(left if step.timeout is None else min(left, step.timeout), 3)

    def _request(self, question: HttpQuestion, left: float) -> HttpRequest | AuthorizedRequest:
        (request,) = requests(question, left)
        if isinstance(request, AuthorizedRequest):
            return replace(request, request=replace(request.request, jar=self.jar))
        return replace(request, jar=self.jar)

    def _unfit(self, unfit: Unfit) -> Finding:
        name, _, value = unfit.reference.partition(".")
        taker = next(take for step in self._steps if step.name == name for take in step.take if take.name == value)
        reason = Reason.HEADER if place_of(taker.of) is Placeholder.HEADERS else Reason.BODY
        return Finding(outcome=Outcome.FAILED, reason=reason, detail=str(unfit))


def _kept(request: JourneyRequest) -> dict[int, float]:
    """Seconds that are kept for each step that cleans up, by its place."""
    kept = {
        place: step.timeout or request.timeout * SHARE_OF_ALWAYS
        for place, step in enumerate(request.steps)
        if step.always
    }
    too_much = sum(kept.values()) / (request.timeout * MOST_KEPT)
    return {place: seconds / max(1.0, too_much) for place, seconds in kept.items()}


def _no_time(elapsed: float) -> Finding:
    detail = f"no time was left for it: the steps before it took {elapsed:.3g} s"
    return Finding(outcome=Outcome.FAILED, reason=Reason.TIMEOUT, detail=detail)


def _filled(question: HttpQuestion, values: Values) -> HttpQuestion:
    """Raises Unfit."""
    body = question.body
    if body is not None:
        body = in_body(body, values, syntax_of(content_type(question.headers), body))
    return replace(
        question,
        url=in_address(question.url, values),
        headers=tuple((name, in_header(value, values)) for name, value in question.headers),
        body=body,
    )


def content_type(headers: tuple[tuple[str, str], ...]) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "")


@lru_cache(maxsize=4096)
def names_in(question: HttpQuestion) -> frozenset[str]:
    """Of the values that a step needs to be asked and judged."""
    return frozenset(_names_in(question))


def _names_in(question: HttpQuestion) -> Iterator[str]:
    for text in (question.url, *(value for _, value in question.headers), question.body or ""):
        yield from (reference.name for reference in references(text))
    for condition in (*question.expect, *question.warn):
        yield from named(parse_condition(condition))
