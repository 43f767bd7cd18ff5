"""Which addresses of a name are used, where that is not whichever connects first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """
    Attributes:
        version: 4 or 6: the family of addresses that is used.
        only: False: the other one is, where the name has no address of this one.
    """

    version: int
    only: bool = True

    @property
    def other(self) -> int:
        return 10 - self.version


def family_of(written: str | None) -> Family | None:
    """`4`, `6`, `prefer 4` or `prefer 6`."""
    if not written:
        return None
    return Family(version=int(written[-1]), only=len(written) == 1)
