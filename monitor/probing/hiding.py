"""
A detail quotes what a target answered, and that may be one of our secrets: the token that it was asked with, or one
that a condition wants to see. It is masked before anybody hears of the result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from checks.result import CheckResult
from monitor.logs.redact import Redactor
from monitor.probing.wire import Asked


class Hiding:
    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._redactor = Redactor(secrets)

    def with_more(self, secrets: Iterable[str]) -> Hiding:
        """None is ever shown again: what was a secret may stand in results on their way."""
        return Hiding(self._redactor.secrets | frozenset(secrets))

    def text(self, text: str) -> str:
        return self._redactor.masked(text)

    def asked(self, asked: Asked) -> Asked:
        """The same with no secret in its words."""
        masked = self._redactor.masked
        samples = tuple(
            (name, tuple((label, masked(text)) for label, text in labels), value)
            for name, labels, value in asked.samples
        )
        log, error = tuple(map(masked, asked.log)), masked(asked.error)
        return Asked(asked.number, asked.success, asked.took, samples, log, error)

    def of(self, result: CheckResult) -> CheckResult:
        """The same result with no secret in its words."""
        # Most have none, and a result for each probe is not made twice.
        if not (result.notes or result.warnings or any(attempt.detail for attempt in result.attempts)):
            return result
        masked = self._redactor.masked
        attempts = tuple(
            replace(attempt, detail=masked(attempt.detail)) if attempt.detail else attempt
            for attempt in result.attempts
        )
        warnings, notes = tuple(map(masked, result.warnings)), tuple(map(masked, result.notes))
        return replace(result, attempts=attempts, warnings=warnings, notes=notes)
