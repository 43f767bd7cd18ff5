"""A check that is not asked but tells: a job that says, each time, that it ran and how it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What is expected. It has neither `requests` nor `judge`, as nothing is asked; `monitor/core/pushes.py` judges.

    Attributes:
        every: Seconds between two pushes at most; 0 where `cron` says when they are due.
        time_zone: Of `cron`.
        grace: Seconds that a push may be late, and that a run may take.
        token: Empty for the one that the daemon derives from its own secret.
    """

    kind: ClassVar[str] = "push"

    every: float = 0.0
    cron: str = ""
    time_zone: str = "UTC"
    grace: float
    token: str = field(default="", repr=False)
    url: str = "push:"
