"""A journey as data: its steps, what is asked of the engine, and what came back."""

from __future__ import annotations

from dataclasses import dataclass, field

from checks.check import Finding, HttpQuestion
from checks.exchange import Answer
from checks.result import StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """
    Attributes:
        of: Where it stands: `[BODY].access_token`, `[COOKIES].session`.
        regex: Searched in it; its first group is taken, or all that it matched where it has none.
        hidden: Whether it is masked wherever the target or a message of ours repeats it.
    """

    name: str
    of: str
    regex: str | None = None
    hidden: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    Attributes:
        question: Its address, headers, body and conditions are templates, see `templates.py`.
        always: It is asked though an earlier step failed, as it cleans up.
        timeout: Seconds; None: what is left of the whole.
    """

    name: str
    question: HttpQuestion
    take: tuple[Take, ...] = ()
    always: bool = False
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyRequest:
    """
    Attributes:
        timeout: Seconds for all of it.
    """

    steps: tuple[Step, ...]
    timeout: float

    @property
    def url(self) -> str:
        return self.steps[0].question.url


@dataclass(frozen=True, slots=True)
class StepEnd:
    """A step that was asked, or could not be, and what was found."""

    result: StepResult
    finding: Finding


@dataclass(slots=True, kw_only=True)
class JourneyAnswer(Answer):
    """
    Attributes:
        ends: Of the steps that it came to, in order.
        timings: What the steps took together.
        error: Of the first step without an answer.
    """

    ends: tuple[StepEnd, ...] = field(default=())
