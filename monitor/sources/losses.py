"""Queries that say whether data is lost, as Prometheus answers them now: above 0, or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.sources.prometheus import Prometheus, QueryRefused, SourceAway


@dataclass(frozen=True, slots=True)
class LossReading:
    """
    Attributes:
        value: None when Prometheus has nothing to say, which is no loss, or when nobody knows.
        problem: Why nobody knows; empty when it was answered.
    """

    name: str
    value: float | None
    problem: str = ""

    @property
    def is_lost(self) -> bool:
        return self.value is not None and self.value > 0


def read_losses(prometheus: Prometheus, queries: Mapping[str, str]) -> tuple[LossReading, ...]:
    """
    Args:
        queries: PromQL by name.
    """
    losses: list[LossReading] = []
    away = ""
    for name, query in queries.items():
        if away:  # each question to a Prometheus that is away takes its whole timeout
            losses.append(LossReading(name, None, away))
            continue
        try:
            losses.append(LossReading(name, prometheus.instant(query)))
        except QueryRefused as refused:
            losses.append(LossReading(name, None, str(refused)))
        except SourceAway as problem:
            away = str(problem)
            losses.append(LossReading(name, None, away))
    return tuple(losses)
