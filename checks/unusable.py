"""
What stands for a question that cannot be asked, because the code that plugs its kind in is broken or not there.

It is unknown with each probe, and says why: everything else is watched as if it were not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from checks.check import Finding
from checks.result import Outcome, Reason


class Unusable(Exception):
    """Code that was plugged in does not do what it must. In our own words, which hold no value and may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    Attributes:
        url: The name of the kind and a colon: what it would have asked is not known.
        why: In words that are shown.
    """

    kind: ClassVar[str] = "unusable"

    url: str
    why: str


def requests(question: Question, timeout: float) -> NoReturn:  # noqa: ARG001 - the same two parameters for every kind
    raise Unusable(question.why)


def judge(question: Question, answers: tuple[Any, ...], previous: Mapping[str, float]) -> Finding:  # noqa: ARG001 - as above
    return Finding(outcome=Outcome.UNKNOWN, reason=Reason.INTERNAL, detail=question.why)


def instead_of(name: str, why: Unusable) -> Question:
    """*name*: of the kind."""
    return Question(url=f"{name}:", why=str(why))
