"""A value that is not there."""

from __future__ import annotations


class Unresolved:
    """
    Never 0, never empty, equal to nothing: whatever is compared with it fails.

    Attributes:
        why: A clause.
        none: True where it is known that there is none, for example of a certificate; gatus writes that as 0.
    """

    __slots__ = ("none", "why")

    def __init__(self, why: str, *, none: bool = False) -> None:
        self.why = why
        self.none = none
