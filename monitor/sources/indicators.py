"""
What an indicator's counters grew by in each minute, or each hour, of a span: the questions to Prometheus.

A minute is the mean of the window that ends with it. Each pair of samples then lies within several windows, and a
single error counts as one, where windows end to end would miss what falls between two of them. A slice is asked for as
a whole, at its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Final

from monitor.core.indicator import MINUTE, RATIO_RATE, WEIGHT, Increment, Indicator, Span, slices_of
from monitor.sources.prometheus import Prometheus, QueryRefused, series_of

WINDOW: Final = "$window"
RECORDED: Final[Mapping[timedelta, str]] = {
    timedelta(minutes=5): "5m",
    timedelta(minutes=30): "30m",
    timedelta(hours=1): "1h",
}
"""Of the windows that sloth records, those that may be a minute's, an hour's or a slice's."""
_SHOWN: Final = 12
"""Boundaries that a message names."""


class IndicatorReader:
    """Reads one indicator. Blocks while Prometheus thinks, so it belongs on a thread of `IndicatorThreads`."""

    def __init__(self, indicator: Indicator, prometheus: Prometheus) -> None:
        self._indicator = indicator
        self._prometheus = prometheus
        self._counted_good = False

    def read(self, span: Span, ahead: timedelta) -> list[Increment]:
        """
        The minutes or hours of *span* of which something is known; with timeslices, the slices that end in it.

        Args:
            ahead: Of the wall clock before our timeline. Prometheus goes by the wall clock.

        Raises SourceAway, and QueryRefused where only a person who changes the objective helps.
        """
        window = self._indicator.window if span.step == MINUTE else span.step
        if self._indicator.slices is not None:
            window = self._indicator.slices.length
            inside = slices_of(span, self._indicator.slices)
            if inside is None:
                return []
            span = inside
        if self._indicator.recorded is not None:
            return self._recorded(self._indicator.recorded, span, window, ahead)
        queries = self._queries(span.last + ahead)
        if queries is None:
            return []
        total_query, good_query, bad_query = queries
        total = self._series(total_query, span, window, ahead)
        part = self._series(good_query or bad_query, span, window, ahead)
        share = span.step / window
        if good_query is not None:
            self._counted_good = self._counted_good or bool(part)
            if not self._counted_good and any(total.values()):
                # Taken for nothing it would make every request a bad one.
                raise QueryRefused("good gives no series while total counts: is it spelled right?")
        found = []
        for at, came in sorted(total.items()):
            all_of_it = max(0.0, came) * share
            # Two counters may be scraped at two instants: for a moment there are more errors than requests.
            some = min(all_of_it, max(0.0, part.get(at, 0.0)) * share)
            good, bad = (some, all_of_it - some) if good_query is not None else (all_of_it - some, some)
            found.append(Increment(datetime.fromtimestamp(at, UTC) - ahead, good, bad))
        return found

    def _recorded(self, labels: str, span: Span, window: timedelta, ahead: timedelta) -> list[Increment]:
        """
        What sloth's rules recorded of the window that ends with each minute, hour or slice.

        Each minute has the same weight, so nights count as days do. Without requests there is no ratio, but a NaN.
        """
        query = recorded(labels, RECORDED[window])
        step = span.step.total_seconds()
        data = self._prometheus.ask_range(query, span.first + ahead, span.last + ahead, step)
        found = []
        for at, ratio in sorted(series_of(data, "add labels to recorded", keep_nan=True).items()):
            weight = 0.0 if isnan(ratio) else WEIGHT * (span.step / MINUTE)
            # As above, a rule may have seen more errors than requests.
            bad = weight and weight * min(1.0, max(0.0, ratio))
            found.append(Increment(datetime.fromtimestamp(at, UTC) - ahead, weight - bad, bad))
        return found

    def _queries(self, at: datetime) -> tuple[str, str | None, str | None] | None:
        """Those of total, good and bad; None where there is no histogram at that time."""
        indicator = self._indicator
        if indicator.histogram is None or indicator.under is None:
            return indicator.total, indicator.good, indicator.bad
        if not is_classic(indicator.histogram):
            return *native(indicator.histogram, indicator.under), None
        buckets = self._boundaries(indicator.histogram, at)
        if not buckets:
            return None
        under = indicator.under.total_seconds()
        labels = [label for label, limit in buckets if limit == under]
        if not labels:
            raise QueryRefused(_no_boundary(indicator.histogram, under, sorted({limit for _, limit in buckets})))
        return (
            grown(indicator.histogram, [label for label, limit in buckets if limit == float("inf")]),
            grown(indicator.histogram, labels),
            None,
        )

    def _boundaries(self, histogram: str, at: datetime) -> list[tuple[str, float]]:
        """As they are written and as numbers: `1`, `1.0` and `1e+00` are one boundary of three client libraries."""
        data = self._prometheus.ask(f"count by (le) ({histogram})", at)
        labels = (series.get("metric", {}).get("le") for series in data.get("result", ()) if isinstance(series, dict))
        return [(label, limit) for label in labels if (limit := _number(label)) is not None]

    def _series(self, query: str | None, span: Span, window: timedelta, ahead: timedelta) -> dict[float, float]:
        if query is None:
            return {}
        asked = query.replace(WINDOW, f"{window.total_seconds():.0f}s")
        step = span.step.total_seconds()
        return series_of(self._prometheus.ask_range(asked, span.first + ahead, span.last + ahead, step))


def recorded(labels: str, window: str) -> str:
    """
    The one series of a window. By its label as well: what we publish under that name has none, and is not meant.

    Source: https://sloth.dev, the rules of "SLIs": `slo:sli_error:ratio_rate5m` with the labels `sloth_id`,
    `sloth_service`, `sloth_slo` and `sloth_window`, and those of the team.
    """
    inside = labels.strip().removeprefix("{").removesuffix("}").strip().rstrip(",")
    return f'{RATIO_RATE}{window}{{{inside},sloth_window="{window}"}}'


def is_classic(histogram: str) -> bool:
    """By its name: the buckets of a classic histogram are series of their own."""
    return _name_of(histogram).endswith("_bucket")


def native(histogram: str, under: timedelta) -> tuple[str, str]:
    """PromQL of total and good. From minus infinity on: at 0 the narrow bucket around it would be cut in two."""
    came = f"sum(increase({histogram}[{WINDOW}]))"
    count = f"histogram_count({came})"
    return count, f"histogram_fraction(-Inf, {under.total_seconds():g}, {came}) * {count}"


def _name_of(histogram: str) -> str:
    return histogram.partition("{")[0].strip()


def grown(histogram: str, labels: list[str]) -> str:
    """PromQL: how many observations the buckets with these labels took in within `$window`."""
    le = "|".join(re.escape(label).replace("\\", "\\\\") for label in labels)
    matchers = histogram.strip().partition("{")[2]
    inside = matchers.removesuffix("}").strip().rstrip(",")
    matchers = f'{inside},le=~"{le}"' if inside else f'le=~"{le}"'
    return f"sum(increase({_name_of(histogram)}{{{matchers}}}[{WINDOW}]))"


def _no_boundary(histogram: str, under: float, limits: list[float]) -> str:
    name = _name_of(histogram)
    finite = sorted((limit for limit in limits if limit != float("inf")), key=lambda limit: abs(limit - under))
    shown = ", ".join(f"{limit:g}" for limit in sorted(finite[:_SHOWN])) + (" and more" if finite[_SHOWN:] else "")
    return f"{under:g} s is no boundary of {name}; there are {shown or 'none'} (seconds): use one of them as under"


def _number(label: object) -> float | None:
    try:
        return float(label) if isinstance(label, str) else None
    except ValueError:
        return None
