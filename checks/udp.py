"""Does something answer one datagram, and as it should?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from checks.check import Finding
from checks.datagram import DatagramRequest
from checks.exchange import Answer
from checks.family import Family
from checks.http import failed_transport
from checks.patterns import Searches, SearchTooLong
from checks.result import Outcome, Reason
from checks.urls import clip

_MAX_SEARCHED: Final = 4096
"""Letters of the answer that are searched: the time that a careless expression takes grows with its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        url: `udp://HOST:PORT`.
        send: The datagram.
        expect: A regular expression that is searched in the answer. None: whatever it says is well.
        begins: Bytes that the answer begins with.
    """

    kind: ClassVar[str] = "udp"

    url: str
    send: bytes = field(default=b"", repr=False)  # may be a password
    expect: str | None = None
    begins: bytes = b""
    ip: Family | None = None


def requests(question: Question, timeout: float) -> tuple[DatagramRequest, ...]:
    return (DatagramRequest(url=question.url, send=question.send, timeout=timeout, ip=question.ip),)


def judge(question: Question, answers: tuple[Answer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    where = question.url.partition("//")[2]
    if not answer.body.startswith(question.begins):
        came = answer.body[: len(question.begins)].hex(" ") or "nothing"
        return _failed(answer, f"the answer of {where} begins with {came}, wanted {question.begins.hex(' ')}")
    text = answer.body.decode("utf-8", "replace")[:_MAX_SEARCHED]
    try:
        found = question.expect is None or Searches().find(question.expect, text)
    except SearchTooLong as error:
        return _failed(answer, f"{where} said {clip(text)!r}: {error}")
    if not found:
        return _failed(answer, f"{where} said {clip(text)!r}, wanted what matches {question.expect}")
    return Finding(outcome=Outcome.OK, answer=answer)


def _failed(answer: Answer, detail: str) -> Finding:
    return Finding(outcome=Outcome.FAILED, reason=Reason.BODY, detail=detail, answer=answer)
