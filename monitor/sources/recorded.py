"""
The samples of a check as Prometheus has them, each once and at its own instant: what a replay needs.

A range query would repeat a sample until the next one comes, and one failed scrape would look like several. So the raw
samples are asked for, a range selector at a time, in pieces that fit into one answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.sources.prometheus import AnswerTooLong, Prometheus, QueryRefused, SourceAway

FIRST_PIECE: Final = timedelta(days=1)
LONGEST_PIECE: Final = timedelta(days=30)
LEAST_PIECE: Final = timedelta(minutes=5)
FULL: Final = 10_000
"""Samples in an answer that make the next piece no longer: a third of what is read of one answer."""


@dataclass(frozen=True, slots=True)
class Samples:
    """
    Attributes:
        at: Seconds since the Unix epoch, ascending.
        values: One for each instant.
    """

    at: list[float]
    values: list[float]


def samples(
    prometheus: Prometheus,
    selector: str,
    start: datetime,
    end: datetime,
    tell: Callable[[datetime], object] = lambda _: None,
) -> Samples:
    """
    The samples of the one series that *selector* selects, in (start, end].

    Args:
        tell: Called with how far it has come.

    Raises SourceAway, or QueryRefused when there is more than one series.
    """
    found = Samples([], [])
    piece, at = FIRST_PIECE, start
    while at < end:
        until = min(end, at + piece)
        try:
            pairs = _pairs(prometheus, selector, at, until)
        except AnswerTooLong:
            if piece / 2 < LEAST_PIECE:
                raise
            piece /= 2
            continue
        found.at.extend(float(when) for when, _ in pairs)
        found.values.extend(float(value) for _, value in pairs)
        at = until
        tell(at)
        if len(pairs) < FULL / 2:
            piece = min(piece * 2, LONGEST_PIECE)
    return found


def _pairs(prometheus: Prometheus, selector: str, start: datetime, end: datetime) -> list[Any]:
    length = round((end - start).total_seconds() * 1000)
    data = prometheus.ask(f"{selector}[{length}ms]", at=end)
    result = data.get("result")
    if data.get("resultType") != "matrix" or not isinstance(result, list):
        raise QueryRefused(f'{selector} selects no series: write it like probe_success{{instance="..."}}')
    if len(result) > 1:
        raise QueryRefused(f"{selector} selects {len(result)} series, and a check is one: name more labels")
    if not result:
        return []
    pairs = result[0].get("values") if isinstance(result[0], dict) else None
    if not isinstance(pairs, list):
        raise SourceAway("answered without values")
    # Prometheus 2 takes the sample at the beginning of the range too, Prometheus 3 does not.
    return [pair for pair in pairs if float(pair[0]) > start.timestamp()]
