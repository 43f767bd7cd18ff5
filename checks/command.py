"""A program is the check: does it say that all is well?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from checks.check import Finding
from checks.http import failed_transport
from checks.process import ProcessAnswer, ProcessRequest, url_of
from checks.reports import Report, junit, nagios, tap
from checks.result import Outcome, Reason
from checks.urls import clip

_READERS: Final[Mapping[str, Callable[[str, int], Report]]] = {"nagios": nagios, "junit": junit, "tap": tap}
OUTPUTS: Final = ("status", *_READERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        output: How it says how it went: one of `OUTPUTS`. `status`: it ends with 0.
    """

    kind: ClassVar[str] = "command"

    command: tuple[str, ...] = field(repr=False)
    directory: str
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    output: str = "status"

    @property
    def url(self) -> str:
        return url_of(self.command)


def requests(question: Question, timeout: float) -> tuple[ProcessRequest, ...]:
    return (
        ProcessRequest(
            command=question.command,
            directory=question.directory,
            environment=question.environment,
            timeout=timeout,
        ),
    )


def judge(question: Question, answers: tuple[ProcessAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    if answer.status is None:
        detail = f"was ended by signal {answer.signal}{_last_words(answer)}"
        return Finding(outcome=Outcome.FAILED, reason=Reason.ASSERTION, detail=detail, answer=answer)
    reader = _READERS.get(question.output)
    if reader is None:
        report = Report(failed=f"ended with status {answer.status}" if answer.status else "")
    else:
        report = reader(answer.body.decode("utf-8", "replace"), answer.status)
    return _finding(report, answer)


def _finding(report: Report, answer: ProcessAnswer) -> Finding:
    if report.failed:
        # A reader has said what is wrong in the program's words; of a bare status its last words have to do.
        detail = report.failed if report.told else report.failed + _last_words(answer)
        return Finding(
            outcome=Outcome.FAILED, reason=Reason.ASSERTION, detail=detail, facts=report.facts, answer=answer
        )
    if report.unknown:
        return Finding(
            outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=report.unknown, facts=report.facts, answer=answer
        )
    return Finding(outcome=Outcome.OK, warnings=report.warnings, facts=report.facts, answer=answer)


def _last_words(answer: ProcessAnswer) -> str:
    """The last line that it wrote, of its complaints if there are any."""
    for written in (answer.errors, answer.body):
        lines = [line for line in written.decode("utf-8", "replace").splitlines() if line.strip()]
        if lines:
            return f": {clip(lines[-1].strip())}"
    return ""
