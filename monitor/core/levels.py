"""A new level that stays: when to ask whether a shift is what is normal now. Only a person says that it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from statistics import median
from typing import Final

from monitor.core.shift import Effect, hodges_lehmann

FLAT_FOR: Final = timedelta(hours=2)
"""How long a shift must neither grow nor go before anybody is asked whether it is the new level."""
FEWEST: Final = 12
"""Scores that it takes to call something flat: an hour of five-minute readings on either side of its middle."""


def is_flat(values: Sequence[float], effect: Effect | None = None) -> bool:
    """Whether the later half of *values*, oldest first, lies where the earlier half does."""
    if len(values) < FEWEST:
        return False
    effect = effect or Effect()
    middle = len(values) // 2
    before, after = values[:middle], values[middle:]
    moved = abs(hodges_lehmann(after, before))
    return moved < effect.seconds or moved < effect.ratio * median(before)
