"""What a count and a share are worth: intervals at 95 %."""

from __future__ import annotations

from math import exp, lgamma, log

Z = 1.959963985


def poisson_interval(count: int) -> tuple[float, float]:
    """
    Garwood's exact interval of the mean behind *count* events, by bisection on the Poisson tail.

    Above 400 it is Wilson and Hilferty's, which differs there by less than a hundredth of an event.
    """
    if count > 400:
        return _hilferty(count, -Z), _hilferty(count + 1, Z)
    return (_mean_with(count - 1, 0.975) if count else 0.0), _mean_with(count, 0.025)


def wilson_interval(found: int, of: int) -> tuple[float, float]:
    """Of the share behind *found* of so many runs."""
    share, square = found / of, Z * Z / of
    middle = share + square / 2
    reach = Z * (share * (1 - share) / of + square / of / 4) ** 0.5
    return max(0.0, (middle - reach) / (1 + square)), min(1.0, (middle + reach) / (1 + square))


def _hilferty(n: int, z: float) -> float:
    return n * (1 - 1 / (9 * n) + z / (3 * n**0.5)) ** 3


def _mean_with(count: int, tail: float) -> float:
    """The mean of which *count* events or fewer have this chance."""
    low, high = 0.0, 10.0 * (count + 5)
    for _ in range(80):
        middle = (low + high) / 2
        # Each term by its logarithm: a product would run out of floats above seven hundred.
        chance = sum(exp(i * log(middle) - middle - lgamma(i + 1)) for i in range(count + 1))
        low, high = (middle, high) if chance > tail else (low, middle)
    return low
