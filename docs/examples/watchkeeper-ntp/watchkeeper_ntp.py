"""
Does this time server know what time it is, as far as our own clock can tell?

Source: RFC 5905, 7.3 and 8.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from checks.check import Finding
from checks.datagram import DatagramRequest
from checks.exchange import Answer
from checks.http import failed_transport
from checks.result import Outcome, Reason

_EPOCH = 2_208_988_800  # seconds from 1900, where NTP begins to count, to 1970
_CLIENT, _SERVER = 3, 4
_VERSION = 4
_QUESTION = bytes([_VERSION << 3 | _CLIENT]) + bytes(47)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        server: HOST or HOST:PORT.
        warn, fail: How far its clock and ours may be apart.
    """

    kind: ClassVar[str] = "ntp"

    server: str
    warn: timedelta = timedelta(milliseconds=100)
    fail: timedelta = timedelta(seconds=1)

    def __post_init__(self) -> None:
        if self.warn >= self.fail:
            raise ValueError("warn must be less than fail")

    @property
    def url(self) -> str:
        return f"udp://{self.server}" if ":" in self.server else f"udp://{self.server}:123"


def requests(question: Question, timeout: float) -> tuple[DatagramRequest, ...]:
    return (DatagramRequest(url=question.url, send=_QUESTION, timeout=timeout),)


def judge(question: Question, answers: tuple[Answer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001
    answer = answers[0]
    now = time.time()
    if answer.error is not None or answer.timings is None:
        return failed_transport(answer)
    reply = answer.body
    if len(reply) < 48 or reply[0] & 7 != _SERVER:
        return _failed(question, Reason.PROTOCOL, "answered what is no NTP", answer)
    stratum = reply[1]
    if reply[0] >> 6 == 3 or not 0 < stratum < 16:
        return _failed(question, Reason.BODY, "says that its own clock is not set", answer)
    sent = now - answer.timings.first_byte
    offset = ((_instant(reply[32:40]) - sent) + (_instant(reply[40:48]) - now)) / 2
    facts = {"ntp_offset": offset, "ntp_stratum": float(stratum)}
    words = f"is {abs(offset):.3f} s {'ahead of' if offset > 0 else 'behind'} our clock"
    if abs(offset) > question.fail.total_seconds():
        return _failed(question, Reason.ASSERTION, words, answer, facts)
    warnings = (f"{question.server} {words}",) if abs(offset) > question.warn.total_seconds() else ()
    return Finding(outcome=Outcome.OK, facts=facts, warnings=warnings, answer=answer)


def _failed(
    question: Question, reason: Reason, words: str, answer: Answer, facts: Mapping[str, float] | None = None
) -> Finding:
    detail = f"{question.server} {words}"
    return Finding(outcome=Outcome.FAILED, reason=reason, detail=detail, facts=facts or {}, answer=answer)


def _instant(timestamp: bytes) -> float:
    """As Unix time."""
    seconds, fraction = int.from_bytes(timestamp[:4], "big"), int.from_bytes(timestamp[4:], "big")
    return seconds - _EPOCH + fraction / 2**32
