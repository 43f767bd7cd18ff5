"""
Does what Prometheus has measured hold? An assertion on a query.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/, instant queries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from operator import ge, gt, le, lt
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from checks.check import Finding
from checks.exchange import HttpAnswer, HttpRequest
from checks.http import failed_transport, status_text
from checks.result import Outcome, Reason
from checks.urls import clip

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {">=": ge, ">": gt, "<=": le, "<": lt}
_MAX_BODY: Final = 4 * 1024 * 1024
_MOST_TOLD: Final = 3
_LONGEST_LABELS: Final = 120

Limit = tuple[str, float]
"""A comparison: `(">", 0.05)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        url: Of Prometheus, or of what answers as it does.
        query: PromQL.
        fail, warn: A series whose value compares so fails, or is warned of. Without `fail` a value of 0 fails.
        empty: What it means that there is no series: `failed`, `ok` or `unknown`.
    """

    kind: ClassVar[str] = "promql"

    url: str
    query: str
    fail: Limit | None = None
    warn: Limit | None = None
    empty: str = "failed"


def requests(question: Question, timeout: float) -> tuple[HttpRequest, ...]:
    query = urlencode({"query": question.query, "timeout": f"{timeout:g}s"})
    url = f"{question.url.rstrip('/')}/api/v1/query?{query}"
    return (HttpRequest(url=url, timeout=timeout, max_redirects=0, max_body=_MAX_BODY),)


def judge(question: Question, answers: tuple[HttpAnswer, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - the same three parameters for every kind
    answer = answers[0]
    if answer.error is not None:
        # Whether what was measured is well, nobody knows then. Prometheus itself is watched by a check of its own.
        finding = failed_transport(answer)
        return _unknown(f"Prometheus could not be asked: {finding.detail}", answer)
    try:
        series = _series(answer)
    except _Unusable as problem:
        return _unknown(str(problem), answer)
    if not series:
        return _empty(question, answer)
    facts = {"value": series[0][1]} if len(series) == 1 and not isnan(series[0][1]) else {}
    if failing := [(labels, value) for labels, value in series if _fails(question, value)]:
        wanted = f"not {_shown(question.fail)}" if question.fail else "other than 0"
        detail = f"{_told(failing, len(series))}, wanted {wanted}"
        return Finding(outcome=Outcome.FAILED, reason=Reason.ASSERTION, detail=detail, facts=facts, answer=answer)
    warned = [(labels, value) for labels, value in series if question.warn and _compares(value, question.warn)]
    warnings = (f"{_told(warned, len(series))}: {_shown(question.warn)}",) if warned else ()
    return Finding(outcome=Outcome.OK, facts=facts, warnings=warnings, answer=answer)


def _fails(question: Question, value: float) -> bool:
    """What is no number holds no promise."""
    if isnan(value):
        return True
    return _compares(value, question.fail) if question.fail else value == 0


def _compares(value: float, limit: Limit) -> bool:
    return _COMPARE[limit[0]](value, limit[1])


def _empty(question: Question, answer: HttpAnswer) -> Finding:
    if question.empty == "ok":
        return Finding(outcome=Outcome.OK, answer=answer)
    detail = "the query has no series"
    if question.empty == "unknown":
        return _unknown(detail, answer)
    return Finding(outcome=Outcome.FAILED, reason=Reason.ASSERTION, detail=detail, answer=answer)


def _unknown(detail: str, answer: HttpAnswer) -> Finding:
    return Finding(outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=detail, answer=answer)


class _Unusable(Exception):
    """It says nothing of what was measured; the text says why."""


def _series(answer: HttpAnswer) -> list[tuple[str, float]]:
    """Labels and value of each series. Raises _Unusable."""
    if answer.truncated:
        raise _Unusable(f"Prometheus answered more than {_MAX_BODY} bytes: sum it up in the query")
    document = _document(answer.body)
    if answer.status != 200 or document.get("status") != "success":
        said = document.get("error")
        why = clip(said) if isinstance(said, str) else status_text(answer.status or 0)
        raise _Unusable(f"Prometheus refuses the query: {why}")
    data = document.get("data")
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
    try:
        if kind == "scalar":
            return [("", _value(result))]
        if kind == "vector" and isinstance(result, list):
            return [(_labels(one["metric"]), _value(one["value"])) for one in result]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _Unusable("Prometheus answered what cannot be read") from None
    raise _Unusable(f"the query gives a {kind if kind in ('matrix', 'string') else 'result'} and no instant vector")


def _document(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _value(pair: Any) -> float:
    """`[1435781451.781, "0.5"]`; also NaN, +Inf and -Inf."""
    if not isinstance(pair[1], str):
        raise TypeError(pair)
    return float(pair[1])


def _labels(metric: Mapping[str, str]) -> str:
    name = metric.get("__name__", "")
    rest = ", ".join(f'{key}="{value}"' for key, value in sorted(metric.items()) if key != "__name__")
    return clip(f"{name}{{{rest}}}" if rest else str(name), _LONGEST_LABELS)


def _told(series: Sequence[tuple[str, float]], of: int) -> str:
    told = [f"{labels} is {value:g}" if labels else f"it is {value:g}" for labels, value in series[:_MOST_TOLD]]
    if len(series) > _MOST_TOLD:
        told.append(f"and {len(series) - _MOST_TOLD} more of {of} series")
    return "; ".join(told)


def _shown(limit: Limit | None) -> str:
    return f"{limit[0]} {limit[1]:g}" if limit else ""
