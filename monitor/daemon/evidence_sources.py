"""Which sources are asked for evidence of a scene, and what for: as far as they are configured."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from math import ceil
from typing import Final

from checks.check import CollectorQuestion
from monitor.config import Config, Loki
from monitor.config.evidence import QUERIES
from monitor.core.baseline import Signal
from monitor.response.at_hand import Tools
from monitor.response.measures import Measure, ratios
from monitor.response.stabilise import LOGS_BEFORE, Scene
from monitor.sources.grafana import panel_image
from monitor.sources.loki import LogLines, filled, first_found, queries_of
from monitor.sources.prometheus import Prometheus, series_of
from monitor.sources.tempo import awaited

STEP: Final = timedelta(seconds=30)
"""Between two values of a picture."""
MOST_VALUES: Final = 300
"""Of one measure: trouble that crept in may have begun hours ago."""
PROMETHEUS_PATIENCE: Final = 3.5
"""Seconds for one query; an error rate takes two, one after the other."""
MARGIN: Final = 0.5
"""Seconds by which a source ends before the whole does, so that its own reason is told."""


def asked_of(config: Config, scene: Scene, until: float) -> dict[str, Callable[[], object]]:
    """
    Questions by the name of their answer.

    Args:
        until: By when all must have been answered, by `time.monotonic`.
    """
    until -= MARGIN
    sources = config.sources
    asked: dict[str, Callable[[], object]] = {}
    if sources.prometheus is not None:
        asked |= {m.name: partial(_measured, sources.prometheus, m, scene) for m in scene.measured}
    if sources.loki is not None:
        if scene.trace_id and (queries := queries_of(sources.loki.queries, of_trace=True)):
            asked["trace lines"] = partial(_lines, sources.loki, queries, scene, until)
        if queries := queries_of(sources.loki.queries, of_trace=False):
            asked["service lines"] = partial(_lines, sources.loki, queries, scene, until)
    if sources.tempo is not None and scene.trace_id:
        asked["trace"] = partial(awaited, sources.tempo, scene.trace_id, until)
    if sources.grafana is not None:
        for name, panel in sources.grafana.panels.items():
            asked[f"panel {name}"] = partial(panel_image, sources.grafana, panel, scene.since, scene.at, until)
    return asked


def tools_of(config: Config, services: tuple[str, ...]) -> Tools | None:
    """None where the incident is of no service that is configured."""
    service = config.services.get(services[0])
    if service is None:
        return None
    sources = config.sources
    queries = queries_of(sources.loki.queries if sources.loki else QUERIES, of_trace=False) or QUERIES[-1:]
    collectors = dict.fromkeys(c.question.url for c in config.all_checks() if isinstance(c.question, CollectorQuestion))
    return Tools(
        services=tuple(name for name in services if name in config.services),
        logs=service.logs,
        log_query=filled(queries[0], service.name, ""),
        loki=_base(sources.loki.url) if sources.loki else None,
        tempo=_base(sources.tempo.url) if sources.tempo else None,
        grafana=_base(sources.grafana.url) if sources.grafana else None,
        collectors=tuple(collectors),
    )


def _measured(url: str, measure: Measure, scene: Scene) -> Measure:
    step = max(STEP, (scene.at - scene.since) / MOST_VALUES)
    # Counted back from now, so that the last value is that of now.
    start = scene.at - step * ceil((scene.at - scene.since) / step)
    with closing(Prometheus(url, PROMETHEUS_PATIENCE)) as prometheus:
        asked = [prometheus.ask_range(query, start, scene.at, step.total_seconds()) for query in measure.queries]
    found = [series_of(answer) for answer in asked]
    points = ratios(*found) if measure.signal is Signal.ERROR_RATIO else found[0]
    return replace(measure, points=points)


def _lines(loki: Loki, queries: tuple[str, ...], scene: Scene, until: float) -> LogLines:
    asked = [filled(query, scene.service, scene.trace_id) for query in queries]
    return first_found(loki, asked, scene.failed_at - LOGS_BEFORE, scene.at, until)


def _base(url: str) -> str:
    return url.rstrip("/")
