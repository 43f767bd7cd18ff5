"""Can one do there what one comes for: log in, order, check? Steps over HTTP that pass values on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from checks.check import Finding
from checks.result import EXPIRES_AT, Outcome, Reason
from checks.steps import JourneyAnswer, JourneyRequest, Step, StepEnd

_NO_STEP: Final = Finding(outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail="no step was asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    kind: ClassVar[str] = "journey"

    steps: tuple[Step, ...]

    @property
    def url(self) -> str:
        """Where it begins."""
        return self.steps[0].question.url


def requests(question: Question, timeout: float) -> tuple[JourneyRequest, ...]:
    return (JourneyRequest(steps=question.steps, timeout=timeout),)


def judge(question: Question, answers: tuple[JourneyAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    """The first step that is not ok decides; what came of cleaning up after it is told beside it."""
    ends = answers[0].ends
    if not ends:
        error = answers[0].error
        return replace(_NO_STEP, detail=error.detail) if error is not None else _NO_STEP
    troubled = [end for end in ends if end.finding.outcome is not Outcome.OK]
    decides = troubled[0] if troubled else next((end for end in ends if end.finding.excusable), ends[-1])
    return replace(
        decides.finding,
        detail="; ".join(f"{end.result.name}: {end.finding.detail}" for end in troubled),
        facts=_facts(ends),
        warnings=_each([(end, end.finding.warnings) for end in ends]) if not troubled else (),
        notes=_each([(end, end.finding.notes) for end in ends]) if not troubled else (),
    )


def seconds_of(step: str) -> str:
    """The fact that says how long that step took."""
    return f"{step}_seconds"


def _each(said: list[tuple[StepEnd, tuple[str, ...]]]) -> tuple[str, ...]:
    return tuple(f"{end.result.name}: {text}" for end, texts in said for text in texts)


def _facts(ends: tuple[StepEnd, ...]) -> Mapping[str, float]:
    """How many seconds each step took, and which certificate of all expires first."""
    facts = {seconds_of(end.result.name): end.result.seconds for end in ends if end.result.seconds is not None}
    expiries = [end.finding.facts[EXPIRES_AT] for end in ends if EXPIRES_AT in end.finding.facts]
    return {**facts, EXPIRES_AT: min(expiries)} if expiries else facts
