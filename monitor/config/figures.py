"""Shares, weights and comparisons. Parsers as in `values.py`."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from monitor.config.problems import Wrong
from monitor.config.values import text


def objective(value: object) -> float:
    """`99.9%` or `0.999`, strictly between 0 and 1, so that there is an error budget to spend."""
    found = text(value).strip()
    if not re.fullmatch(r"\d{1,9}(\.\d{1,12})? ?%?", found, re.ASCII):
        raise Wrong("{value} is not a share", "Write 99.9% or 0.999.")
    number = Decimal(found.rstrip("% "))
    # Decimal and not float: 99.9 / 100 is 0.9990000000000001 in binary, and the budget would show it.
    share = number / 100 if found.endswith("%") else number
    if 0 < share < 1:
        return float(share)
    if share == 1:
        raise Wrong("{value} leaves no error budget", "No service is always right. Write less, for example 99.9%.")
    if not found.endswith("%") and 1 < number < 100:
        raise Wrong("{value} is not between 0 and 1", "Write {value}%; as a share, 99.9% is 0.999.")
    raise Wrong("{value} is not between 0 and 1", "Write 99.9% or 0.999.")


def slice_target(value: object) -> float:
    """As `objective`, and `100%` too: every probe of a slice."""
    found = text(value).strip()
    return 1.0 if re.fullmatch(r"100(\.0+)? ?%|1(\.0+)?", found, re.ASCII) else objective(value)


def weight(value: object) -> float:
    found = text(value).strip()
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", found, re.ASCII) or float(found) <= 0:
        raise Wrong("{value} is not a weight", "Write a number above 0, for example 1 or 2.5.")
    return float(found)


def comparison(*, share: bool) -> Callable[[object], tuple[str, float]]:
    """`>= 50%` or `> 14.4`: how to compare, and with what. A share is written with a percent sign or as 0.5."""
    example = ">= 50%" if share else ">= 6"

    def parse(value: object) -> tuple[str, float]:
        found = text(value).strip()
        match = re.fullmatch(r"(>=|<=|>|<) ?(\d{1,9}(?:\.\d{1,12})?) ?(%?)", found, re.ASCII)
        if match is None:
            raise Wrong(
                "{value} is not a comparison", f'Write it with >=, >, <= or < in quotes, for example "{example}".'
            )
        number = Decimal(match[2])
        if match[3] and not share:
            raise Wrong("{value} is a share, where a number is expected", f'Write for example "{example}".')
        limit = number / 100 if match[3] else number
        if share and limit > 1:
            raise Wrong("{value} is more than everything", f'Write a share up to 100%, for example "{example}".')
        return match[1], float(limit)

    return parse


def limit(value: object) -> tuple[str, float]:
    """`> 0.05`, `<= -1e3`: how to compare a measured value, and with what."""
    found = text(value).strip()
    match = re.fullmatch(r"(>=|<=|>|<) ?([+-]?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?)", found, re.ASCII)
    if match is None:
        fix = 'Write it with >=, >, <= or < in quotes, for example "> 0.05".'
        raise Wrong("{value} is not a comparison with a number", fix)
    return match[1], float(match[2])
