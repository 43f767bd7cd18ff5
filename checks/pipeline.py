"""
What an OpenTelemetry Collector's own metrics say of its pipeline: what was lost, and how full its queues are.

Reads the few families it needs from the Prometheus text of :8888. Their names changed over the years: with and without
`_total` (it became the default with the OpenMetrics exporter), and one per signal (`..._spans`, `..._metric_points`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from checks.urls import clip

FULL: Final = 0.9
"""Share of a sending queue from which on the next hiccup loses data."""

# A fact becomes the next probe's `previous` and crosses between processes: a target must not be able to make thousands.
MAX_FACTS: Final = 200
_NAME_LIMIT: Final = 80

_SAMPLE: Final = re.compile(
    r"^otelcol_((?:exporter|receiver)_[a-z_]+?)(?:_total)?(?:\{(.*)\})?[ \t]+([0-9.eE+-]+)(?:[ \t]+-?\d+)?[ \t]*\r?$",
    re.MULTILINE,
)
_COMPONENT: Final = re.compile(r'(?:^|,)\s*(?:exporter|receiver)="((?:[^"\\]|\\.)*)"')
_LOSSES: Final = {
    "exporter_send_failed_": "failed to send",
    "exporter_enqueue_failed_": "dropped at a full queue",
    "receiver_refused_": "refused",
}


@dataclass(slots=True)
class Pipeline:
    """
    Attributes:
        facts: Each loss counter as `exporter_send_failed_spans otlp`, and the fullest queue as `queue_fullness`.
        troubles: What is wrong now, one clause each.
    """

    facts: dict[str, float] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)


def read_pipeline(text: str, previous: Mapping[str, float]) -> Pipeline:
    """Total: whatever *text* is. A counter seen for the first time, or one that fell (a restart), has lost nothing."""
    counters, queues = _collect(text)
    found = Pipeline()
    for (family, component), value in counters.items():
        key = f"{family} {component}"
        found.facts[key] = value
        lost = value - previous.get(key, value)
        if lost > 0:
            found.troubles.append(_loss(family, component, lost))
    for component, (size, capacity) in queues.items():
        if capacity <= 0:
            continue
        fullness = size / capacity
        found.facts["queue_fullness"] = max(fullness, found.facts.get("queue_fullness", 0.0))
        if fullness >= FULL:
            found.troubles.append(f"exporter {component}: its sending queue is {fullness:.0%} full ({size:.0f})")
    return found


def _collect(text: str) -> tuple[dict[tuple[str, str], float], dict[str, list[float]]]:
    """
    Loss counters by (family, component), and [size, capacity] of each exporter's queue.

    Series of one component that differ in other labels (transport, data type) are summed: the one that happens to stand
    last would otherwise speak for all of them.
    """
    counters: dict[tuple[str, str], float] = {}
    queues: dict[str, list[float]] = {}
    for family, labels, number in _SAMPLE.findall(text):
        value = _number(number)
        if value is None:
            continue
        component = _component(labels)
        if family.startswith(tuple(_LOSSES)):
            if len(counters) < MAX_FACTS or (family, component) in counters:
                counters[family, component] = counters.get((family, component), 0.0) + value
        elif family in ("exporter_queue_size", "exporter_queue_capacity"):
            queue = queues.setdefault(component, [0.0, 0.0])
            queue[family == "exporter_queue_capacity"] += value
    return counters, queues


def _loss(family: str, component: str, lost: float) -> str:
    start = next(prefix for prefix in _LOSSES if family.startswith(prefix))
    what = family.removeprefix(start).replace("_", " ")
    return f"{family.partition('_')[0]} {component}: {lost:.0f} {what} {_LOSSES[start]} since the last probe"


def _component(labels: str) -> str:
    found = _COMPONENT.search(labels)
    return clip(found.group(1), _NAME_LIMIT) if found else "?"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
