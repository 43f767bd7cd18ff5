"""Does something listen there, and does it say what it should?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from checks.check import Finding
from checks.family import Family
from checks.http import failed_transport
from checks.result import EXPIRES_AT, Outcome
from checks.stream import Security, Step, StreamAnswer, StreamRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        url: `tcp://HOST:PORT`.
        security: None: the connection is in the clear.
    """

    kind: ClassVar[str] = "tcp"

    url: str
    script: tuple[Step, ...] = ()
    security: Security | None = None
    ip: Family | None = None


def requests(question: Question, timeout: float) -> tuple[StreamRequest, ...]:
    return (
        StreamRequest(
            url=question.url, script=question.script, security=question.security, timeout=timeout, ip=question.ip
        ),
    )


def judge(question: Question, answers: tuple[StreamAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    facts = {} if answer.expires_at is None else {EXPIRES_AT: answer.expires_at}
    return Finding(outcome=Outcome.OK, facts=facts, answer=answer)
