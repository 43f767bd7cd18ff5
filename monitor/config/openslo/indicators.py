"""
What an indicator counts, in our keys.

Probes, where its annotations say so; else what Prometheus counts, from the queries of its `ratioMetric`. Whether the
series of a query are those of our own probes cannot be told from its text.
"""

from __future__ import annotations

import re
from decimal import Decimal

from monitor.config.openslo import annotation
from monitor.config.openslo.fields import Field
from monitor.config.openslo.objects import Objects
from monitor.config.openslo.queries import counting
from monitor.config.values import meant

Counted = dict[str, tuple[str, int]]
"""By our keys, what to write there and the line that it comes from."""

_TELL = f"Add the annotation {annotation.SLI}: success or latency to count this service's own probes."


def indicator_of(holder: Field, objects: Objects) -> Field | None:
    """The indicator of an SLO's spec, or of one objective of a composite; that there is none is told."""
    inline, reference = holder.get("indicator"), holder.get("indicatorRef")
    if inline is not None and reference is not None:
        reference.refuse("stands beside indicator", "Keep one of them.")
        return None
    if reference is not None:
        found = objects.named("SLI", reference)
        if found is None:
            reference.refuse(*objects.missing("SLI", reference))
        return found
    if inline is None:
        holder.refuse("has no indicator", "Add indicator: or indicatorRef:.")
    return inline


def annotated(named: Field, key: str) -> Field | None:
    metadata = named.get("metadata")
    notes = metadata.get("annotations") if metadata else None
    return notes.get(key) if notes else None


def counted_by(indicator: Field, objective: Field, objects: Objects) -> Counted | None:
    """
    Args:
        objective: Whose `op` and `value` belong to a thresholdMetric.

    Returns:
        None when it cannot be carried over, which is told.
    """
    spec = indicator.need("spec")
    if spec is None or not spec.is_group():
        return None
    spec.known("description", "thresholdMetric", "ratioMetric")
    ratio, threshold = spec.get("ratioMetric"), spec.get("thresholdMetric")
    if (ratio is None) == (threshold is None):
        spec.refuse("needs either ratioMetric or thresholdMetric", "Write one of them.")
        return None
    notes = {key: annotated(indicator, its_name) for its_name, key in annotation.OF_INDICATOR.items()}
    probes = {key: (text, note.line) for key, note in notes.items() if note and (text := note.text())}
    if threshold is not None:
        return _faster_than(threshold, objective, probes)
    assert ratio is not None  # one of the two stands there
    if "sli" in probes:
        return probes
    counted = _from_prometheus(ratio, objects)
    return counted and {**counted, **{key: probes[key] for key in ("window",) if key in probes}}


def _faster_than(threshold: Field, objective: Field, probes: Counted) -> Counted | None:
    """`op: lt` and a value, in seconds, are a latency of probes; what another query means is not to be known."""
    if probes.get("sli", ("",))[0] != "latency":
        fix = (
            f"Add the annotation {annotation.SLI}: latency if the value is in seconds and means this service's probes."
        )
        threshold.refuse("compares a series with a limit, and does not say that it is a latency of probes", fix)
        return None
    op, value = objective.need("op"), objective.need("value")
    if op is None or value is None:
        return None
    # A latency is measured in microseconds, so up to a limit and below it are the same.
    if op.text() not in ("lt", "lte"):
        op.refuse(f"{op.shown()} would make slow what is good", "Write lt or lte: a latency is good below its limit.")
        return None
    written = value.text() or ""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", written, re.ASCII) or not Decimal(written):
        value.refuse(f"{value.shown()} is not a number of seconds", "Write for example 0.3 for 300 ms.")
        return None
    return {**probes, "under": (f"{written}s", value.line)}


def _from_prometheus(ratio: Field, objects: Objects) -> Counted | None:
    ratio.known("counter", "good", "bad", "total", "rawType", "raw")
    if (raw := ratio.get("raw")) is not None:
        found = "a ratio that was computed before has no counts, and a budget here is of counts"
        raw.refuse(found, f"Write good or bad, and total. {_TELL}")
        return None
    good, bad, total = ratio.get("good"), ratio.get("bad"), ratio.need("total")
    if (good is None) == (bad is None):
        ratio.refuse("needs either good or bad beside total", "Write one of them.")
        return None
    queries = {"good": good, "bad": bad, "total": total}
    goes_down = ratio.string("counter").lower() == "false"
    counted = {key: _query(metric, goes_down, objects) for key, metric in queries.items() if metric is not None}
    if total is None or None in counted.values():
        return None
    return {"sli": ("ratio", ratio.line), **{key: query for key, query in counted.items() if query}}


def _query(metric: Field, goes_down: bool, objects: Objects) -> tuple[str, int] | None:
    """The PromQL of one metric and its line."""
    source = metric.need("metricSource")
    if source is None:
        return None
    kind, reference = source.get("type"), source.get("metricSourceRef")
    if reference is not None and (data_source := objects.named("DataSource", reference)) is not None:
        spec = data_source.get("spec")
        kind = kind or (spec.get("type") if spec else None)
    if kind is None:
        if reference is not None:
            reference.refuse(*objects.missing("DataSource", reference))
        else:
            source.refuse("has neither type nor metricSourceRef", "Add type: Prometheus.")
        return None
    if (kind.text() or "").casefold() != "prometheus":
        kind.refuse(f"{kind.shown()} is not asked here", f"Only Prometheus is. {_TELL}")
        return None
    spec = source.need("spec")
    query = spec.get("query") if spec else None
    if query is None:
        if spec is not None:
            found = "has no query"
            spec.refuse(found, meant("query", list(getattr(spec.node, "entries", {}))))
        return None
    counted = counting(query.text() or "", goes_down)
    if counted is None:
        fix = "Write a counter, or increase over [{{.window}}]: sum(increase(requests_total[{{.window}}]))."
        query.refuse("does not say what is counted within a window", fix)
    return (counted, query.line) if counted else None
