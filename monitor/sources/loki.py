"""
Lines of Loki: how a probe's trace is labelled differs from place to place, so queries are tried in order until one
finds something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from monitor.config import Source
from monitor.sources.fetching import Answered, fetch_json
from monitor.sources.prometheus import SourceAway

TRACE: Final = "{trace_id}"
SERVICE: Final = "{service}"
MOST_LINES: Final = 100
LONGEST_LINE: Final = 4_000
"""Characters that are kept of one line, for whoever masks and cuts it: a line may be a megabyte."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """
    Attributes:
        cut: Whether there was more of it.
    """

    at: datetime
    text: str = field(repr=False)
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """
    Attributes:
        query: The one that found them; the last that was tried where none did.
        tried: Each query before it, and what came of it.
        lines: Oldest first, the newest `MOST_LINES`.
    """

    query: str
    tried: tuple[tuple[str, str], ...] = ()
    lines: tuple[LogLine, ...] = ()


def queries_of(templates: Iterable[str], *, of_trace: bool) -> tuple[str, ...]:
    """Those for the probe's trace, or those for the service as a whole."""
    return tuple(template for template in templates if (TRACE in template) is of_trace)


def filled(template: str, service: str, trace_id: str) -> str:
    """*template* with its two names, each as it may stand in quotes."""
    return template.replace(TRACE, _quoted(trace_id)).replace(SERVICE, _quoted(service))


def first_found(loki: Source, queries: Sequence[str], start: datetime, end: datetime, until: float) -> LogLines:
    """
    The lines of the first of *queries* that finds some. A query that Loki refuses is passed over.

    Raises:
        SourceAway: Loki itself is away, or refuses every query.
    """
    tried: list[tuple[str, str]] = []
    refused: Answered | None = None
    for query in queries:
        try:
            lines = lines_of(_asked(loki, query, start, end, until))
        except Answered as answer:
            if answer.status != 400:
                raise
            refused = answer
            tried.append((query, f"refused, {answer}"))
            continue
        if lines:
            return LogLines(query=query, tried=tuple(tried), lines=lines)
        tried.append((query, "no line"))
    if refused is not None and all(came.startswith("refused") for _, came in tried):
        raise refused
    return LogLines(query=queries[-1], tried=tuple(tried[:-1]))


def _asked(loki: Source, query: str, start: datetime, end: datetime, until: float) -> dict[str, Any]:
    parameters = {
        "query": query,
        "start": str(_nanoseconds(start)),
        "end": str(_nanoseconds(end)),
        "limit": str(MOST_LINES),
        "direction": "backward",
    }
    return fetch_json(loki, "/loki/api/v1/query_range", parameters, until)


def lines_of(answer: dict[str, Any]) -> tuple[LogLine, ...]:
    """Oldest first; pure and total but for SourceAway, where the answer is none of a log query."""
    data = answer.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("result"), list):
        raise SourceAway("answered without a result")
    if data.get("resultType") != "streams":
        raise SourceAway("the query gives numbers and not lines: take a log query")
    return tuple(sorted(_lines(data["result"]), key=lambda line: line.at)[-MOST_LINES:])


def _lines(streams: list[Any]) -> Iterator[LogLine]:
    for stream in streams:
        values = stream.get("values") if isinstance(stream, dict) else None
        for value in values if isinstance(values, list) else ():
            try:
                nanoseconds, text = int(value[0]), str(value[1])
                at = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
            except (ValueError, TypeError, IndexError, KeyError, OverflowError, OSError):
                continue  # one line that cannot be read hides no other
            yield LogLine(at, text[:LONGEST_LINE], cut=len(text) > LONGEST_LINE)


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
