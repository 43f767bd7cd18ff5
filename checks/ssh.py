"""Does an SSH server greet as one? It names its protocol before anything is asked of it (RFC 4253, 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from checks.check import Finding
from checks.family import Family
from checks.http import failed_transport
from checks.result import Outcome, Reason
from checks.stream import Step, StreamAnswer, StreamRequest
from checks.urls import clip

_GREETING: Final = r"^SSH-(\d+\.\d+)-(.*)$"
_SPOKEN: Final = ("2.0", "1.99")  # 1.99 speaks 2.0 and older ones as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """*url*: `tcp://HOST:PORT`."""

    kind: ClassVar[str] = "ssh"

    url: str
    ip: Family | None = None


def requests(question: Question, timeout: float) -> tuple[StreamRequest, ...]:
    # Our own name comes first: a server that is left without one writes a line about it for each probe.
    script = (Step(send=b"SSH-2.0-watchkeeper\r\n"), Step(expect=_GREETING))
    return (StreamRequest(url=question.url, script=script, timeout=timeout, ip=question.ip),)


def judge(question: Question, answers: tuple[StreamAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    if answer.groups[1] not in _SPOKEN:
        detail = f"{question.url} greets as {clip(answer.line)}, wanted SSH 2.0"
        return Finding(outcome=Outcome.FAILED, reason=Reason.PROTOCOL, detail=detail, answer=answer)
    return Finding(outcome=Outcome.OK, answer=answer)
