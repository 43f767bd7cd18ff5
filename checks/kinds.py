"""From a question to the kind that knows how to put it. A new kind is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from checks import collector, http
from checks.check import CollectorQuestion, Finding, HttpQuestion, Question
from checks.exchange import HttpAnswer, HttpRequest


@dataclass(frozen=True, slots=True)
class Kind:
    """
    Attributes:
        requests: What to ask, given the question and the seconds it may take; each is asked at the same time.
        judge: What the answers mean, given the facts of the probe before. Total: it never raises.
    """

    name: str
    requests: Callable[[Any, float], tuple[HttpRequest, ...]]
    judge: Callable[[Any, tuple[HttpAnswer, ...], Mapping[str, float]], Finding]


_KINDS: Mapping[type[object], Kind] = {
    HttpQuestion: Kind(http.KIND, http.requests, http.judge),
    CollectorQuestion: Kind(collector.KIND, collector.requests, collector.judge),
}


def kind_of(question: Question) -> Kind:
    return _KINDS[type(question)]
