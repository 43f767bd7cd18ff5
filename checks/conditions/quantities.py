"""Numbers as people and JSON write them: integers of any base, decimals, durations, sizes; and back to text."""

from __future__ import annotations

import re
from math import isfinite
from typing import Final

Number = int | float

# Milliseconds, for gatus counts in them; days and weeks are ours.
_UNITS: Final = {
    "ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000,
    "d": 86_400_000, "w": 604_800_000,
}  # fmt: skip
_SIZES: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}

_UNIT: Final = r"(?:ns|us|µs|μs|ms|[smhdw])"
_PART: Final = re.compile(rf"(\d{{1,18}}(?:\.\d{{0,18}})?|\.\d{{1,18}})({_UNIT})", re.ASCII)
_DURATION: Final = re.compile(rf"[-+]?(?:(?:\d{{1,18}}(?:\.\d{{0,18}})?|\.\d{{1,18}}){_UNIT})+", re.ASCII)
_SIZE: Final = re.compile(r"(\d{1,18}(?:\.\d{1,18})?) ?([KMGT]?)i?B", re.ASCII)
# As Go's strconv.ParseInt with base 0: a leading zero is octal, and an underscore may stand between digits.
_INTEGER: Final = re.compile(
    r"([-+]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|(?:0[oO]((?:_?[0-7])+))|0((?:_?[0-7])+)|(0|[1-9](?:_?\d)*))",
    re.ASCII,
)
_DECIMAL: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_LONGEST: Final = 64  # characters of what is taken for a number
_MOST: Final = 2**63


def integer(text: str) -> int | None:
    """*text* as Go reads an integer of 64 bits: 12, -3, 0x1F, 0b101, 0o17 and 017; None for anything else."""
    found = _INTEGER.fullmatch(text) if 0 < len(text) <= _LONGEST else None
    if found is None:
        return None
    sign, *digits = found.groups()
    for base, number in zip((16, 2, 8, 8, 10), digits, strict=True):
        if number is not None:
            value = int(number.replace("_", ""), base)
            value = -value if sign == "-" else value
            return value if -_MOST <= value < _MOST else None
    return None


def duration(text: str) -> Number | None:
    """Milliseconds: `1h30m`, `250ms`, `48h`, `14d`; None for anything else."""
    if len(text) > _LONGEST or not _DURATION.fullmatch(text):
        return None
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    # In a binary fraction 0.3s would be a little more than 300.
    total = round(total, 6)
    return -total if text[0] == "-" else total


def size(text: str) -> Number | None:
    """Bytes: `512B`, `64KB`, `1.5MB`, in steps of 1024; None for anything else."""
    found = _SIZE.fullmatch(text) if len(text) <= _LONGEST else None
    return None if found is None else float(found[1]) * 1024 ** _SIZES[found[2]]


def plain(text: str) -> Number | None:
    """A number without a unit."""
    whole = integer(text)
    if whole is not None:
        return whole
    if len(text) <= _LONGEST and _DECIMAL.fullmatch(text) and isfinite(value := float(text)):
        return value
    return None


def number(value: object) -> Number | None:
    """What *value* counts when it is compared by size; None for what is no number, and that is never 0."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if isinstance(value, int) or isfinite(value) else None
    if not isinstance(value, str) or not value:
        return None
    # By its last letter: most numbers have no unit, and asking in vain costs as much as reading. In 0x1d it is none.
    unit = size if value[-1] == "B" else duration if value[-1] in "smhdw" else None
    found = unit(value) if unit is not None else None
    return found if found is not None else plain(value)


def number_text(value: Number) -> str:
    """As JSON would have it: 1 and not 1.0, 1000000 and not 1e+06."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value) if isinstance(value, int) else repr(value)


def duration_text(milliseconds: Number) -> str:
    """`336h`, `1h30m`, `1h0m15s`, `-2h`: whole seconds, without zeros at the end."""
    seconds = int(abs(milliseconds) / 1000)
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    sign = "-" if milliseconds < 0 and seconds else ""
    if not rest and (hours or minutes):
        return sign + (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    return sign + (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"
