"""A result's words hold no secret of the configuration, in no spelling."""

from __future__ import annotations

from datetime import UTC, datetime

from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.probing.hiding import Hiding

T0 = datetime(2026, 3, 1, tzinfo=UTC)
QUIET = Attempt(started_at=T0, outcome=Outcome.OK)


def result(*attempts: Attempt, **words: tuple[str, ...]) -> CheckResult:
    return CheckResult(service="shop", check="ready", scheduled_at=T0, attempts=attempts, **words)


def failed(detail: str) -> Attempt:
    return Attempt(started_at=T0, outcome=Outcome.FAILED, reason=Reason.BODY, detail=detail)


def test_a_secret_in_the_detail_of_any_attempt_or_in_a_note_is_masked() -> None:
    hidden = Hiding({"hunter2"}).of(
        result(
            failed("[BODY].token (hunter2) == x"),
            failed("as %68unter2 hunter2"),
            QUIET,
            warnings=("hunter2 expires",),
            notes=("saw hunter2",),
        )
    )

    assert [attempt.detail for attempt in hidden.attempts] == ["[BODY].token (***) == x", "as %68unter2 ***", ""]
    assert (hidden.warnings, hidden.notes) == (("*** expires",), ("saw ***",))


def test_what_has_no_words_is_not_made_anew() -> None:
    quiet = result(QUIET)

    assert Hiding({"hunter2"}).of(quiet) is quiet


def test_what_was_a_secret_before_a_reload_stays_one() -> None:
    hiding = Hiding({"hunter2"}).with_more({"correct horse"})

    assert hiding.of(result(failed("hunter2, correct horse"))).detail == "***, ***"
