"""Probes in a row that were all ok, counted together: nearly all that a replay of a year has to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import floor
from statistics import median
from typing import Final, Protocol

from monitor.core.sli import minute_of
from monitor.core.slots import slot_instant
from monitor.response.minutes import ROUNDING, MinuteLatencies

_MINUTE: Final = 60


class Slot(Protocol):
    """When a probe was due, in seconds since the Unix epoch, and its latency in seconds."""

    @property
    def at(self) -> float: ...

    @property
    def latency(self) -> float | None: ...


@dataclass(slots=True)
class OkRun:
    """
    Scheduled probes of one check, oldest first, each ok at its first attempt.

    Attributes:
        count: How many.
        last: The slot of the newest, in seconds since the Unix epoch.
        minutes: How many count in each minute, ascending (see `minute_of`).
        unmeasured: Those of them without a latency.
        medians: When each minute that is complete began, and its median latency.
    """

    count: int = 0
    last: float = 0.0
    minutes: dict[int, int] = field(default_factory=dict)
    unmeasured: dict[int, int] = field(default_factory=dict)
    medians: list[tuple[float, float]] = field(default_factory=list)
    _kept: dict[int, list[float]] = field(default_factory=dict)
    _told_until: int | None = None

    @classmethod
    def of(cls, probes: Iterable[Slot], before: MinuteLatencies, interval: float, settled: int) -> OkRun:
        """
        Args:
            probes: Ascending by their slots.
            before: The check's latencies so far; not changed.
            interval: Of the check, in seconds.
            settled: The first minute since the Unix epoch that may still get results once all of these are here.
        """
        run = cls(_kept={_number(minute): [*values] for minute, values in sorted(before.kept.items())})
        told = -1 if before.told_until is None else _number(before.told_until)
        minutes, kept, count, at = run.minutes, run._kept, 0, 0.0
        waiting = [minute for minute in kept if minute >= told]
        for probe in probes:
            at, seconds, count = probe.at, probe.latency, count + 1
            begun = floor(at / _MINUTE)
            past = at - begun * _MINUTE
            ended = begun + 1
            if not ROUNDING < past < _MINUTE - ROUNDING:
                # To the very minute in which a single result would be counted, which comes as a datetime.
                instant = slot_instant(at).timestamp()
                begun, ended = floor(instant / _MINUTE), minute_of(slot_instant(at))
                past = instant - begun * _MINUTE
            minutes[ended] = minutes.get(ended, 0) + 1
            if seconds is None:
                run.unmeasured[ended] = run.unmeasured.get(ended, 0) + 1
            else:
                if (values := kept.get(begun)) is None:
                    kept[begun] = [seconds]
                    if begun >= told:
                        waiting.append(begun)
                else:
                    values.append(seconds)
            until = begun + 1 if past + interval >= _MINUTE - ROUNDING else begun
            if until > told:
                told, waiting = until, run._tell(waiting, until)
        if any(minute < settled for minute in waiting):
            told, _ = max(told, *(minute + 1 for minute in waiting if minute < settled)), run._tell(waiting, settled)
        run.count, run.last, run._told_until = count, at, told if told >= 0 else None
        for minute in [minute for minute in kept if minute < settled]:
            del kept[minute]
        return run

    def _tell(self, waiting: list[int], until: int) -> list[int]:
        """Those that go on waiting."""
        for minute in waiting:
            if minute < until:
                values = self._kept[minute]
                self.medians.append((float(minute * _MINUTE), values[0] if len(values) == 1 else median(values)))
        return [minute for minute in waiting if minute >= until]

    def leave(self, latencies: MinuteLatencies) -> None:
        """What the check's latencies are from now on."""
        latencies.kept = {slot_instant(minute * 60.0): values for minute, values in self._kept.items()}
        latencies.told_until = None if self._told_until is None else slot_instant(self._told_until * 60.0)


def _number(minute: datetime) -> int:
    return floor(minute.timestamp() / _MINUTE)
