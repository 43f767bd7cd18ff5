"""Regular expressions of Go's in conditions of ours. What Python does not take is told when the plan is read."""

from __future__ import annotations

import re


def matches(placeholder: str, pattern: str) -> str:
    """The condition that *placeholder* matches *pattern*, dollar signs doubled as in a file of ours."""
    return f"{placeholder} == {function(pattern)}".replace("$", "$$")


def function(pattern: str) -> str:
    """`regex(...)`, in quotes where the pattern holds what a condition would read."""
    if re.fullmatch(r"[\w.*+?^$|\\/:@%-]+", pattern):
        return f"regex({pattern})"
    quoted = pattern.replace("\\", "\\\\").replace('"', '\\"')
    return f'regex("{quoted}")'
