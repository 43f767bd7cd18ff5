"""Does something listen on a socket of this machine, and does it say what it should?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from checks import tcp
from checks.stream import Step, StreamRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """*url*: `unix:PATH`."""

    kind: ClassVar[str] = "unix"

    url: str
    script: tuple[Step, ...] = ()


def requests(question: Question, timeout: float) -> tuple[StreamRequest, ...]:
    return (StreamRequest(url=question.url, script=question.script, timeout=timeout),)


judge = tcp.judge
