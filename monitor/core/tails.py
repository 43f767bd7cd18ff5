"""Exact tails for counts, the small ones above all: how likely so many of so many are. Standard library only."""

from __future__ import annotations

from math import exp, lgamma, log, log1p
from typing import Final

LARGE: Final = 10_000
"""From so many trials on the sum of single chances costs more than it tells: a beta of the same spread answers."""
_TINY: Final = 1e-300
_EXACT: Final = 1e-14


def incomplete_beta(x: float, a: float, b: float) -> float:
    """
    Regularized incomplete beta function I_x(a, b): the chance that a Beta(a, b) variable is at most *x*.

    By its continued fraction (DLMF 8.17.22) with the modified method of Lentz; about 14 digits.
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
    return front * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _invert(1.0 - (a + b) * x / (a + 1))
    found = d
    # It takes about the root of the larger parameter; ten thousand steps are enough for a hundred million requests.
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = _invert(1.0 + term * d)
            c = 1.0 + term / c or _TINY
            found *= c * d
        if abs(c * d - 1.0) < _EXACT:
            break
    return found


def _invert(value: float) -> float:
    return 1.0 / (value or _TINY)


def beta_binomial_tail(k: int, n: int, a: float, b: float) -> float:
    """
    The chance of *k* or more failures in *n* trials whose failure ratio is itself drawn from Beta(a, b).

    The posterior predictive tail of a count: with a = k0 + 1/2 and b = n0 - k0 + 1/2 that of k0 failures in n0 trials
    seen before, under Jeffreys' prior. Exact up to `LARGE` trials; beyond, a beta of the same mean and variance.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} trials cannot have failed")
    if k == 0:
        return 1.0
    if n > LARGE:
        mean, spread = a / (a + b), 1 / (a + b + 1)
        size = 1 / (1 / n + (1 - 1 / n) * spread) - 1
        # Half a failure less: the count moves in whole ones, and the beta does not.
        return incomplete_beta(1 - (k - 0.5) / n, (1 - mean) * size, mean * size)
    # The shorter way round: below the mean nearly everything is in the tail.
    if k <= n * a / (a + b):
        return max(0.0, 1.0 - _summed(0, k - 1, n, a, b))
    return min(1.0, _summed(k, n, n, a, b))


def _summed(first: int, last: int, n: int, a: float, b: float) -> float:
    """The chances of *first* to *last* failures, added up; each follows from the one before it."""
    chance = exp(
        lgamma(n + 1) - lgamma(first + 1) - lgamma(n - first + 1)
        + lgamma(first + a) + lgamma(n - first + b) - lgamma(n + a + b)
        + lgamma(a + b) - lgamma(a) - lgamma(b)
    )  # fmt: skip
    total = chance
    for k in range(first, last):
        step = (n - k) * (a + k) / ((k + 1) * (b + n - k - 1))
        chance *= step
        total += chance
        if step < 1 and chance < total * 1e-16 and b >= 1:  # below 1 the last ones grow again
            break
    return total
