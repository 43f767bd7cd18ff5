"""Rules of an objective that Prometheus counts: `sli: ratio`, `sli: sloth`, and `sli: latency` with a histogram."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from monitor.config.problems import Path
from monitor.config.reading import Reading
from monitor.config.shape.slo import SloShape
from monitor.core.counting import Slices
from monitor.core.indicator import Indicator

DEFAULT_WINDOW: Final = timedelta(minutes=5)
WINDOW: Final = "$window"
_QUERIES: Final = ("total", "good", "bad")
_STRINGS: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`')
_PER_SECOND: Final = re.compile(r"\bi?rate\s*\(")
_SELECTOR: Final = re.compile(r"\s*[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{[^{}]*\})?\s*")
_LABELS: Final = re.compile(r'\s*\{\s*\w+\s*(=|!=|=~|!~)\s*""\s*(,\s*\w+\s*(=|!=|=~|!~)\s*""\s*)*,?\s*\}\s*', re.ASCII)
SLOTH_SLICES: Final = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=1))
_LE: Final = re.compile(r"[{,]\s*le\s*(=|!)")


def is_measured(slo: SloShape) -> bool:
    """Whether Prometheus counts it, and not its checks."""
    return slo.sli in ("ratio", "sloth") or slo.histogram is not None


def indicator_of(service: str, slo: SloShape, slices: Slices | None) -> Indicator | None:
    if not is_measured(slo):
        return None
    return Indicator(
        service=service,
        total=slo.total or "",
        good=slo.good,
        bad=slo.bad,
        histogram=slo.histogram.strip() if slo.histogram is not None else None,
        under=slo.under,
        window=slices.length if slices is not None else slo.window or DEFAULT_WINDOW,
        recorded=slo.recorded.strip() if slo.recorded is not None else None,
        slices=slices,
    )


def enforce(slo: SloShape, has_prometheus: bool, path: Path, reading: Reading) -> None:
    """Tells *reading* every problem. *path*: of the objective."""
    _misplaced(slo, path, reading)
    if not is_measured(slo):
        return
    if slo.check is not None:
        reading.tell((*path, "check"), "is for probes only", "Remove it: Prometheus counts this objective.")
    if slo.window is not None and slo.budgeting == "timeslices" and slo.sli != "sloth":
        found = "stands beside timeslices, which ask for a slice as a whole"
        reading.tell((*path, "window"), found, "Remove it: with timeslices $window is the slice.")
    if slo.sli == "ratio":
        _ratio(slo, path, reading)
    elif slo.sli == "sloth":
        _sloth(slo, path, reading)
    else:
        _histogram(slo.histogram or "", (*path, "histogram"), reading)
    if not has_prometheus and not reading.is_wrong(("sources",)) and not reading.is_wrong(path):
        fix = "Add sources: {prometheus: http://localhost:9090}, or remove this objective."
        reading.tell((*path, "sli"), "there is no Prometheus to ask", fix)


def _misplaced(slo: SloShape, path: Path, reading: Reading) -> None:
    if slo.sli is None:
        return
    for key in _QUERIES:
        if slo.sli != "ratio" and getattr(slo, key) is not None:
            reading.tell((*path, key), "is for ratio only", "Write sli: ratio, or remove it.")
    if slo.sli != "latency" and slo.histogram is not None:
        reading.tell((*path, "histogram"), "is for latency only", "Write sli: latency, or remove it.")
    if slo.sli != "sloth" and slo.recorded is not None:
        reading.tell((*path, "recorded"), "is for sloth only", "Write sli: sloth, or remove it.")
    if slo.window is not None and (slo.sli == "sloth" or not is_measured(slo)):
        fix = "Remove it: probes are counted, not a range of Prometheus."
        if slo.sli == "sloth":
            fix = "Remove it: sloth has recorded over windows of its own."
        reading.tell((*path, "window"), "is for ratio and histogram only", fix)


def _ratio(slo: SloShape, path: Path, reading: Reading) -> None:
    example = "sum(increase(http_requests_total[$window]))"
    if slo.total is None and not reading.is_wrong((*path, "total")):
        reading.tell((*path, "total"), "is missing", f"Add total: PromQL that counts all requests, like {example}.")
    if slo.good is not None and slo.bad is not None:
        reading.tell((*path, "bad"), "stands beside good", "Keep one of them: the other is what is left of total.")
    elif slo.good is None and slo.bad is None and not any(reading.is_wrong((*path, key)) for key in ("good", "bad")):
        fix = 'Add bad: PromQL, like sum(increase(http_requests_total{code=~"5.."}[$window])).'
        reading.tell(path, "counts neither good nor bad requests", fix)
    for key in _QUERIES:
        query = getattr(slo, key)
        if query is not None:
            _query(_STRINGS.sub('""', query), (*path, key), reading)


def _sloth(slo: SloShape, path: Path, reading: Reading) -> None:
    example = 'like {sloth_service="shop",sloth_slo="availability"}.'
    if slo.recorded is None:
        if not reading.is_wrong((*path, "recorded")):
            reading.tell((*path, "recorded"), "is missing", f"Add recorded: the labels of sloth's rules, {example}")
    elif not _LABELS.fullmatch(labels := _STRINGS.sub('""', slo.recorded)):
        found = "is no set of labels in braces"
        reading.tell((*path, "recorded"), found, f"Write the labels of sloth's rules alone, {example}")
    elif "sloth_window" in labels:
        found = "chooses sloth_window"
        reading.tell((*path, "recorded"), found, "Leave it out: minutes, hours and slices have a window each.")
    if slo.budgeting == "timeslices" and slo.slice is not None and slo.slice not in SLOTH_SLICES:
        found = "sloth records no window of that length"
        reading.tell((*path, "slice"), found, "Use 5m, 30m or 1h.")


def _query(query: str, path: Path, reading: Reading) -> None:
    if WINDOW not in query:
        reading.tell(path, "holds no $window: it counts a time of its own", f"Write [{WINDOW}] for its range.")
    elif _PER_SECOND.search(query):
        reading.tell(path, "takes a rate, which is per second: counts are needed", "Write increase( instead of rate(.")


def _histogram(histogram: str, path: Path, reading: Reading) -> None:
    selector = _STRINGS.sub('""', histogram)
    if not _SELECTOR.fullmatch(selector):
        fix = 'Write its name and labels, like http_request_duration_seconds_bucket{job="shop"}.'
        reading.tell(path, "is no selector of a histogram", fix)
    elif selector.partition("{")[0].strip().endswith(("_count", "_sum")):
        fix = "Write its name with _bucket at the end, or without an end if it is a native histogram."
        reading.tell(path, "is the count or the sum of a histogram, and holds no latencies", fix)
    elif _LE.search(selector):
        reading.tell(path, "chooses buckets by le", "Leave le out: under says which.")
