"""Spans of time as other tools write them, in ours."""

from __future__ import annotations

import re
from datetime import timedelta

from monitor.config.foreign.place import Place
from monitor.config.foreign.told import Word
from monitor.config.values import LONGEST, show

_GO = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PROMETHEUS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_SHORTEST_INTERVAL, _LONGEST_INTERVAL = timedelta(seconds=1), timedelta(hours=24)


def go_seconds(text: str) -> float | None:
    """`1h30m`, `1.5s`, and a number alone, which Go reads as nanoseconds."""
    return float(text[:30]) * 1e-9 if re.fullmatch(r"\d+", text, re.ASCII) else _seconds(text, _GO)


def prometheus_seconds(text: str) -> float | None:
    return 0.0 if text == "0" else _seconds(text, _PROMETHEUS)


def _seconds(text: str, units: dict[str, float]) -> float | None:
    if not re.fullmatch(r"(?:\d{1,18}(?:\.\d{0,18})?[a-zµμ]{1,2})+", text, re.ASCII | re.IGNORECASE):
        return None
    parts = re.findall(r"([\d.]+)([^\d.]+)", text)
    if any(unit not in units for _, unit in parts):
        return None
    return sum(float(number) * units[unit] for number, unit in parts)


def shown(seconds: float) -> str:
    """As we write it, to the millisecond."""
    return show(timedelta(seconds=min(max(seconds, 0.001), LONGEST.total_seconds())))


def interval(place: Place | None, seconds: float) -> timedelta:
    """How often a check is asked; what we cannot keep is told."""
    asked = timedelta(seconds=min(seconds, LONGEST.total_seconds()))
    kept = min(max(asked, _SHORTEST_INTERVAL), _LONGEST_INTERVAL)
    if kept != asked and place is not None:
        found = "is shorter than 1s" if kept > asked else "is longer than 24h"
        place.tell(Word.CHANGED, found, f"It is asked every {show(kept)}.")
    return kept


def timeout(place: Place, seconds: float, every: timedelta) -> str | None:
    """For one attempt; None, which is told, where it is not shorter than the interval."""
    if 0 < seconds < every.total_seconds():
        return shown(seconds)
    found = f"is not shorter than the interval {show(every)}"
    place.tell(Word.CHANGED, found, "A probe ends before the next is due: it has the default, 80% of the interval.")
    return None
