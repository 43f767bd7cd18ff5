"""Exact tails for counts, the small ones above all: how likely so many of so many are. Standard library only."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log, log1p
from typing import Final

LARGE: Final = 10_000
"""From so many trials on the sum of single chances costs more than it tells: a beta of the same spread answers."""
_TINY: Final = 1e-300
_EXACT: Final = 1e-14
_ENOUGH: Final = 1e-13
"""Of a sum, what may be left out: the logarithms of its first term err by more."""
_FEW: Final = 100
_PLAIN: Final = 1e-4
"""So few failures are summed sooner than all that are more; their sum is good to eleven decimals, and a tail that is
larger than this loses none of its digits by that."""
_TOGETHER: Final = 16
"""Terms between two looks at what is left."""


def incomplete_beta(x: float, a: float, b: float, told_from: float = 0.0) -> float:
    """
    Regularized incomplete beta function I_x(a, b): the chance that a Beta(a, b) variable is at most *x*.

    By its continued fraction (DLMF 8.17.22) with the modified method of Lentz; about 14 digits.

    Args:
        told_from: Where it is smaller, an upper bound that is smaller too will do.
    """
    if not (a > 0 and b > 0):
        raise ValueError(f"a beta distribution needs two positive parameters, not {a:g} and {b:g}")
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # on this side of its middle the fraction converges slowly
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    # As a series (DLMF 8.17.8) its terms fall at least as fast as the second one does.
    falls = (a + b) * x / (a + 1)
    if b >= 1 and falls < 1 and (bound := front / (1 - falls)) < told_from:
        return bound
    return front * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1) or _TINY)
    found = d
    # It takes about the root of the larger parameter; ten thousand steps are enough for a hundred million requests.
    for m in range(1, 10_000):
        twice = a + 2 * m
        term = m * (b - m) * x / ((twice - 1) * twice)
        d = 1.0 / (1.0 + term * d or _TINY)
        c = 1.0 + term / c or _TINY
        found *= c * d
        term = -(a + m) * (a + b + m) * x / (twice * (twice + 1))
        d = 1.0 / (1.0 + term * d or _TINY)
        c = 1.0 + term / c or _TINY
        found *= c * d
        if -_EXACT < c * d - 1.0 < _EXACT:
            break
    return found


@lru_cache(maxsize=256)
def beta_binomial_tail(k: int, n: int, a: float, b: float, told_from: float = 0.0) -> float:
    """
    The chance of *k* or more failures in *n* trials whose failure ratio is itself drawn from Beta(a, b).

    The posterior predictive tail of a count: with a = k0 + 1/2 and b = n0 - k0 + 1/2 that of k0 failures in n0 trials
    seen before, under Jeffreys' prior. Exact up to `LARGE` trials; beyond, a beta of the same mean and variance. Kept
    for those who ask again: a reading is judged at each evaluation until the next one comes.

    Args:
        told_from: Where the chance is smaller, an upper bound that is smaller too will do.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} trials cannot have failed")
    if k == 0:
        return 1.0
    if n > LARGE:
        mean, spread = a / (a + b), 1 / (a + b + 1)
        size = 1 / (1 / n + (1 - 1 / n) * spread) - 1
        # Half a failure less: the count moves in whole ones, and the beta does not.
        return incomplete_beta(1 - (k - 0.5) / n, (1 - mean) * size, mean * size, told_from)
    # The shorter way round: below the mean nearly everything is in the tail.
    if k <= n * a / (a + b):
        return max(0.0, 1.0 - _summed(0, k - 1, n, a, b))
    if k <= _FEW and (tail := 1.0 - _summed(0, k - 1, n, a, b)) > _PLAIN:
        return tail
    return min(1.0, _summed(k, n, n, a, b, told_from))


def _summed(first: int, last: int, n: int, a: float, b: float, told_from: float = 0.0) -> float:
    """The chances of *first* to *last* failures, added up; each follows from the one before it."""
    chance = exp(
        lgamma(n + 1) - lgamma(first + 1) - lgamma(n - first + 1)
        + lgamma(first + a) + lgamma(n - first + b) - lgamma(n + a + b)
        + lgamma(a + b) - lgamma(a) - lgamma(b)
    )  # fmt: skip
    total, steps = chance, last - first
    left, failed, of, well = float(n - first), a + first, first + 1.0, b + n - first - 1.0
    while steps:
        # From here on no chance is larger than the one before it times this; with b below 1 the last ones grow again.
        falls = left * (of if a < 1 else failed) / (of * well) if b >= 1 else 1.0
        if falls < 1:
            more = chance * falls / (1 - falls)
            if more < total * _ENOUGH:
                return total
            if total + more < told_from:
                return total + more
        some = min(steps, _TOGETHER)
        for _ in range(some):
            chance *= left * failed / (of * well)
            total += chance
            left -= 1.0
            failed += 1.0
            of += 1.0
            well -= 1.0
        steps -= some
    return total
