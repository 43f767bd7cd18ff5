"""Does a machine send back what it is sent (ICMP echo, RFC 792 and RFC 4443)?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from checks.check import Finding
from checks.datagram import EchoAnswer, EchoRequest
from checks.family import Family
from checks.http import failed_transport
from checks.result import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """*url*: `icmp://HOST`."""

    kind: ClassVar[str] = "icmp"

    url: str
    ip: Family | None = None


def requests(question: Question, timeout: float) -> tuple[EchoRequest, ...]:
    return (EchoRequest(url=question.url, timeout=timeout, ip=question.ip),)


def judge(question: Question, answers: tuple[EchoAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    facts = {} if answer.hop_limit is None else {"hop_limit": float(answer.hop_limit)}
    return Finding(outcome=Outcome.OK, facts=facts, answer=answer)
