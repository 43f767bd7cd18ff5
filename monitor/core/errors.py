"""Whether an error ratio is what is usual: by the limit of the rule, and past it by how likely so many errors are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from monitor.core.baseline import ENOUGH, Sample, error_limit
from monitor.core.tails import beta_binomial_tail

SURPRISING: Final = 0.001
"""A chance below which so many errors are no chance any more. A healthy service crosses its own 99th percentile in one
window of a hundred, and half an hour that must be free of that has six windows."""
TOLD_FROM: Final = 1e-6
"""Chances below it are told as less than 0.001 %, and no more of them is computed."""
SHARED: Final = 5
"""Values of a baseline that look back on the same minutes: ratios over five minutes, taken each minute."""
_ROUNDING: Final = 1 + 1e-9
"""One error of fifty is both 1/300 over 50/300 and one over fifty, and the first is larger by the last bit."""


@dataclass(frozen=True, slots=True)
class ErrorVerdict:
    """
    Attributes:
        within: It counts as usual.
        limit: Up to which ratio that is not even a question.
        chance: Of so many errors or more, given what is usual at this hour; None up to the limit, and without a
            baseline that could tell.
    """

    within: bool
    limit: float
    chance: float | None = None


def judge_errors(
    ratio: float,
    requests: float,
    normal: Sample | None,
    error_budget: float,
    *,
    crossed_for: timedelta = timedelta(0),
    window: timedelta = timedelta(minutes=5),
) -> ErrorVerdict:
    """
    Up to the limit an error ratio is within its baseline. Past it, it still is while so many errors are likely enough
    and the excess is not older than one window: the next window shares no request with it, and has no excuse.

    Args:
        requests: In the window of the ratio.
        crossed_for: Since when, without a break, the ratio is past the limit.
    """
    limit = error_limit(normal.quantile(0.99) if normal else None, error_budget, requests)
    if ratio <= limit * _ROUNDING:
        return ErrorVerdict(True, limit)
    if normal is None or normal.n < ENOUGH or requests <= 0:
        return ErrorVerdict(False, limit)
    n = max(1, round(requests))
    chance = beta_binomial_tail(min(n, round(ratio * n)), n, *usual_failures(normal, n), TOLD_FROM)
    return ErrorVerdict(chance >= SURPRISING and crossed_for <= window, limit, chance)


def usual_failures(ratios: Sample, n: int) -> tuple[float, float]:
    """
    Beta parameters of the failure ratio behind usual *ratios*, each of a window of about *n* requests.

    Jeffreys' prior and what was seen. What was seen counts as so many requests as its spread allows: counting itself
    explains a part of the spread, and what is left is a ratio that differs from window to window, which no number of
    requests makes sure.
    """
    mean, variance = ratios.moments
    counting = mean * (1 - mean) / n
    left = variance - counting
    seen = n * ratios.n / SHARED
    if left > 0:
        seen = min(seen, max(0.0, mean * (1 - mean) / left - 1))
    return mean * seen + 0.5, (1 - mean) * seen + 0.5
