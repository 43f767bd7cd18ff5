"""
Baselines as the daemon would have had them at each instant of a replay: fitted from the six weeks before, incidents
left out.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from monitor.core.baseline import SEASON, Baseline, Quality, Signal, hour_of_week, zone_of
from monitor.core.slots import slot_instant
from monitor.sources.job import Interval

WEEKS: Final = timedelta(weeks=6)
PER_HOUR: Final = 60
"""Values kept of each hour, as the fitting process keeps them."""

Key = tuple[str, Signal, str]
"""Service, signal, and the check where it is one check's."""


@dataclass(slots=True)
class Baselines:
    """
    Args:
        time_zone: Whose hours are meant.
        given: From the start on; replaced when enough was learned.
        learns: False where the given ones shall stay.
    """

    time_zone: str = "UTC"
    given: Mapping[Key, Baseline] = field(default_factory=dict)
    learns: bool = True
    _fitted: dict[Key, Baseline] = field(init=False)
    _hours: dict[Key, dict[datetime, array[float]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._fitted = dict(self.given)

    def get(self, key: Key) -> Baseline | None:
        return self._fitted.get(key)

    def learn(self, key: Key, at: datetime, value: float) -> None:
        if not self.learns:
            return
        hours = self._hours.get(key)
        if hours is None:
            hours = self._hours[key] = {}
        begin = at - timedelta(0, 60 * at.minute + at.second, at.microsecond)
        values = hours.get(begin)
        if values is None:
            values = hours[begin] = array("d")  # packed: a list of six weeks is four times as large
        if len(values) < PER_HOUR:
            values.append(value)

    def learn_many(self, key: Key, scores: Sequence[tuple[float, float]]) -> None:
        """
        Args:
            scores: Seconds since the Unix epoch, ascending, and the values.
        """
        if not self.learns:
            return
        hours, hour = self._hours.setdefault(key, {}), -1.0
        values = array("d")
        for at, value in scores:
            if at // 3600 != hour:
                hour = at // 3600
                values = hours.setdefault(slot_instant(hour * 3600), array("d"))
            if len(values) < PER_HOUR:
                values.append(value)

    def refit(self, now: datetime, incidents: Sequence[Interval]) -> None:
        zone = zone_of(self.time_zone)
        for key, hours in self._hours.items():
            for begin in [begin for begin in hours if begin < now - WEEKS or _touched(begin, incidents)]:
                del hours[begin]
            if not hours:
                continue
            slots: dict[int, list[float]] = {}
            for begin, values in hours.items():
                slots.setdefault(hour_of_week(begin, zone), []).extend(values)
            since = min(hours)
            service, signal, check = key
            self._fitted[key] = Baseline(
                service=service,
                check=check,
                signal=signal,
                time_zone=self.time_zone,
                fitted_at=now,
                since=since,
                quality=Quality.YOUNG if now - since < SEASON else Quality.FITTED,
                slots=slots,
            )


def _touched(begin: datetime, incidents: Sequence[Interval]) -> bool:
    end = begin + timedelta(hours=1)
    return any(start < end and until >= begin for start, until in incidents)
