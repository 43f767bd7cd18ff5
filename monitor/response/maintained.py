"""What a check did in maintenance, kept apart from what it did otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from monitor.core.sli import SliWindow

LEFT_OUT = "maintenance"
COUNTED_IN = "maintenance,counted"


@dataclass(slots=True)
class Maintained:
    """
    What a check did in maintenance, kept as its other results are, under a name of its own: so the history tells the
    one from the other, and a restart knows what was left out.

    Attributes:
        id: The check's, and `LEFT_OUT` or `COUNTED_IN` after a colon, which is in no check's name.
    """

    id: str
    window: SliWindow = field(default_factory=SliWindow)

    @staticmethod
    def name_of(check: str, left_out: bool) -> str:
        return f"{check}:{LEFT_OUT if left_out else COUNTED_IN}"

    def expected(self, start: datetime, end: datetime) -> int:
        """For what is kept of a time that is over: no more than came."""
        return self.taken(start, end)

    def taken(self, start: datetime, end: datetime) -> int:
        """How many slots it took in (start, end]."""
        return sum(self.window.counts(start, end)) if end > start else 0
