"""Is the certificate that is shown there good, and for how long still?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from checks.check import Finding
from checks.family import Family
from checks.http import failed_transport
from checks.result import EXPIRES_AT, Outcome, Reason
from checks.starttls import SCRIPTS
from checks.stream import Certificate, Security, StreamAnswer, StreamRequest

_DAY: Final = 86400.0
WARN: Final = 21 * _DAY
FAIL: Final = 7 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        url: `tcp://HOST:PORT`.
        starttls: The protocol that is spoken before: a key of `SCRIPTS`, or empty.
        warn, fail: Seconds. A certificate of the chain that expires sooner is warned of, or fails the check.
    """

    kind: ClassVar[str] = "tls"

    url: str
    security: Security = field(default_factory=Security)
    starttls: str = ""
    warn: float = WARN
    fail: float = FAIL
    ip: Family | None = None


def requests(question: Question, timeout: float) -> tuple[StreamRequest, ...]:
    script = SCRIPTS[question.starttls] if question.starttls else ()
    return (
        StreamRequest(url=question.url, script=script, security=question.security, timeout=timeout, ip=question.ip),
    )


def judge(question: Question, answers: tuple[StreamAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    if not answer.certificates:
        detail = "this Python cannot read a certificate that it does not verify"
        return Finding(outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=detail, answer=answer)
    soonest = min(answer.certificates, key=lambda certificate: certificate.expires_in)
    facts = {EXPIRES_AT: soonest.expires_at}
    expiry = _expiry(soonest, answer.certificates.index(soonest))
    if soonest.expires_in < question.fail:
        detail = f"{expiry}, wanted {_span(question.fail)} at least"
        return Finding(outcome=Outcome.FAILED, reason=Reason.CERTIFICATE, detail=detail, facts=facts, answer=answer)
    warnings = (expiry,) if soonest.expires_in < question.warn else ()
    return Finding(outcome=Outcome.OK, facts=facts, warnings=warnings, answer=answer)


def _expiry(certificate: Certificate, place: int) -> str:
    whose = "the certificate" if place == 0 else f"a certificate of the chain ({certificate.subject})"
    left = certificate.expires_in
    return f"{whose} expires in {_span(left)}" if left >= 0 else f"{whose} expired {_span(-left)} ago"


def _span(seconds: float) -> str:
    """Rounded down, as nobody is helped by a day that is not whole."""
    if seconds >= 2 * _DAY:
        return f"{int(seconds // _DAY)} days"
    return f"{int(seconds // 3600)} h" if seconds >= 3600 else f"{int(seconds // 60)} min"
