"""What `check-once` makes of the results: one verdict for each check, and one exit code for all. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from checks.result import Attempt, CheckResult, Confirmation, Outcome


class Status(StrEnum):
    """The four states of the monitoring plugins' contract."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


EXIT_CODES: Final[Mapping[Status, int]] = {Status.OK: 0, Status.WARNING: 1, Status.FAILED: 2, Status.UNKNOWN: 3}

_WORST_FIRST: Final = (Status.FAILED, Status.UNKNOWN, Status.WARNING, Status.OK)
"""What is broken matters more than what could not be asked, though its exit code is lower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    Attributes:
        warnings: What makes an ok check a warning, one line each.
        notes: What a person should know and no status rests on.
    """

    result: CheckResult
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        if self.result.outcome is Outcome.UNKNOWN:
            return Status.UNKNOWN
        if self.result.outcome is Outcome.FAILED and self.result.confirmation is not Confirmation.UNCONFIRMED:
            return Status.FAILED
        return Status.WARNING if self.warnings else Status.OK

    @property
    def mark(self) -> str:
        """The status in words. "ok after 2 attempts" is not the same as ok: its SLI counted the failure."""
        if self.status in (Status.OK, Status.WARNING) and self.result.outcome is Outcome.FAILED:
            return f"{self.status} after {self._ok_at + 1} attempts"
        return str(self.status)

    @property
    def shown(self) -> Attempt:
        """The attempt whose times and status are worth showing: the one that was ok if any, else the first."""
        return self.result.attempts[self._ok_at]

    @property
    def why(self) -> str:
        """One line: what went wrong, what is close to it, what else there is to know."""
        first = self.result.first
        parts = [f"{first.reason}: {first.detail}" if first.detail else f"{first.reason}"] if first.reason else []
        if parts and self.status in (Status.OK, Status.WARNING):
            parts = [f"first {parts[0]}"]
        return "; ".join([*parts, *self.warnings, *self.notes])

    @property
    def _ok_at(self) -> int:
        outcomes = [attempt.outcome for attempt in self.result.attempts]
        return outcomes.index(Outcome.OK) if Outcome.OK in outcomes else 0


def overall(verdicts: Sequence[Verdict]) -> Status:
    """The worst of them; unknown when there is none, for nothing was asked."""
    found = {verdict.status for verdict in verdicts}
    return next((status for status in _WORST_FIRST if status in found), Status.UNKNOWN)


def counted(verdicts: Sequence[Verdict]) -> str:
    """`3 checks: 1 failed, 2 ok`, worst first."""
    counts = [(sum(v.status is status for v in verdicts), status) for status in _WORST_FIRST]
    total = f"{len(verdicts)} check{'' if len(verdicts) == 1 else 's'}"
    return f"{total}: {', '.join(f'{n} {status}' for n, status in counts if n)}" if verdicts else total
