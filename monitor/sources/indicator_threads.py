"""Asks Prometheus for indicators, one question at a time and thread, so that the daemon's loop hands over and looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from queue import SimpleQueue

from loguru import logger

from monitor.core.indicator import Increment, Indicator, Span
from monitor.sources.indicators import IndicatorReader
from monitor.sources.prometheus import Prometheus, QueryRefused, SourceAway

WORKERS = 2
"""The traffic has four of the twenty questions that Prometheus answers at a time; the past of objectives can wait."""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    Attributes:
        indicator: Its id.
        problem: Why there are no increments; empty when they were found, be it none.
        refused: Asking again brings no other answer.
    """

    indicator: str
    span: Span
    increments: tuple[Increment, ...] = ()
    problem: str = ""
    refused: bool = False


class IndicatorThreads:
    """
    Args:
        ahead: Of the wall clock before our timeline, now.
    """

    def __init__(self, url: str, ahead: Callable[[], timedelta], workers: int = WORKERS) -> None:
        self._prometheus = Prometheus(url)
        self._ahead = ahead
        self._asked: SimpleQueue[tuple[Indicator, Span] | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._readers: dict[str, IndicatorReader] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"indicators-{i}", daemon=True) for i in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, indicator: Indicator, span: Span) -> None:
        self._asked.put((indicator, span))

    def answers(self) -> list[Answer]:
        """What came since the last call."""
        return [self._answers.get() for _ in range(self._answers.qsize())]

    def stop(self) -> None:
        """A thread that waits for Prometheus ends with the process."""
        for _ in self._threads:
            self._asked.put(None)

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            self._answers.put(self._answer(*asked))

    def _answer(self, indicator: Indicator, span: Span) -> Answer:
        # One question per indicator is under way at a time, so no two threads make its reader.
        reader = self._readers.setdefault(indicator.id, IndicatorReader(indicator, self._prometheus))
        try:
            return Answer(indicator.id, span, tuple(reader.read(span, self._ahead())))
        except QueryRefused as problem:
            return Answer(indicator.id, span, problem=str(problem), refused=True)
        except SourceAway as problem:
            return Answer(indicator.id, span, problem=str(problem))
        except Exception as problem:
            # Our own bug must neither end the thread nor look like health.
            logger.opt(exception=problem).error("{}: reading an objective failed in our own code", indicator.service)
            return Answer(indicator.id, span, problem=f"internal: {type(problem).__name__}")
