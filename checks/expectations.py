"""What the conditions of a check make of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from checks.conditions import Condition, Facts, Placeholder, parse
from checks.exchange import HttpAnswer
from checks.result import Reason

_REASONS: Final = {
    Placeholder.STATUS: Reason.STATUS,
    Placeholder.HEADERS: Reason.HEADER,
    Placeholder.BODY: Reason.BODY,
    Placeholder.RESPONSE_TIME: Reason.SLOW,
    Placeholder.CERTIFICATE_EXPIRATION: Reason.CERTIFICATE,
    Placeholder.DNS_RCODE: Reason.STATUS,
}
_LONGEST: Final = 400  # characters that one condition may take of a detail


@dataclass(frozen=True, slots=True)
class Expectations:
    """
    Attributes:
        reads: What any of the conditions asks for.
    """

    conditions: tuple[Condition, ...]
    reads: frozenset[Placeholder]


@lru_cache(maxsize=4096)  # parsing costs as much as the probe, and thousands of checks have the same few lists
def expectations(texts: tuple[str, ...]) -> Expectations:
    """Raises ConditionError for what the config would have refused."""
    conditions = tuple(map(parse, texts))
    return Expectations(
        conditions, frozenset(reading.placeholder for each in conditions for reading in each.readings())
    )


def asks_for_certificate(texts: tuple[str, ...]) -> bool:
    return Placeholder.CERTIFICATE_EXPIRATION in expectations(texts).reads


def ask_whether_connected(texts: tuple[str, ...]) -> bool:
    return Placeholder.CONNECTED in expectations(texts).reads


def judge_status(texts: tuple[str, ...]) -> bool:
    """Whether the conditions say themselves which status is wanted."""
    return Placeholder.STATUS in expectations(texts).reads


def judge_rcode(texts: tuple[str, ...]) -> bool:
    """Whether the conditions say themselves which rcode is wanted."""
    return Placeholder.DNS_RCODE in expectations(texts).reads


def unmet(
    texts: tuple[str, ...], facts: Facts, values: Mapping[str, str | int | float | bool] | None = None
) -> list[tuple[Reason, str]]:
    """
    Each condition that does not hold, or cannot be told: shown with its values, and why.

    Args:
        values: Of earlier steps, where there are any.
    """
    conditions = expectations(texts).conditions
    if values:
        from checks.conditions.binding import bound

        conditions = tuple(bound(each, values) for each in conditions)
    return [_told(each, facts) for each in conditions if each.evaluate(facts) is not True]


def _told(condition: Condition, facts: Facts) -> tuple[Reason, str]:
    reasons = {_REASONS.get(reading.placeholder, Reason.ASSERTION) for reading in condition.readings()}
    shown, why = condition.explained(facts), condition.why(facts)
    text = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."
    # Of several kinds none is to blame alone.
    return reasons.pop() if len(reasons) == 1 else Reason.ASSERTION, f"{text}: {why}" if why else text


def facts_of(answer: HttpAnswer, max_body: int) -> Facts:
    """Of an exchange that broke, what there was until then."""
    answered = answer.status is not None
    return Facts(
        status=answer.status,
        body=answer.body if answered else None,
        unreadable=_unreadable(answer, max_body),
        headers=answer.headers if answered else None,
        response_time=answer.timings.total if answered and answer.timings is not None else None,
        connected=answered,
        certificate_expiration=answer.certificate_left,
        ip=answer.address,
    )


def _unreadable(answer: HttpAnswer, max_body: int) -> str:
    if answer.truncated:
        return f"is longer than max_body, {max_body} bytes"
    coding = next((value for name, value in answer.headers if name.lower() == "content-encoding"), "identity")
    if answer.decoded or coding.lower() == "identity" or not answer.body:
        return ""
    return "is compressed, and was not asked to be"
