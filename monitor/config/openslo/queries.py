"""
PromQL of OpenSLO documents as PromQL that counts within a window, which a budget of counts needs.

The specification leaves open what a query of a counter returns. Two ways are written: the counter itself, as in its
own examples, and a count over a window that the reader fills in, as sloth has them: `[{{.window}}]`.
"""

from __future__ import annotations

import re

_MATCHERS = r"""\{(?:[^{}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*\}"""
_SELECTOR = re.compile(rf"[a-zA-Z_:][a-zA-Z0-9_:]*\s*(?:{_MATCHERS})?|{_MATCHERS}")
_SUM = re.compile(r"sum\s*\((.*)\)", re.DOTALL)
_FILLED_IN = re.compile(r"\{\{\s*\.window\s*\}\}|\$window\b")


def counting(query: str, goes_down: bool = False) -> str | None:
    """
    *query* with `$window` where the window stands; None when it is neither of the two.

    Args:
        goes_down: Its value may fall (`counter: false`), so it is no counter.
    """
    if _FILLED_IN.search(query):
        filled = _FILLED_IN.sub("$window", query)
        # A rate is per second: as a count it would be wrong by the length of the window.
        counts = re.search(r"\bincrease\s*\(", filled) and not re.search(r"\bi?rate\s*\(", filled)
        return filled if counts else None
    if goes_down:
        return None
    summed = _SUM.fullmatch(query)
    selector = (summed[1] if summed else query).strip()
    return f"sum(increase({selector}[$window]))" if _SELECTOR.fullmatch(selector) else None
