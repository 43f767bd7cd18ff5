"""Does a URL answer as it should?"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from checks.check import Finding, HttpQuestion
from checks.exchange import Answer, HttpAnswer, HttpRequest
from checks.result import Outcome, Reason
from checks.urls import shown

Question: Final = HttpQuestion


def requests(question: HttpQuestion, timeout: float) -> tuple[HttpRequest, ...]:
    return (
        HttpRequest(
            url=question.url,
            method=question.method,
            headers=question.headers,
            body=question.body.encode() if question.body is not None else None,
            timeout=timeout,
            max_redirects=question.max_redirects,
            verify=question.verify,
            ca_file=question.ca_file,
            max_body=question.max_body,
        ),
    )


def judge(question: HttpQuestion, answers: tuple[HttpAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        return failed_transport(answer)
    status = answer.status or 0
    for low, high in question.expected_status:
        if low <= status <= high:
            return Finding(outcome=Outcome.OK, answer=answer)
    after = f" after {answer.redirects} redirects" if answer.redirects else ""
    detail = f"{shown(answer.url or question.url)} answered {status_text(status)}{after}, wanted "
    detail += wanted(question.expected_status)
    return Finding(outcome=Outcome.FAILED, reason=Reason.STATUS, detail=detail, answer=answer)


def failed_transport(answer: Answer) -> Finding:
    """What a broken exchange means for any kind; our own failure is unknown, never the target's."""
    error = answer.error
    if error is None or error.reason is Reason.INTERNAL:
        detail = error.detail if error is not None else "no answer and no error"
        return Finding(outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=detail, answer=answer)
    silent = error.reason in (Reason.DNS, Reason.TIMEOUT, Reason.UNREACHABLE, Reason.RESET)
    # NXDOMAIN is an answer about the target; only a resolver that could not tell may be our own trouble.
    resolved = error.reason is not Reason.DNS or error.temporary
    return Finding(
        outcome=Outcome.FAILED,
        reason=error.reason,
        detail=error.detail,
        excusable=silent and resolved and error.before_any_byte,
        answer=answer,
    )


def status_text(status: int) -> str:
    """`503 Service Unavailable`; the number alone where the standard knows no phrase."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def wanted(expected: tuple[tuple[int, int], ...]) -> str:
    return " or ".join(str(low) if low == high else f"{low}-{high}" for low, high in expected)
