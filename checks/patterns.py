"""Regular expressions of a config: each compiled once. More checks may have one than `re` keeps by itself."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
