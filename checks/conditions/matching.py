"""What stands beside a value and is more than one text: `pat(*ok*)`, `regex(^1\\.)`, `any(200, 204)`."""

from __future__ import annotations

import re
import warnings
from typing import Final

from checks.conditions.unresolved import Unresolved
from checks.patterns import SEARCH_SECONDS, SearchTooLong, limited

LONGEST_SEARCHED: Final = 65_536
"""Characters. With them the worst search that we could build ended after 0.3 s; it grows with the length."""


def matches_glob(parts: tuple[str, ...], text: str) -> bool:
    """Whether *text* as a whole is *parts* with anything between them; one part is the text itself."""
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def compiled(pattern: str) -> re.Pattern[str]:
    """Raises re.error, OverflowError or RecursionError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Python may read otherwise one day
        return re.compile(pattern)


def searched(pattern: re.Pattern[str], text: str) -> bool | Unresolved:
    """Whether *pattern* is found anywhere in *text*; unresolved where that takes too long."""
    if len(text) > LONGEST_SEARCHED:
        return Unresolved(f"regex() searches {LONGEST_SEARCHED} characters at most, and it has {len(text)}: use pat()")
    try:
        return limited(pattern, text) is not None
    except SearchTooLong:
        return Unresolved(f"the search took more than {SEARCH_SECONDS * 1000:g} ms")
    except MemoryError:
        return Unresolved("the search took too much memory")
