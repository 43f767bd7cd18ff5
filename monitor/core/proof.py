"""
Whether errors are more than chance: the lower bound of an error ratio.

One failed probe of 60 burns a budget of 0.1 % sixteen times too fast, and proves next to nothing. The Jeffreys interval
(Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", 2001) says how much of it is proven: the
quantile of Beta(bad + 1/2, good + 1/2).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import exp, lgamma, log, log1p
from typing import Final

CONFIDENCE: Final = 0.99
MOST_PROVING: Final = 1000.0
"""Errors; more of them prove as much, at the same ratio: the bound is within 8 % of it by then, and the sum below would
need more steps the more there are."""
_STEPS: Final = 300
_TINY: Final = 1e-300
_CLOSE: Final = 1e-12


def dispersion(bad: Iterable[int], cells: int) -> float:
    """
    How much errors come in clumps: the variance of the counts per cell of time over their mean, and at least 1.

    A flake of three minutes is one accident and not eighteen failed probes. Divided by this, the counts are worth what
    they would prove were they independent (quasi-likelihood: McCullagh and Nelder, "Generalized Linear Models", 4.5).

    Args:
        bad: Of the cells that have errors.
        cells: All there are, those without errors too.
    """
    counts = list(bad)
    mean = sum(counts) / cells if cells else 0.0
    if mean <= 0:
        return 1.0
    return max(1.0, (sum(count * count for count in counts) / cells - mean * mean) / mean)


def is_above(bad: float, total: float, ratio: float, confidence: float = CONFIDENCE) -> bool:
    """Whether the true error ratio lies above *ratio*, at this confidence, after *bad* of *total*."""
    if bad > MOST_PROVING:
        bad, total = MOST_PROVING, total * (MOST_PROVING / bad)
    return bad > 0 and beta_cdf(ratio, bad + 0.5, total - bad + 0.5) <= 1 - confidence


@lru_cache(maxsize=4096)  # asked each minute, of counts that are those of the minute before more often than not
def lower_bound(bad: float, total: float, confidence: float = CONFIDENCE) -> float:
    """What the error ratio is at least, at this confidence; 0.0 without an error."""
    if bad <= 0 or total <= 0:
        return 0.0
    low, high = 0.0, bad / total
    for _ in range(25):  # to a thirty-millionth of it
        middle = (low + high) / 2
        if is_above(bad, total, middle, confidence):
            low = middle
        else:
            high = middle
    return low


def beta_cdf(x: float, a: float, b: float) -> float:
    """
    The regularised incomplete beta function I_x(a, b), to about ten digits.

    Source: DLMF 8.17.22, the continued fraction, by the modified method of Lentz.
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        # The fraction converges quickly on this side alone.
        return 1 - beta_cdf(1 - x, b, a)
    front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b)) / a
    return front * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _inverse(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = _inverse(1 + term * d)
            c = 1 + term / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def _inverse(x: float) -> float:
    return 1 / (x if abs(x) > _TINY else _TINY)
