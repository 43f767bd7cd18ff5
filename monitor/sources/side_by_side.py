"""
Questions asked side by side, with one end for all of them. What is not answered by then is missing: nobody waits for
it, whatever it hangs in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

from loguru import logger

from monitor.sources.prometheus import SourceAway

T = TypeVar("T")

MOST_AT_WORK: Final = 64
"""Threads. A server that lets each answer trickle would otherwise hold one more with every incident."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """
    Attributes:
        value: None: it is missing, and `problem` says why.
        seconds: Until that was known.
    """

    value: T | None
    problem: str = ""
    seconds: float = 0.0


Wait = Callable[["SimpleQueue[tuple[str, Found[object]]]", float], tuple[str, Found[object]]]


def _wait(arrived: SimpleQueue[tuple[str, Found[object]]], seconds: float) -> tuple[str, Found[object]]:
    return arrived.get(timeout=seconds)


class SideBySide:
    """
    Args:
        now: Seconds of a clock that is never set.
        wait: For the next answer, that many seconds at most; raises Empty.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, wait: Wait = _wait) -> None:
        self._now = now
        self._wait = wait
        self._lock = threading.Lock()
        self._at_work = 0

    def ask(self, questions: Mapping[str, Callable[[], object]], patience: float) -> dict[str, Found[object]]:
        """*questions*: each may block, and may raise. One answer each comes back, within *patience* seconds."""
        began = self._now()
        arrived: SimpleQueue[tuple[str, Found[object]]] = SimpleQueue()
        found: dict[str, Found[object]] = {}
        for name, question in questions.items():
            if not self._begin(name, question, arrived, began):
                found[name] = Found(None, "not asked, too many earlier questions wait for an answer")
        while len(found) < len(questions) and (left := began + patience - self._now()) > 0:
            try:
                name, answer = self._wait(arrived, left)
            except Empty:
                break
            found[name] = answer
        late: Found[object] = Found(None, f"no answer within {patience:g} s", patience)
        return {name: found.get(name, late) for name in questions}

    def _begin(
        self,
        name: str,
        question: Callable[[], object],
        arrived: SimpleQueue[tuple[str, Found[object]]],
        began: float,
    ) -> bool:
        with self._lock:
            if self._at_work >= MOST_AT_WORK:
                return False
            self._at_work += 1

        def work() -> None:
            try:
                answer = self._answered(question)
                arrived.put((name, Found(answer.value, answer.problem, self._now() - began)))
            finally:
                with self._lock:
                    self._at_work -= 1

        try:
            # A daemon thread: one that hangs keeps no process from ending.
            threading.Thread(target=work, name=f"evidence-{name}", daemon=True).start()
        except RuntimeError:  # no thread is to be had
            with self._lock:
                self._at_work -= 1
            return False
        return True

    def _answered(self, question: Callable[[], object]) -> Found[object]:
        try:
            return Found(question())
        except SourceAway as away:
            return Found(None, str(away))
        except Exception as error:  # a bug of ours costs this one source and no evidence of the others
            logger.opt(exception=error).warning("evidence: a source was asked in a wrong way: {}", type(error).__name__)
            return Found(None, f"our own mistake ({type(error).__name__})")
