"""What is wrong with the text of a condition, and where."""

from __future__ import annotations


class ConditionError(ValueError):
    """
    The words never quote the condition: a part of it may have come from an environment variable. Who knows that it has
    not points at the place instead.

    Attributes:
        found: What is wrong, in a few words.
        fix: What would be right, as a sentence.
        start, end: Positions in the text.
        known: Where a name is wrong, those that there are.
    """

    def __init__(self, found: str, fix: str, start: int, end: int, known: tuple[str, ...] = ()) -> None:
        super().__init__(found)
        self.found, self.fix = found, fix
        self.start, self.end = start, max(end, start + 1)
        self.known = known
