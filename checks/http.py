"""Does a URL answer as it should? What conditions need is imported for checks that have some, and for no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from checks.check import Finding, HttpQuestion
from checks.exchange import Answer, HttpAnswer, HttpRequest
from checks.oauth2 import AuthorizedRequest
from checks.result import EXPIRES_AT, Outcome, Reason
from checks.urls import shown

Question: Final = HttpQuestion

Complaint = tuple[Reason, str]

Values = Mapping[str, str | int | float | bool]

# Python 3.11 takes as long to find a member in its enum as to call a function.
_OK: Final = Outcome.OK
_NOTHING: Final[Mapping[str, float]] = {}
_NO_VALUES: Final[Values] = {}
_MOST_TOLD: Final = 3  # complaints in one detail


def requests(question: HttpQuestion, timeout: float) -> tuple[HttpRequest | AuthorizedRequest, ...]:
    request = HttpRequest(
        url=question.url,
        method=question.method,
        headers=question.headers,
        body=question.body.encode() if question.body is not None else None,
        timeout=timeout,
        max_redirects=question.max_redirects,
        verify=question.verify,
        ca_file=question.ca_file,
        max_body=question.max_body,
        keep_alive=question.keep_alive,
        way=question.way,
        certificate=_asks_for_certificate(question),
    )
    return (request if question.oauth2 is None else AuthorizedRequest(request=request, oauth2=question.oauth2),)


def judge(question: HttpQuestion, answers: tuple[HttpAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    return judged(question, answers[0], _NO_VALUES)


def judged(question: HttpQuestion, answer: HttpAnswer, values: Values) -> Finding:
    """*values*: of earlier steps, which the conditions of a journey's step may compare with."""
    if answer.error is not None:
        return _unanswered(question, answer, values)
    complaints: list[Complaint] = []
    if not _is_wanted(answer.status or 0, question.expected_status):
        complaints.append((Reason.STATUS, _unwanted_status(question, answer)))
    if question.way is not None and question.way.version not in ("", answer.version):
        complaints.append((Reason.PROTOCOL, _unwanted_version(question.way.version, answer)))
    if question.expect:
        complaints += _unmet(question.expect, question, answer, values)
    if not complaints:
        warnings = tuple([text for _, text in _unmet(question.warn, question, answer, values)]) if question.warn else ()
        return Finding(outcome=_OK, facts=_facts(answer), warnings=warnings, answer=answer)
    # In the order in which a request meets them.
    reason = min((reason for reason, _ in complaints), key=list(Reason).index)
    return Finding(outcome=Outcome.FAILED, reason=reason, detail=told(complaints), facts=_facts(answer), answer=answer)


def _facts(answer: HttpAnswer) -> Mapping[str, float]:
    return _NOTHING if answer.expires_at is None else {EXPIRES_AT: answer.expires_at}


def _asks_for_certificate(question: HttpQuestion) -> bool:
    if not (question.expect or question.warn):
        return False
    from checks.expectations import asks_for_certificate

    return asks_for_certificate(question.expect) or asks_for_certificate(question.warn)


def _unmet(conditions: tuple[str, ...], question: HttpQuestion, answer: HttpAnswer, values: Values) -> list[Complaint]:
    from checks.expectations import facts_of, unmet

    return unmet(conditions, facts_of(answer, question.max_body), values)


def _is_wanted(status: int, expected: tuple[tuple[int, int], ...]) -> bool:
    for low, high in expected:
        if low <= status <= high:
            return True
    return not expected


def _unwanted_status(question: HttpQuestion, answer: HttpAnswer) -> str:
    after = f" after {answer.redirects} redirects" if answer.redirects else ""
    answered = f"{shown(answer.url or question.url)} answered {status_text(answer.status or 0)}{after}"
    return f"{answered}, wanted {wanted(question.expected_status)}"


def _unwanted_version(wanted_version: str, answer: HttpAnswer) -> str:
    return f"{shown(answer.url)} answered by HTTP/{answer.version or '0.9'}, wanted HTTP/{wanted_version}"


def told(complaints: Sequence[Complaint]) -> str:
    told = [text for _, text in complaints[:_MOST_TOLD]]
    if more := len(complaints) - len(told):
        told.append(f"and {more} more")
    return "; ".join(told)


def _unanswered(question: HttpQuestion, answer: HttpAnswer, values: Values) -> Finding:
    """
    Failed, as for any kind, unless the conditions want just that: `[CONNECTED] == false`. Then it is ok, and may be
    excused as a failure may: our own network's silence is no proof that the target is away.
    """
    finding = failed_transport(answer)
    if not question.expect or finding.outcome is not Outcome.FAILED:
        return finding
    from checks.expectations import ask_whether_connected

    if not ask_whether_connected(question.expect) or _unmet(question.expect, question, answer, values):
        return finding
    note = f"not connected, as expected: {finding.reason}: {finding.detail}"
    return replace(finding, outcome=Outcome.OK, reason=None, detail="", notes=(note,))


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
