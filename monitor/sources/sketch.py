"""
The past of one signal by the hour: what is kept of it between two fittings, and which of its hours do not count.

Prometheus forgets after 15 days and our own minutes after two. A few values of each hour are kept longer, so that a
baseline outgrows both. Only for the fitting process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import ceil
from statistics import fmean, median
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd

from monitor.core.baseline import Signal, hour_of_week
from monitor.sources.job import Interval, instant_of

Hours = dict[int, tuple[float, ...]]
"""Where an hour of the local clock begins, in seconds since the Unix epoch -> values in the order of their instants."""

PER_HOUR: Final = 60
"""
Every minute. What a slot knows of its own median is worth as much as its values are many, and most false shifts are its
error: with half as many there were twice as many of those. A sketch of six weeks is 0.6 MB on disk.
"""
OUTLYING: Final = 5.0
"""Deviations above what is usual from which on an hour of an unlabelled past is taken for an incident."""
UNLIKE: Final = 0.2
"""The share by which an hour and its neighbours must differ from other weeks: a shift that the alarm would tell."""
FEWEST_WEEKS: Final = 3
SMALLEST_DEVIATION: Final = {
    Signal.ERROR_RATIO: 0.002,
    Signal.LATENCY: 0.005,
    Signal.QUEUE_DEPTH: 5.0,
    Signal.PROBE_LATENCY: 0.005,
}
"""In the unit of the signal. A series that is nearly constant has no deviation, and then everything is an outlier."""


def by_hour(values: pd.Series[float], time_zone: str, exclude: Sequence[Interval] = ()) -> Hours:
    """
    Args:
        values: By seconds since the Unix epoch, in any order.
        exclude: Closed intervals to leave out.
    """
    kept = values[(values >= 0) & (values < float("inf"))].sort_index()
    for start, end in exclude:
        kept = kept[(kept.index < start.timestamp()) | (kept.index > end.timestamp())]
    if kept.empty:
        return {}
    seconds = kept.index.to_series().astype(int)
    local = pd.DatetimeIndex(pd.to_datetime(seconds, unit="s", utc=True)).tz_convert(time_zone)
    # By the local clock: in a zone of half hours the hour does not begin with one of UTC.
    begins = seconds.to_numpy() - (local.minute * 60 + local.second).to_numpy()
    return {int(hour): _every_nth(group.to_list()) for hour, group in kept.groupby(begins)}


def _every_nth(values: list[float]) -> tuple[float, ...]:
    """At most PER_HOUR of them, by time: chosen by size, the largest would always be among the lost or the kept."""
    return tuple(values[:: max(1, ceil(len(values) / PER_HOUR))])


def merged(old: Hours, fresh: Hours, *, since: datetime, exclude: Sequence[Interval]) -> Hours:
    """
    The old hours that are not known afresh, and the fresh ones. Of an hour in both, the one that knows more of it: the
    first that Prometheus still has is cut off somewhere.
    """
    kept = {
        hour: values
        for hour, values in old.items()
        if not any(start.timestamp() < hour + 3600 and end.timestamp() >= hour for start, end in exclude)
    }
    both = kept | {hour: values for hour, values in fresh.items() if len(values) >= len(kept.get(hour, ()))}
    return {hour: both[hour] for hour in sorted(both) if hour >= since.timestamp() - 3600}


def outlying(hours: Hours, signal: Signal, zone: ZoneInfo) -> set[int]:
    """
    Hours that look like an incident: far above their hour of the day, and not like that in the other weeks too.

    The second half is what spares a busy Monday morning: with two weeks of history it is as rare as an incident among
    the mornings, and like the Monday before it. Only upwards, because what is quiet hides no incident.
    """
    level = {hour: fmean(v) if signal is Signal.ERROR_RATIO else median(v) for hour, v in hours.items() if v}
    slot = {hour: hour_of_week(instant_of(hour), zone) for hour in level}
    least = SMALLEST_DEVIATION[signal]
    by_day, by_week = _grouped(level, slot, 24), _grouped(level, slot, 168)
    found = set()
    for hour, value in level.items():
        same_hour = by_week[slot[hour]]
        peers = list(same_hour)
        peers.remove(value)
        if _stands_out(value, by_day[slot[hour] % 24], least) and _stands_out(value, peers or level.values(), least):
            found.add(hour)
    return found


def unlike(hours: Hours, signal: Signal, zone: ZoneInfo) -> set[int]:
    """
    Hours of a stretch unlike the same hours of the other weeks: a holiday, a bad evening, a bad week. Up or down.

    Each hour is compared with the median of its weeks, and an hour is judged with its two neighbours on either side:
    what is odd for one hour alone is how the service varies, and leaving that out would narrow its bands. What more
    than a third of the weeks do is no exception. Of less than three weeks nobody can say which one is odd.
    """
    level = {hour: fmean(v) if signal is Signal.ERROR_RATIO else median(v) for hour, v in hours.items() if v}
    slot = {hour: hour_of_week(instant_of(hour), zone) for hour in level}
    weeks = {s: levels for s, levels in _grouped(level, slot, 168).items() if len(levels) >= FEWEST_WEEKS}
    usual = {s: median(levels) for s, levels in weeks.items()}
    scale = SMALLEST_DEVIATION[signal] / UNLIKE
    shift = {h: (v - usual[slot[h]]) / max(usual[slot[h]], scale) for h, v in level.items() if slot[h] in usual}
    around = {h: median(shift[n] for n in range(h - 7200, h + 7201, 3600) if n in shift) for h in shift}
    if not around:
        return set()
    spread = 1.4826 * median(map(abs, around.values()))
    odd = {hour for hour, value in around.items() if abs(value) > max(UNLIKE, OUTLYING * spread)}
    many = Counter(slot[hour] for hour in odd)
    return {hour for hour in odd if many[slot[hour]] * 3 <= len(weeks[slot[hour]])}


def _grouped(level: Mapping[int, float], slot: Mapping[int, int], length: int) -> dict[int, list[float]]:
    groups: dict[int, list[float]] = {}
    for hour, value in level.items():
        groups.setdefault(slot[hour] % length, []).append(value)
    return groups


def _stands_out(value: float, others: Iterable[float], least: float) -> bool:
    known = list(others)
    usual = median(known)
    deviation = 1.4826 * median(abs(v - usual) for v in known)
    return value > usual + OUTLYING * max(deviation, 0.1 * usual, least)


def slots_of(hours: Hours, zone: ZoneInfo) -> dict[int, list[float]]:
    """Hour of the week -> the values of all its weeks."""
    slots: dict[int, list[float]] = {}
    for hour, values in hours.items():
        slots.setdefault(hour_of_week(instant_of(hour), zone), []).extend(values)
    return slots
