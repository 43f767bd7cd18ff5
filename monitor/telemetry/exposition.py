"""
Prometheus' text format, and OpenMetrics for those who ask for it: how a number of ours is written down to be scraped.

What OTLP sends is named here as OpenTelemetry's rules for Prometheus say, so that a dashboard does not depend on the
way that a number came.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/,
https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md and
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from monitor.telemetry.names import Kind, Metric

PIECE: Final = 250
"""Checks, or what else there may be any number of, whose lines are written in one turn: about a millisecond."""

_UNITS: Final[Mapping[str, str]] = {"s": "_seconds", "1": "_ratio"}
_ODD: Final[Mapping[str, str]] = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}
_VERSIONS: Final = ("", "0.0.1", "1.0.0")


class Dialect(StrEnum):
    """Its value is the Content-Type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def dialect_of(accept: str) -> Dialect:
    """OpenMetrics for who names it and likes it no less than plain text; so a browser is shown text."""
    wanted = dict.fromkeys(Dialect, 0.0)
    for item in accept.split(","):
        media, *given = (part.strip() for part in item.lower().split(";"))
        parameters = dict(part.partition("=")[::2] for part in given)
        quality = _quality(parameters.get("q", "1"))
        if media == "application/openmetrics-text" and parameters.get("version", "") in _VERSIONS:
            wanted[Dialect.OPENMETRICS] = max(wanted[Dialect.OPENMETRICS], quality)
        elif media == "text/plain":
            wanted[Dialect.TEXT] = max(wanted[Dialect.TEXT], quality)
    asked = wanted[Dialect.OPENMETRICS]
    return Dialect.OPENMETRICS if asked > 0 and asked >= wanted[Dialect.TEXT] else Dialect.TEXT


def _quality(text: str) -> float:
    """Between 0 and 1; 0 for what is no number of that form."""
    plain = text.replace(".", "", 1)
    return min(1.0, float(text)) if plain.isascii() and plain.isdigit() else 0.0


def name_of(metric: Metric) -> str:
    """A name with colons is a recorded one already, and stays what it is."""
    if ":" in metric.name:
        return metric.name
    # Only a gauge that has the unit 1 is a ratio; what stands in braces is a word for people.
    unit = "" if metric.unit.startswith("{") else _UNITS[metric.unit]
    return metric.name.replace(".", "_") + unit + ("_total" if metric.kind == "counter" else "")


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def labels(pairs: Iterable[tuple[str, str]]) -> str:
    """`{a="b",c="d"}`; empty where there are none."""
    text = ",".join([f'{name}="{escape(value)}"' for name, value in pairs])
    return f"{{{text}}}" if text else ""


def number(value: float) -> str:
    text = repr(value)
    return _ODD.get(text, text)


def head(name: str, kind: Kind, meaning: str, dialect: Dialect) -> str:
    """What stands above the samples of a metric."""
    if dialect is Dialect.OPENMETRICS and kind == "counter":
        name = name.removesuffix("_total")
    return f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"


def samples(metric: Metric, values: Iterable[tuple[str, float]], dialect: Dialect) -> str:
    """A gauge or a counter with its *values* by their labels; empty where there are none."""
    name = name_of(metric)
    lines = "".join([f"{name}{whose} {number(value)}\n" for whose, value in values])
    return head(name, metric.kind, metric.meaning, dialect) + lines if lines else ""


def histogram(metric: Metric, counts: Sequence[int], total: float, dialect: Dialect) -> str:
    """*counts*: of each bucket alone, the last that of what lies above all bounds. It has no labels of its own."""
    name, below = name_of(metric), 0
    lines = [head(name, metric.kind, metric.meaning, dialect)]
    for bound, count in zip((*metric.bounds, float("inf")), counts, strict=True):
        below += count
        lines.append(f'{name}_bucket{{le="{number(bound)}"}} {below}\n')
    lines.append(f"{name}_sum {number(total)}\n{name}_count {below}\n")
    return "".join(lines)


def by_metric(
    metrics: Iterable[Metric], readings: Sequence[tuple[str, Mapping[str, float]]], dialect: Dialect
) -> Iterator[str]:
    """
    Gauges of what there may be any number of, in pieces; an empty piece is a turn in which nothing was found.

    Args:
        readings: Labels, and values by the names of the metrics; what has no data is not in it.
    """
    for metric in metrics:
        begun = False
        for begin in range(0, len(readings), PIECE):
            part = readings[begin : begin + PIECE]
            name = name_of(metric)
            lines = [f"{name}{whose} {number(found[metric.name])}\n" for whose, found in part if metric.name in found]
            if lines and not begun:
                lines.insert(0, head(name, metric.kind, metric.meaning, dialect))
                begun = True
            yield "".join(lines)


def end(dialect: Dialect) -> str:
    return "# EOF\n" if dialect is Dialect.OPENMETRICS else ""
